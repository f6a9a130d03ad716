"""A member's desk: the one place that says what waits for it."""

from ledger.events.actions import CloseJob, RewindJob
from ledger.events.proposals import Proposal, ProposalState
from ledger.history.jobs import approving
from ledger.history.state import JobState, Member
from web.documents.desk import DeskPage, WaitingJob, WaitingVote
from web.documents.ledger import Approval
from web.reading.audits.answers import member_told
from web.reading.desk.duties import duties, lacked
from web.reading.desk.health import node_health
from web.reading.jobs import approval_of, begins, differs, job_line
from web.reading.ledger import Reading
from web.reading.members import member_document
from web.reading.proposals import may_vote, newest_proposals, proposal_line, state_of

MOST = 50
"""So many votes, and so many jobs, are listed; `count` has them all."""


def desk(now: Reading, index: int) -> DeskPage:
    """What waits for a member, the most urgent first. All is counted, and words are made of what is listed alone: every
    page of a member asks for the count.
    """
    member = now.member(index)
    votes, executable, jobs = _to_vote_on(now, member), _executable(now), _to_approve(now, index)
    halted = _halted(now)
    owed, files, told = duties(now, member), lacked(now, member), member_told(now, index)
    return DeskPage(
        chain=now.chain,
        member=member_document(now, member),
        count=len(votes) + len(executable) + len(jobs) + len(halted) + len(owed) + len(files) + told.open_told,
        votes=tuple(_vote(now, one, f"fedledger proposal vote {one.number} for") for one in votes[:MOST]),
        executable=tuple(_vote(now, one, f"fedledger proposal execute {one.number}") for one in executable[:MOST]),
        jobs=tuple(_waiting(now, *one) for one in jobs[:MOST]),
        halted=tuple(job_line(now, state) for state in halted[:MOST]),
        duties=owed,
        lacked=files,
        told=told,
        node=node_health(now, member),
    )


def _to_vote_on(now: Reading, member: Member) -> list[Proposal]:
    """Proposals in Voting on which the member may vote and has not, the nearest deadline first."""
    made = (one for one in newest_proposals(now) if one.ended is None and state_of(now, one) is ProposalState.VOTING)
    return sorted((one for one in made if may_vote(one, member)), key=lambda one: (one.deadline, one.number))


def _executable(now: Reading) -> list[Proposal]:
    """Proposals that passed and that anyone may carry out now; they expire."""
    made = (one for one in newest_proposals(now) if one.ended is None)
    ready = (one for one in made if state_of(now, one) is ProposalState.EXECUTABLE)
    return sorted(ready, key=lambda one: (one.executable_until, one.number))


def _vote(now: Reading, one: Proposal, command: str) -> WaitingVote:
    return WaitingVote(proposal=proposal_line(now, one), command=command)


def _to_approve(now: Reading, index: int) -> list[tuple[JobState, Approval]]:
    """Proposed jobs that the member did not approve, newest first, and how far they are."""
    members = now.snapshot.members
    found = ((state, approval_of(now, state)) for state in reversed(list(now.snapshot.jobs.values())))
    return [(state, made) for state, made in found if made is not None and index not in approving(state, members)]


def _halted(now: Reading) -> list[JobState]:
    """Jobs whose model the court convicted, but for those of which a proposal may still decide, newest first."""
    left = {ProposalState.VOTING, ProposalState.WAITING, ProposalState.EXECUTABLE}
    made = (one for one in newest_proposals(now) if one.ended is None and state_of(now, one) in left)
    decided = {one.action for one in made if isinstance(one.action, CloseJob | RewindJob)}
    jobs = reversed(list(now.snapshot.jobs.values()))
    halted = (state for state in jobs if state.stage == "convicted")
    return [one for one in halted if not decided & {CloseJob(one.number), RewindJob(one.number, one.convicted)}]


def _waiting(now: Reading, state: JobState, approval: Approval) -> WaitingJob:
    begun = begins(now, state.model.initial, state)
    return WaitingJob(job=job_line(now, state), approval=approval, differs=differs(now, state), begins=begun)
