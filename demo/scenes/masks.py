"""Masked rounds: the sum of updates that nobody reads one by one is the model of the open round, also where one drops
out; and a hospital that masks garbage is named.
"""

from demo.garbage import lie
from demo.observer import JOB, Observer
from demo.open_twin import open_root
from demo.parties import COORDINATOR, HOSPITALS, PARTIES
from demo.result import MaskedRounds, Result
from ledger.formats.claims import RoundName
from ledger.formats.digest import NOTHING
from ledger.formats.text import listed, plural
from ledger.history.state import Phase
from ledger.history.state.masking import RoundMasks
from ledger.jobs.document import Job
from ledger.party.sharing.openings import Openings
from ledger.rounds.masking.convictions import MaskedJob

LOST, LATE, LIAR = HOSPITALS[2], HOSPITALS[3], HOSPITALS[1]
TWIN = 1
"""The round that is made a second time, in the open."""


def make_open_twin(observer: Observer, job: Job, result: Result) -> None:
    """Every hospital trains a round again, without masks, and the open round's model is made of these updates. Nothing
    else may train meanwhile.
    """
    parties, stage = observer.parties, observer.stage
    files = {name: parties[name].home.folder / "open-update" for name in HOSPITALS}
    again = ("node", "replay", "--round", str(TWIN), "--json")
    trained = [
        stage.spawn(f"{name} replay", *again, "--update", path, "--home", parties[name].home.folder)
        for name, path in files.items()
    ]
    for one in trained:
        stage.finish(one, "training again failed")
    final = observer.round(TWIN).final
    masked = final.root if final else NOTHING
    root = open_root(observer, job, TWIN, {PARTIES.index(name): path for name, path in files.items()})
    told(result).twin = {"round": str(TWIN), "open": root.hex(), "masked": masked.hex()}
    word = "the same" if masked == root else "[red]another[/]"
    stage.screen.say(f"round {TWIN} made again of open updates: {word} model, root {root.hex()[:16]}…")


def lose_a_hospital(observer: Observer, number: int, result: Result) -> None:
    """A hospital is killed once it has committed to an update, before it can show it: its round key is rebuilt of the
    others' shares, and the model is made of theirs.
    """
    parties, say = observer.parties, observer.stage.screen.say
    parties.stage.lasting[LATE].pause()
    parties.start(COORDINATOR, "--rounds", str(number))
    lost = PARTIES.index(LOST)
    observer.until(lambda: number in observer.job.rounds and lost in observer.round(number).commitments)
    parties.kill(LOST)
    parties.stage.lasting[LATE].resume()
    say(f"[bold]lost[/]: in round {number}, {LOST} is killed after it committed to an update")
    _wait_no_longer(observer, number)
    observer.until(lambda: observer.round(number).phase.terminal)
    said, shares = _masks(observer, number), 0
    for answer in said.answers.values():
        shares += lost in answer.shares
    told(result).lost = {"round": str(number), "member": LOST, "shares": str(shares), "state": _state(observer, number)}
    say(
        f"{plural(shares, 'hospital')} showed shares of its key of that round: its masks are taken off, its update is "
        f"in no sum; round {number} is {_state(observer, number)}"
    )
    parties.start(LOST)


def _wait_no_longer(observer: Observer, number: int) -> None:
    """Once the coordinator has the openings of all others, put the chain's clock forward to the second from which on it
    opens a round without the last one; and once they are on the ledger, to the end of the time for that one.
    """
    parties, place = observer.parties, observer.connection.place
    name = RoundName(place.chain, place.contract, JOB, number)
    handed_in = Openings(parties[COORDINATOR].home.folder)
    others = {parties[one].signer.address for one in HOSPITALS if one != LOST}

    def heard() -> bool:
        phase, known = observer.round(number).phase, {opening.party for opening in handed_in.find(name)}
        return phase.terminal or (phase is not Phase.COLLECTING and others <= known)

    observer.until(heard)
    half = observer.job.terms.open_seconds // 2
    if observer.round(number).phase is Phase.OPENING:
        _put_forward(observer, observer.round(number).deadline - half)
    observer.until(lambda: observer.round(number).phase.terminal or len(observer.round(number).updates) == len(others))
    if observer.round(number).phase is Phase.OPENING:
        _put_forward(observer, observer.round(number).deadline + 1)


def _put_forward(observer: Observer, second: int) -> None:
    """Let the chain's clock be as late as this, in seconds since 1970: nobody has to sit through what is waited for."""
    early = second - observer.connection.client.time()
    if early > 0:
        observer.parties.local.anvil.pass_time(early)
        observer.stage.screen.say(f"  nobody else is waited for: the chain's clock is put forward by {early} s")


def convict_a_liar(observer: Observer, number: int, result: Result) -> None:
    """A hospital masks garbage: the sum is beyond its bounds, the others open that one round's updates, and what is
    left of the sum is the liar's. The next round goes on without it.
    """
    parties, say = observer.parties, observer.stage.screen.say
    parties.stop(LIAR)
    parties.start_lying(LIAR, lie)
    say(f"[bold]lie[/]: in round {number}, {LIAR} masks an update with one value far beyond the job's bound")
    parties.start(COORDINATOR, "--rounds", str(number))
    observer.until(lambda: number in observer.job.rounds and observer.round(number).phase.terminal)
    say(f"the sum is beyond its bounds: round {number} is {_state(observer, number)}, and no model is made")
    honest = _masks(observer, number).set or frozenset()
    honest -= {PARTIES.index(LIAR)}
    observer.until(lambda: honest <= _masks(observer, number).shown.keys())
    say(f"{listed(map(observer.connection.name, sorted(honest)))} open their updates of that round")
    blame = _judged(observer).convicted(observer.connection.deep().number + 1)
    why = {
        observer.connection.name(member): one.guilty.message.removeprefix(f"member {member}: ")
        for member, one in blame.items()
    }
    for name, message in why.items():
        say(f"convicted: {name}: {message}")
    _close_openings(observer, number)
    parties.start(COORDINATOR, "--rounds", str(number + 1))
    observer.until(lambda: number + 1 in observer.job.rounds and observer.round(number + 1).phase.terminal)
    chosen = sorted(_masks(observer, number + 1).set or ())
    names = listed(map(observer.connection.name, chosen))
    say(f"round {number + 1} goes on with {names}: {_state(observer, number + 1)}")
    told(result).convicted, told(result).without = why, list(map(observer.connection.name, chosen))


def _close_openings(observer: Observer, number: int) -> None:
    """All who open that round have: let the time for it pass, in which there can be no set of the next one."""
    ended = observer.connection.client.block(observer.round(number).ended_in)
    if ended is not None:
        _put_forward(observer, ended.time + observer.connection.history.masks[JOB].terms.unmask_seconds + 1)


def told(result: Result) -> MaskedRounds:
    """What the result says of masked rounds."""
    result.masked = result.masked or MaskedRounds()
    return result.masked


def _judged(observer: Observer) -> MaskedJob:
    connection, history = observer.connection, observer.connection.history
    document = connection.document(observer.job)

    def time_of(number: int) -> int:
        block = connection.client.block(number)
        return block.time if block else 0

    return MaskedJob(connection.place, observer.job, document, history.masks[JOB], connection.fetch, time_of)


def _masks(observer: Observer, number: int) -> RoundMasks:
    return observer.connection.history.masks[JOB].rounds.get(number, RoundMasks(number))


def _state(observer: Observer, number: int) -> str:
    return observer.round(number).phase.value
