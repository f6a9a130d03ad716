"""What the history has parties say, as their signed calls must say it."""

from typing import Any

import msgspec

from ledger.events.evidence import Said
from ledger.formats.claims import pack_scores
from ledger.history.state import Aggregate, Attestation, JobState, Reveal, Round, Update


def proposed(state: JobState) -> Said:
    """The proposal of a job."""
    model = msgspec.structs.asdict(state.model) | {"initial": state.model.initial.hex()}
    arguments = {"digest": state.digest.hex(), "terms": msgspec.structs.asdict(state.terms), "model": model}
    return Said(state.proposer, "proposeJob", arguments, state.tx)


def committed(round_: Round, update: Update) -> Said:
    """A party's commitment to an update: what opens it is in the history."""
    made = round_.commitments[update.index].digest
    where = _of_round(round_.job, round_.number)
    return Said(update.party, "commitUpdate", where | {"commitment": made.hex()}, update.tx)


def published(job: int, number: int, aggregate: Aggregate) -> Said:
    """The publication of an aggregate."""
    parts = aggregate.said._asdict().items()
    said = {name: value.hex() if isinstance(value, bytes) else value for name, value in parts}
    return Said(aggregate.aggregator, "publishAggregate", _of_round(job, number) | {"aggregate": said}, aggregate.tx)


def attested(job: int, number: int, attempt: int, attestation: Attestation) -> Said:
    """A member's attestation of a round's attempt."""
    said = {"claim": attestation.claim.hex(), "detail": attestation.detail.hex()}
    arguments = {"attempt": attempt, "form": int(attestation.form)} | said
    return Said(attestation.member, "attest", _of_round(job, number) | arguments, attestation.tx)


def revealed(job: int, number: int, reveal: Reveal) -> Said:
    """A scorer's reveal."""
    arguments = {"salt": reveal.salt.hex(), "scores": pack_scores(reveal.scores).hex()}
    return Said(reveal.scorer, "revealScores", _of_round(job, number) | arguments, reveal.tx)


def foundation(state: JobState, round_: Round, base: int) -> list[Said]:
    """What a round's outcome is computed from: the job, the model of round `base` (0: the job's), the updates."""
    said = [proposed(state)]
    final = state.rounds[base].final if base else None
    if final is not None:
        said.append(published(state.number, base, final))
    return said + [committed(round_, update) for update in round_.sorted_updates()]


def _of_round(job: int, number: int) -> dict[str, Any]:
    return {"job": job, "round": number}
