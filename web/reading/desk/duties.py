"""What a member owes to the rounds under way, by the ledger and the chain's time when it was last read. Its node does
it by itself (`participant.node.steps`), so what stays here says that the node does not.
"""

from collections.abc import Iterator
from itertools import islice

from ledger.events.records import Role
from ledger.events.rounds import Form
from ledger.history.state import JobState, Member, Phase, Round, Scoring, ScoringPhase
from ledger.rounds.receipts import marks
from web.documents.desk import Duty, DutyKind, LackedFile, MissedKind, MissedRounds
from web.reading.desk.mask_duties import mask_duties
from web.reading.ledger import Reading

LATEST = 10
"""Of so many of a job's latest rounds that ended it is told what the member left out."""


def duties(now: Reading, member: Member) -> tuple[Duty, ...]:
    """What the member could do now, and by itself would be late with, the nearest deadline first."""
    found = [one for state in now.snapshot.jobs.values() if state.open for one in _of_job(now, state, member)]
    return tuple(sorted(found, key=lambda one: (one.deadline, one.job, one.round)))


def _of_job(now: Reading, state: JobState, member: Member) -> Iterator[Duty]:
    round_, scoring = state.current, state.scoring
    if round_ is not None and not round_.phase.terminal:
        yield from _of_round(now, state, round_, member)
    yield from mask_duties(now, state, member)
    if scoring is not None and member.acts(Role.SCORER, scoring.epoch):
        yield from _of_scoring(now, scoring, member.index)


def _of_round(now: Reading, state: JobState, round_: Round, member: Member) -> Iterator[Duty]:
    phase, deadline = now.stage(state, round_)
    if now.state.time > deadline:
        return
    kind, masks = _kind(round_, phase, member), now.snapshot.masks.get(state.number)
    cast = masks.cast_of(round_.number) if masks is not None else None
    if kind == "commit" and cast and member.index not in cast:
        return
    if kind is not None:
        attempt = round_.attempt if kind == "attest" else None
        yield _duty(kind, round_, deadline, f"/jobs/{round_.job}/rounds/{round_.number}", attempt)


def _kind(round_: Round, phase: Phase, member: Member) -> DutyKind | None:
    """What the member owes in a phase of a round. A round that does not wait for everyone waits for nobody in
    particular.
    """
    index = member.index
    if phase is Phase.COLLECTING:
        waits = not round_.buffer and index not in round_.commitments
        return "commit" if waits and member.acts(Role.PARTICIPANT, round_.epoch) else None
    if phase is Phase.OPENING:
        return "open" if index in round_.commitments.keys() - round_.updates.keys() else None
    if phase is Phase.ATTESTING:
        return None if member.since > round_.epoch or round_.aggregates[-1].attested_by(index) else "attest"
    return None


def _of_scoring(now: Reading, scoring: Scoring, index: int) -> Iterator[Duty]:
    phase, path = scoring.phase(now.state.time), f"/jobs/{scoring.job}/rounds/{scoring.round}#scores"
    if phase is ScoringPhase.COMMITTING and index not in scoring.commitments:
        yield _duty("commit_scores", scoring, scoring.commit_deadline, path)
    elif phase is ScoringPhase.REVEALING and index in scoring.pending:
        yield _duty("reveal_scores", scoring, scoring.reveal_deadline, path)


def _duty(kind: DutyKind, of: Round | Scoring, deadline: int, path: str, attempt: int | None = None) -> Duty:
    number = of.number if isinstance(of, Round) else of.round
    return Duty(kind=kind, job=of.job, round=number, attempt=attempt, deadline=deadline, path=path)


def lacked(now: Reading, member: Member) -> tuple[LackedFile, ...]:
    """The member's updates that others said they lack when they attested the latest round of an open job."""
    latest = [state.current for state in now.snapshot.jobs.values() if state.open]
    found = ((round_, _lacking(round_, member.index)) for round_ in latest)
    return tuple(
        LackedFile(
            job=round_.job,
            round=round_.number,
            members=tuple(map(now.member_party, lacking)),
            path=f"/jobs/{round_.job}/rounds/{round_.number}",
            command="fedledger node run",
        )
        for round_, lacking in found
        if round_ is not None and lacking
    )


def _lacking(round_: Round | None, index: int) -> list[int]:
    """The members that lack the update of one of them, by the latest attempt."""
    if round_ is None or not round_.aggregates or index not in round_.updates:
        return []
    said = (one for one in round_.aggregates[-1].attestations if one.form is Form.MISSING)
    return sorted(one.index for one in said if index in marks(int.from_bytes(one.detail, "big")) and one.index != index)


def missed(state: JobState, member: Member) -> Iterator[MissedRounds]:
    """What the member left out of the latest rounds of a job that ended, by what it was."""
    numbers = range(len(state.rounds), 0, -1)
    ended = islice((state.rounds[number] for number in numbers if state.rounds[number].phase.terminal), LATEST)
    known = [one for one in ended if one.keys.get(member.index) == member.key]
    index = member.index
    updates = sum(not one.buffer and index not in one.commitments and _trains(one, member) for one in known)
    openings = sum(index in one.commitments.keys() - one.updates.keys() for one in known)
    attests = [one for one in known if one.aggregates]
    silent = sum(not one.aggregates[-1].attested_by(index) for one in attests)
    found: tuple[tuple[MissedKind, int, int], ...] = (
        ("update", updates, len(known)),
        ("opening", openings, len(known)),
        ("attestation", silent, len(attests)),
    )
    for kind, count, of in found:
        if count:
            yield MissedRounds(kind=kind, job=state.number, count=count, of=of)


def _trains(round_: Round, member: Member) -> bool:
    return member.acts(Role.PARTICIPANT, round_.epoch)
