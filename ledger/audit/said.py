"""What the history has parties say, as their signed calls must say it."""

from typing import Any

import msgspec

from ledger.events.evidence import Said
from ledger.formats.claims import pack_scores
from ledger.history.state import Aggregate, Attestation, JobState, Reveal, Round, Update


def proposed(state: JobState) -> Said:
    """The proposal of a job."""
    arguments = {"digest": state.digest.hex(), "terms": msgspec.structs.asdict(state.terms)}
    return Said(state.proposer, "proposeJob", arguments, state.tx)


def submitted(job: int, number: int, update: Update) -> Said:
    """The registration of an update for a round."""
    arguments = {"weight": update.weight, "root": update.root.hex(), "cid": update.cid.hex()}
    return Said(update.party, "submitUpdate", _of_round(job, number) | arguments, update.tx)


def published(job: int, number: int, aggregate: Aggregate) -> Said:
    """The publication of an aggregate."""
    digests = {name: getattr(aggregate, name).hex() for name in ("root", "cid", "verdicts")}
    return Said(aggregate.aggregator, "publishAggregate", _of_round(job, number) | digests, aggregate.tx)


def attested(job: int, number: int, attempt: int, attestation: Attestation) -> Said:
    """A member's attestation of a round's attempt."""
    arguments = {"attempt": attempt, "claim": attestation.claim.hex()}
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
    return said + [submitted(state.number, round_.number, update) for update in round_.sorted_updates()]


def _of_round(job: int, number: int) -> dict[str, Any]:
    return {"job": job, "round": number}
