"""What the history has parties say, as their signed calls must say it."""

from typing import Any

from msgspec.structs import asdict

from ledger.events.evidence import Said, ShownClaim, ShownOpening
from ledger.events.rounds import Form
from ledger.formats.claims import pack_scores
from ledger.history.state import (
    Aggregate,
    Attestation,
    Commitment,
    JobSpending,
    JobState,
    Reveal,
    Round,
    Update,
    UpdateCommitment,
    WithdrawnData,
)
from ledger.history.state.masking import JobMasks


def proposed(state: JobState) -> Said:
    """The proposal of a job."""
    model = asdict(state.model) | {"initial": state.model.initial.hex()}
    arguments = {"digest": state.digest.hex(), "terms": asdict(state.terms), "model": model}
    return Said(state.proposer, "proposeJob", arguments, state.tx)


def configured(state: JobState, masks: JobMasks) -> Said:
    """What the proposer of a job told of its masks."""
    return Said(state.proposer, "configure", {"job": state.number, "terms": asdict(masks.terms)}, masks.tx)


def priced(state: JobState, spending: JobSpending) -> Said:
    """What the proposer of a job told of what its rounds cost."""
    terms = asdict(spending.terms) | {"scope": spending.terms.scope.hex()}
    return Said(state.proposer, "configure", {"job": state.number, "terms": terms}, spending.tx)


def committed(round_: Round, update: Update) -> Said:
    """A party's commitment to an update, with what opens it."""
    made = round_.commitments[update.index].digest
    opening = ShownOpening(update.weight, update.root.hex(), update.cid.hex(), update.salt.hex())
    return Said(update.party, "commitUpdate", _of(round_) | {"commitment": made.hex()}, update.tx, opening=opening)


def opened(round_: Round) -> Said:
    """The opening of a round. The call names the job alone: the round is the next."""
    return Said(round_.opener, "openRound", {"job": round_.job}, round_.tx)


def kept_shut(round_: Round, commitment: UpdateCommitment) -> Said:
    """A party's commitment that nothing opened."""
    made = _of(round_) | {"commitment": commitment.digest.hex()}
    return Said(commitment.party, "commitUpdate", made, commitment.tx)


def withdrew(state: JobState, said: WithdrawnData) -> Said:
    """A member's withdrawal of its data from a job."""
    arguments = {"job": state.number, "digest": state.digest.hex(), "statement": said.statement.hex()}
    return Said(said.member, "withdrawData", arguments, said.tx)


def published(round_: Round, aggregate: Aggregate) -> Said:
    """The publication of an aggregate."""
    said = {"aggregate": _parts(aggregate), "claim": aggregate.claim.hex()}
    shown = _shown(round_, aggregate)
    return Said(aggregate.aggregator, "publishAggregate", _of(round_) | said, aggregate.tx, claim=shown)


def attested(round_: Round, aggregate: Aggregate, attestation: Attestation) -> Said:
    """A member's attestation of an attempt; with what it agrees to, where it does."""
    said = {"form": int(attestation.form), "claim": attestation.claim.hex(), "detail": attestation.detail.hex()}
    claim = _shown(round_, aggregate) if attestation.form is not Form.OTHER else None
    arguments = _of(round_) | {"attempt": aggregate.attempt} | said
    return Said(attestation.member, "attest", arguments, attestation.tx, claim=claim)


def agreed(round_: Round, aggregate: Aggregate) -> list[Said]:
    """All that members said to stand by an aggregate, its aggregator's publication first."""
    agreeing = [attested(round_, aggregate, one) for one in aggregate.attestations if one.agrees]
    return [published(round_, aggregate), *agreeing]


def revealed(job: int, number: int, reveal: Reveal) -> Said:
    """A scorer's reveal."""
    arguments = {"salt": reveal.salt.hex(), "scores": pack_scores(reveal.scores).hex()}
    return Said(reveal.scorer, "revealScores", {"job": job, "round": number} | arguments, reveal.tx)


def withheld(job: int, number: int, commitment: Commitment) -> Said:
    """A scorer's commitment to scores that it never revealed."""
    made = {"job": job, "round": number, "commitment": commitment.digest.hex()}
    return Said(commitment.scorer, "commitScores", made, commitment.tx)


def foundation(state: JobState, round_: Round, base: int) -> list[Said]:
    """What a round's outcome is computed from: the job, the model of round `base` (0: the job's), the updates."""
    said = [proposed(state)]
    final = state.rounds[base].final if base else None
    if final is not None:
        said.append(published(state.rounds[base], final))
    return said + [committed(round_, update) for update in round_.sorted_updates()]


def _shown(round_: Round, aggregate: Aggregate) -> ShownClaim:
    """What an aggregate's claim is the hash of."""
    return ShownClaim(opened=round_.opened.hex(), **_parts(aggregate))


def _parts(aggregate: Aggregate) -> dict[str, Any]:
    """What an aggregate claims, bytes in hexadecimal."""
    parts = aggregate.said._asdict().items()
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in parts}


def _of(round_: Round) -> dict[str, Any]:
    return {"job": round_.job, "round": round_.number}
