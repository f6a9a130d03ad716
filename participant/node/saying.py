"""What a node writes down for its own log: of its training how far it is, of its attestations what led to them."""

import time
from typing import Any

from msgspec import to_builtins

from ledger.events.rounds import Form
from ledger.formats.text import command
from ledger.history.state import JobState
from ledger.party.connection import Connection
from ledger.party.journal import judgements
from ledger.party.worker import Worker
from ledger.rounds.facts import RoundFacts
from ledger.rounds.receipts import RECEIPTS_BIT
from participant.node.attesting import Speech
from participant.node.evidence import find_difference
from participant.node.trainings import Trainings, words

ACTIONS = {Form.AGREE: "attested", Form.OTHER: "refuted", Form.MISSING: "missed"}


def note_speech(worker: Worker, connection: Connection, facts: RoundFacts, speech: Speech) -> None:
    """Write down what was said of the round's latest aggregate, and why."""
    aggregate, evidence = facts.round.aggregates[-1], {}
    text = "attested"
    if speech.form is Form.MISSING:
        text = f"cannot have {', '.join(_file(connection, bit) for bit in speech.missing)}"
    elif speech.form is Form.OTHER and speech.outcome is not None:
        evidence = find_difference(connection, facts, speech.outcome)
        text = f"attested against {connection.name(aggregate.index)}: {evidence['why']}{_alone(facts, evidence)}"
    said: dict[str, Any] = judgements(speech.outcome) if speech.outcome is not None else {}
    worker.note(
        ACTIONS[speech.form],
        facts.state,
        f"round {facts.round.number}, attempt {aggregate.attempt}: {text}",
        round=facts.round.number,
        attempt=aggregate.attempt,
        claim=speech.claim.hex(),
        published=aggregate.claim.hex(),
        evidence=evidence,
        **said,
    )


def note_training(worker: Worker, trainings: Trainings, state: JobState, now: int) -> None:
    """Write down how far training is, and end what the round does not wait for any more."""
    for number in trainings.overtaken(state, now):
        went = "the job is over" if state.terms.buffer else f"round {number} went on without this update"
        worker.note("late", state, f"{went}; its training was ended", round=number)
    news = trainings.news(state.number)
    if news is not None:
        said = f"round {news.round}: {words(news, time.time())}"
        worker.note("training", state, said, round=news.round, progress=to_builtins(news))


def _alone(facts: RoundFacts, evidence: dict[str, Any]) -> str:
    """What a member can do besides attesting, where a value differs that the court can judge."""
    if "value" not in evidence or not facts.state.model.by_value:
        return ""
    said = command("refute", "--job", facts.round.job, "--round", facts.round.number)
    return f"; whatever the others attest, the court convicts it: {said}"


def _file(connection: Connection, bit: int) -> str:
    return "the receipts" if bit == RECEIPTS_BIT else f"the update of {connection.name(bit)}"
