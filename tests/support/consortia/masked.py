"""A masked job on a real chain: members' nodes do their part, and a test does the aggregator's, step by step."""

from collections.abc import Collection
from typing import Any

import msgspec
from support.consortia.synthetic import Trial
from support.consortia.trainers import drive, train_on

from ledger.formats.digest import sha256
from ledger.history.state.masking import JobMasks, RoundMasks, SegmentState, bitmap_of
from ledger.party.masking.jobs import MaskedJobs
from ledger.party.pins import model_pin, set_receipts_pin
from ledger.rounds.facts import RoundFacts
from ledger.rounds.outcome import Outcome, recompute
from ledger.rounds.receipts import certified, parse

SECONDS = 600
"""Each of the times of masks, as of all other phases: real work goes on in each, and the machine may be busy."""
PRIVACY = f"""
[privacy]
mode = "masked"
segment = 2
set_up_seconds = {SECONDS}
set_seconds = {SECONDS}
unmask_seconds = {SECONDS}
share_seconds = {SECONDS}
"""


def mask_on(
    trial: Trial, *, rounds: int = 3, privacy: str = "", scoring: str = "", more: str = "", **options: Any
) -> Trial:
    """Give a trial that is not proposed a masked job that is really trained, proposed and approved; `privacy` are
    further lines of the draft's [privacy], `scoring` its [scoring], `more` other tables.
    """
    said = {"scoring": PRIVACY + privacy + scoring + more, "aggregate": 4 * SECONDS}
    train_on(trial, rounds=rounds, least=3, propose=False, **said, **options)
    return configure(trial)


def configure(trial: Trial) -> Trial:
    """Propose and approve a masked job, and tell the contracts how it is masked."""
    assert trial.job.masked is not None
    terms, model = map(msgspec.structs.astuple, (trial.job.terms, trial.job.model_terms))
    trial.consortium.send(0, "ledger", "proposeJob", trial.job.digest, terms, model)
    trial.number = int(trial.consortium.client.jobs())
    trial.consortium.send(0, "masks", "configure", trial.number, msgspec.structs.astuple(trial.job.masked.masking))
    if trial.job.dp is not None:
        trial.consortium.send(0, "budgets", "configure", trial.number, msgspec.structs.astuple(trial.job.dp.spending))
    for index in range(1, len(trial.parties) // 2 + 1):
        trial.consortium.send(index, "ledger", "approveJob", trial.number, trial.job.digest)
    trial.look()
    return trial


def masks(trial: Trial) -> JobMasks:
    """The job's masks as the chain has them now."""
    return trial.parties[0].connection.refresh().masks[trial.number]


def segment(trial: Trial) -> SegmentState:
    """The segment opened last."""
    found = masks(trial)
    return found.segments[found.latest]


def said(trial: Trial) -> RoundMasks:
    """What the board says of the present round."""
    return masks(trial).rounds[trial.round.number]


def send(trial: Trial, function: str, *arguments: Any) -> None:
    """As the aggregator, member 0."""
    trial.parties[0].sender.send("masks", function, trial.number, *arguments)


def cast(trial: Trial, *nodes: Any, number: int = 1, members: Collection[int] | None = None) -> None:
    """Keys, set-ups, and the cast of a segment, agreed with by these nodes."""
    drive(*nodes)
    send(trial, "openSegment", number)
    drive(*nodes)
    trial.until(segment(trial).deadline + 1)
    send(trial, "proposeCast", number, bitmap_of(segment(trial).setups if members is None else members))
    drive(*nodes)


def collect(trial: Trial, *nodes: Any) -> None:
    """A round in which these nodes bring updates, all opened and vouched for."""
    trial.parties[0].sender.send("ledger", "openRound", trial.number)
    drive(*nodes)
    trial.open_updates()
    drive(*nodes)


def propose_set(trial: Trial, *, without: Collection[int] = (), members: Collection[int] | None = None) -> None:
    """The set of the updates that have a certificate, all but those of `without`; or another one."""
    number, receipts = trial.round.number, trial.receipts(without)
    party = trial.parties[0]
    until = MaskedJobs(party.connection).of(party.connection.refresh().jobs[trial.number]).opened_until(number)
    if party.connection.time() <= until:
        trial.until(until + 1)
    party.connection.put([receipts], set_receipts_pin(trial.number, number, sha256(receipts)))
    chosen = trial.round.updates.keys() - set(without) if members is None else members
    send(trial, "proposeSet", number, bitmap_of(chosen), sha256(receipts))


def publish(trial: Trial) -> Outcome:
    """The honest aggregate of the fixed set, by member 0."""
    party, number = trial.parties[0], trial.round.number
    state = party.connection.refresh().jobs[trial.number]
    facts = RoundFacts.of(party.connection.place, state, trial.job, state.rounds[number], masks(trial))
    digest = said(trial).proposals[-1].receipts
    store = party.connection.store
    receipts = next(file for pin, file in store.pins().items() if pin == set_receipts_pin(trial.number, number, digest))
    data = b"".join(bytes(piece) for piece in party.connection.fetch(receipts))
    pin = model_pin(trial.number, number)
    outcome = recompute(
        facts,
        party.connection.fetch,
        certified(parse(data), facts.roll),
        keep=lambda pieces: party.connection.put(pieces, pin),
    )
    point = party.standpoint(data)
    signed = tuple(outcome.claimed(point)), outcome.claim(point)
    party.sender.send("ledger", "publishAggregate", trial.number, number, *signed)
    return outcome
