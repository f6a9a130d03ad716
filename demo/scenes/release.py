"""How the demo ends: hospitals measure the model, one proposes its release, the members vote, anyone fetches it."""

import json
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from demo.observer import JOB, Observer
from demo.parties import COORDINATOR, HOSPITALS, Parties
from demo.process import Fedledger
from demo.result import Result
from demo.scenes.training import comparison_file
from ledger.errors import Unavailable
from ledger.events.actions import ReleaseModel
from ledger.events.proposals import Proposal
from ledger.events.records import Choice
from ledger.formats.text import plural
from ledger.party.auditing import require_right
from ledger.party.connection import Connection
from ledger.party.gateway import serve_and_announce
from ledger.party.held_out import require_held_out
from ledger.party.pins import report_pin
from ledger.party.publishing import card_in_use, read_file, verify, write
from ledger.party.voting import close, execute, proposal, propose, relay, sign, vote
from ledger.releases.report import Evaluation, join
from ledger.store import disk

NAME, VERSION, LICENCE = "breast-cancer", "1.0.0", "cc-by-4.0"
PROPOSER, VOTER, SIGNER, *_ = HOSPITALS
"""One measures, proposes and votes; one votes by the command line; one signs its vote, which another member sends."""
MESSENGER = COORDINATOR
REPLAYED = 1


@dataclass(slots=True)
class ReleaseFigures:
    """What hospitals do on rows of their own for a release: each measures every model on those that it holds out, and
    the proposer trains a round again from those that it was trained on.
    """

    parties: Parties
    measuring: dict[str, Fedledger] = field(default_factory=dict)
    training: list[Fedledger] = field(default_factory=list)
    vouching: list[Fedledger] = field(default_factory=list)

    def begin(self) -> None:
        """Start measuring, as far as the job has come, beside what comes next."""
        parties, stage = self.parties, self.parties.stage
        evaluate = ("node", "evaluate", "--follow", "--json", "--report")
        for name, report in _reports(parties).items():
            measuring = stage.spawn(f"{name} measuring", *evaluate, report, *_home(parties, name), aside=True)
            self.measuring[name] = measuring

    def report(self, result: Result) -> Evaluation:
        """All hospitals' figures on the rows that they hold out, as one report."""
        stage = self.parties.stage
        for one in self.measuring.values():
            stage.finish(one, "the evaluation failed")
        for one in self.vouching:
            stage.finish(one, "the comparison could not be added to the report")
        report = replace(join([read_file(path) for path in _reports(self.parties).values()]), license=LICENCE)
        result.held_out = {"rows": str(report.samples), **report.pooled}
        stage.screen.say(
            f"together, on {plural(report.samples, 'row')} that four hospitals {report.rows}, from their counts: "
            f"accuracy {report.pooled['accuracy']}, AUC {report.pooled['auc']}"
        )
        return report

    def vouch(self) -> None:
        """Once no round is trained any more, which excludes another training in that home, the proposer trains one
        again. Once it has measured, it begins to measure the model on the file that the others were compared on, and
        vouches for all of it.
        """
        stage, report = self.parties.stage, _reports(self.parties)[PROPOSER]
        again = ("--round", str(REPLAYED), "--json", *_home(self.parties, PROPOSER))
        replay = stage.spawn("replay", "node", "replay", *again, output=stage.folder / "replay.json", aside=True)
        self.training.append(replay)
        stage.finish(self.measuring[PROPOSER], "the evaluation failed")
        compared = ("--data", stage.data / "test.csv", "--compared", comparison_file(stage), "--report", report)
        home = ("--json", *_home(self.parties, PROPOSER))
        self.vouching.append(stage.spawn("comparison vouched for", "node", "evaluate", *compared, *home))

    def trained_again(self) -> None:
        """Say what training again came to; a failure is the demo's."""
        stage = self.parties.stage
        for one in self.training:
            stage.finish(one, "training again failed")
        found = json.loads((stage.folder / "replay.json").read_bytes())
        rows = f"the {found['rows']} rows that its update is bound to"
        stage.screen.say(f"{PROPOSER} trained round {REPLAYED} again from {rows}: the same root {found['root'][:16]}…")


