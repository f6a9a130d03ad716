"""Documents of proposals: what each one wants, and how the vote on it stands."""

from collections.abc import Iterator
from itertools import islice

from ledger.errors import Malformed
from ledger.events.actions import (
    Action,
    AdmitMember,
    ChangeRoles,
    CloseJob,
    ReleaseModel,
    RemoveMember,
    RevokeRelease,
    RewindJob,
    RollBack,
    kind_word,
)
from ledger.events.contents import shown
from ledger.events.encoding import reason_text
from ledger.events.proposals import Proposal, ProposalState
from ledger.events.records import Choice, Refusal
from ledger.history.electorate import vote_refusal
from ledger.history.naming import doubt, lookalike
from ledger.history.state import Member
from web.documents.decisions import Ballot, MemberVote, ProposalLine, Subject, Vote, VoteTally
from web.documents.exact import exact, exact_action
from web.reading.ledger import Reading

OPEN = (ProposalState.VOTING, ProposalState.WAITING, ProposalState.EXECUTABLE)


def newest_proposals(now: Reading, before: int | None = None) -> Iterator[Proposal]:
    """Proposals with a number below `before`, newest first."""
    made = reversed(now.snapshot.decisions.proposals.values())
    return (one for one in made if before is None or one.number < before)


def open_proposals(now: Reading, most: int) -> tuple[ProposalLine, ...]:
    """The newest proposals on which something can still be done."""
    found = (one for one in newest_proposals(now) if one.ended is None and state_of(now, one) in OPEN)
    return tuple(proposal_line(now, one) for one in islice(found, most))


def state_of(now: Reading, one: Proposal) -> ProposalState:
    """Where a proposal is at the chain's time when it was last read."""
    return one.state(now.state.time)


def proposal_line(now: Reading, one: Proposal) -> ProposalLine:
    return ProposalLine(
        number=one.number,
        id=one.id.hex(),
        kind=kind_word(one.kind),
        action=exact_action(one.action),
        subject=_subject(now, one.action),
        state=state_of(now, one).value,
        proposer=now.owner(one.proposer),
        tally=_tally(one),
        deadline=one.deadline,
        ended=now.moment(one.ended_in),
        **now.dated(one.block),
    )


def vote_on(now: Reading, one: Proposal) -> Vote:
    """The vote on a proposal: who voted what, and who has not voted yet."""
    silent = [member for member in now.snapshot.members.values() if may_vote(one, member)]
    ballots = (
        Ballot(party=now.member_party(who), choice=choice.name, **now.dated(one.voted_in[who]))
        for who, choice in sorted(one.votes.items())
    )
    return Vote(
        epoch=one.epoch,
        rules=one.rules,
        executable_from=one.executable_from,
        executable_until=one.executable_until,
        ballots=tuple(ballots),
        silent=tuple(now.member_party(member.index) for member in silent),
        gone=max(0, one.members - len(one.votes) - len(silent)),
        members_now=sum(member.active for member in now.snapshot.members.values()),
        tx=one.tx.hex(),
    )


def member_votes(now: Reading, index: int, most: int) -> tuple[MemberVote, ...]:
    """The newest proposals that a member voted on or may vote on."""
    member = now.snapshot.members[index]

    def concerns(one: Proposal) -> bool:
        return index in one.votes or (may_vote(one, member) and state_of(now, one) is ProposalState.VOTING)

    found = (one for one in newest_proposals(now) if concerns(one))
    return tuple(
        MemberVote(proposal=proposal_line(now, one), choice=one.votes[index].name if index in one.votes else None)
        for one in islice(found, most)
    )


def may_vote(one: Proposal, member: Member) -> bool:
    """Whether a member belongs to the electorate and has not voted; time plays no part."""
    return vote_refusal(one, member) is Refusal.NONE


def shown_of(one: Proposal) -> dict[str, str | int] | None:
    """What a wallet shows of a proposal; None if no wallet can."""
    try:
        fields: dict[str, str | int] = exact(shown(one.proposer, one.nonce, one.action))
        return fields
    except Malformed:
        return None


def revocation_reason(now: Reading, word: bytes) -> str:
    """The text of a revocation's reason: its word itself, or what the word is the digest of, if that has been read."""
    text = reason_text(word)
    return now.state.reasons.get(word, "") if text is None else text


def _subject(now: Reading, action: Action) -> Subject:
    match action:
        case AdmitMember(key=key, name=name):
            others = [member for member in now.snapshot.members.values() if key not in member.keys]
            other = lookalike(name, others)
            found = doubt(name, others)
            return Subject(alike=now.member_party(other.index) if other else None, doubt=found.value if found else "")
        case RemoveMember(index=index) | ChangeRoles(index=index):
            return Subject(party=now.member_party(index))
        case CloseJob(job=job) | RewindJob(job=job):
            return Subject(job=_job_name(now, job))
        case ReleaseModel(name=name, version=version, job=job):
            return Subject(job=_job_name(now, job), name=name, version=version)
        case RevokeRelease(name=name, version=version) | RollBack(name=name, version=version):
            reason = revocation_reason(now, bytes.fromhex(action.reason)) if isinstance(action, RevokeRelease) else ""
            return Subject(name=name, version=version, reason=reason)
        case _:
            return Subject()


def _job_name(now: Reading, number: int) -> str | None:
    state = now.snapshot.jobs.get(number)
    document = now.document(state) if state else None
    return document.name if document else None


def _tally(one: Proposal) -> VoteTally:
    return VoteTally(
        in_favour=one.count(Choice.FOR),
        against=one.count(Choice.AGAINST),
        abstained=one.count(Choice.ABSTAIN),
        voted=len(one.votes),
        members=one.members,
        needed=one.needed,
        passes=one.passes,
    )
