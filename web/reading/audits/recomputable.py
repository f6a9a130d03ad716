"""What the ledger says of a round, for those who recompute it themselves."""

from collections.abc import Iterator
from itertools import islice

from ledger.formats.cid import RAW, Cid
from ledger.history.state import Aggregate, JobState, Round
from ledger.rounds.facts import Base, base_of
from web.documents.verify import VerifyAttempt, VerifyBase, VerifyRound, VerifyUpdate
from web.reading.ledger import Reading

MOST_CHOICES = 60


def choices(now: Reading) -> tuple[str, ...]:
    """Rounds with an attempt, each as JOB/ROUND: the newest of each job, newest job first."""
    made = (
        f"{state.number}/{number}"
        for state in reversed(tuple(now.snapshot.jobs.values()))
        for number in _attempted(state)
    )
    return tuple(islice(made, MOST_CHOICES))


def _attempted(state: JobState) -> Iterator[int]:
    return (number for number in range(len(state.rounds), 0, -1) if state.rounds[number].aggregates)


def facts_of(now: Reading, job: int, number: int) -> VerifyRound | None:
    """The facts of a round; None where nobody published an aggregate of it, or the job's document was not read, which
    says where the initial model is. Raises NotFound."""
    round_, state = now.round(job, number), now.job(job)
    document = now.document(state)
    if not round_.aggregates or document is None:
        return None
    return VerifyRound(
        job=job,
        round=number,
        document=str(Cid(RAW, state.digest)),
        base=_base(state, base_of(state, document, number)),
        updates=tuple(
            VerifyUpdate(index=one.index, party=one.party, weight=one.weight, root=one.root.hex(), cid=one.cid.hex())
            for one in round_.sorted_updates()
        ),
        attempts=tuple(_attempt(round_, one) for one in round_.aggregates),
    )


def _base(state: JobState, base: Base) -> VerifyBase:
    final = state.rounds[base.round].final if base.round else None
    if final is None:
        return VerifyBase(round=0, root=base.root.hex(), cid="", base="", who=state.proposer)
    return VerifyBase(
        round=base.round, root=final.root.hex(), cid=final.cid.hex(), base=final.base.hex(), who=final.aggregator
    )


def _attempt(round_: Round, made: Aggregate) -> VerifyAttempt:
    standing = made.outcome is None or round_.final is made
    return VerifyAttempt(
        attempt=made.attempt,
        verdicts=made.verdicts.hex(),
        root=made.root.hex(),
        cid=made.cid.hex(),
        carried=made.carried.hex(),
        who=(made.aggregator, *(one.member for one in made.attestations if one.agrees)),
        failed=not (standing or (made.empty and made.agreeing >= round_.majority)),
    )