def propose_release(parties: Parties, figures: ReleaseFigures, number: int, result: Result) -> Proposal:
    """The proposer audits the model of round `number`, the last, while the others measure it, and puts it to the vote,
    with all figures and the round's scores. Raises Unavailable for figures of another model.
    """
    stage, resident = parties.stage, parties[PROPOSER]
    connection = stage.stack.enter_context(Connection.open(resident.home))
    connection.refresh()
    sender = connection.sender(resident.signer)
    stage.stack.enter_context(closing(serve_and_announce(connection, sender, resident.home.settings())))
    require_right(connection, JOB, number)
    report = figures.report(result)
    figures.trained_again()
    if (report.job, report.round) != (JOB, number):
        raise Unavailable("the figures are of another model", expected=(JOB, number), actual=(report.job, report.round))
    require_held_out(connection, connection.history.jobs[report.job], report)
    connection.put([report.encode()], report_pin(report.digest))
    made = propose(connection, sender, _release_of(connection, report))
    stage.screen.say(f"{PROPOSER} proposes to release the model of round {report.round} as {NAME} {VERSION}")
    vote(connection, sender, made, Choice.FOR)
    return made


class Messenger:
    """A member that sends what another signed, ends the vote, and carries out what passed."""

    def __init__(self, parties: Parties) -> None:
        self.stage, self._anvil, resident = parties.stage, parties.local.anvil, parties[MESSENGER]
        self.connection = self.stage.stack.enter_context(Connection.open(resident.home))
        self.connection.refresh()
        self.sender = self.connection.sender(resident.signer)

    def end_vote(self, made: Proposal, path: Path) -> None:
        """Say who voted, and close the vote; a signed vote in the file was one of them."""
        self.connection.refresh()
        found = proposal(self.connection, made.number)
        names = [self.connection.name(index) for index, choice in sorted(found.votes.items()) if choice is Choice.FOR]
        self.stage.screen.say(f"for it: {', '.join(names)}")
        self.stage.screen.say(f"  {SIGNER} only signed its vote, in {path.name}; {MESSENGER} sent it")
        close(self.connection, self.sender, found)

    def execute(self, made: Proposal) -> Proposal:
        """Carry out what passed, once the chain's clock allows it: in the next second, which is let pass."""
        found = proposal(self.connection, made.number)
        early = found.executable_from - self.connection.client.time()
        if early > 0:
            self._anvil.pass_time(early)
        execute(self.connection, self.sender, found)
        return found


def vote_on(parties: Parties, made: Proposal) -> Messenger:
    """One more votes by the command line; one signs at home, and another member relays that."""
    stage, signer = parties.stage, parties[SIGNER]
    by_command = parties.command(VOTER, "release", "vote", str(made.number), "for", "--yes")
    path = stage.folder / "signed-vote.json"
    with Connection.open(signer.home) as connection:
        connection.refresh()
        found = proposal(connection, made.number)
        ballot = sign(connection, signer.signer, found, Choice.FOR, found.deadline)
    disk.write_whole(path, [ballot.encode()])
    messenger = Messenger(parties)
    relay(messenger.connection, messenger.sender, [ballot])
    stage.finish(by_command, "the vote failed")
    messenger.end_vote(made, path)
    return messenger


def publish(observer: Observer, messenger: Messenger, made: Proposal) -> dict[str, str]:
    """Carry the release out; then the observer, which has no key, fetches the model and checks it."""
    folder, say = observer.stage.folder / "release", observer.stage.screen.say
    found = messenger.execute(made)
    card = card_in_use(observer.connection, NAME)
    model, text, *_ = write(observer.connection, card, folder)
    verify(observer.connection, folder)
    root = card.file.release.root.hex()
    votes = f"{found.count(Choice.FOR)} of {plural(found.members, 'member')}"
    say(f"released by {votes}: {NAME} {VERSION}, root {root[:16]}…")
    size = plural(model.stat().st_size, "byte")
    say(f"fetched, and verified byte by byte: {folder.name}/{model.name}, {size}, and its model card")
    return {"name": NAME, "version": VERSION, "root": root, "model": str(model), "card": str(text)}


def _release_of(connection: Connection, report: Evaluation) -> ReleaseModel:
    """The model that a report is on, with the scores of its round."""
    scores = connection.history.jobs[report.job].scorings[report.round].root.hex()
    return ReleaseModel(NAME, VERSION, report.job, report.round, report.root, scores, report.digest.hex())


def _reports(parties: Parties) -> dict[str, Path]:
    """Where each hospital writes what it measured."""
    return {name: parties.stage.folder / f"report-{number}.json" for number, name in enumerate(HOSPITALS, 1)}


def _home(parties: Parties, name: str) -> tuple[str, Path]:
    return "--home", parties[name].home.folder
