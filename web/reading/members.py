"""Documents of members, and of a member's part in a round."""

from ledger.events.records import Role
from ledger.history.state import JobState, Member, Round
from web.documents.decisions import MemberRound, MemberUpdate
from web.documents.ledger import MemberDocument
from web.reading.attempts import form_name
from web.reading.counting import verdicts
from web.reading.ledger import Reading
from web.reading.rounds import judgement
from web.reading.scorings import score_of
from web.reading.updates.norms import norm, round_squares
from web.reading.updates.weights import share_of


def member_documents(now: Reading) -> tuple[MemberDocument, ...]:
    return tuple(member_document(now, member) for member in now.snapshot.members.values())


def member_document(now: Reading, member: Member) -> MemberDocument:
    return MemberDocument(
        index=member.index,
        name=member.name,
        key=member.key,
        roles=tuple(role.name.lower() for role in Role if role in member.roles and role.name),
        since=member.since,
        keys=tuple(member.keys),
        gateway=member.gateway,
        left=now.moment(member.left_in),
        **now.dated(member.joined_in),
    )


def member_round(now: Reading, state: JobState, index: int, round_: Round) -> MemberRound:
    """A member's part in a round."""
    own = [one for one in round_.aggregates if one.index == index]
    said = (made for one in round_.aggregates for made in one.attestations if made.index == index)
    return MemberRound(
        round=round_.number,
        phase=now.stage(state, round_).phase.value,
        committed=index in round_.commitments,
        update=_member_update(now, state, index, round_),
        attested=tuple(form_name(made) for made in said),
        aggregated=(own[-1].outcome or round_.phase).value if own else None,
        score=score_of(now, state, round_.number, index),
    )


def _member_update(now: Reading, state: JobState, index: int, round_: Round) -> MemberUpdate | None:
    update = round_.updates.get(index)
    if update is None:
        return None
    verdict = dict(zip(sorted(round_.updates), verdicts(round_), strict=True))[index]
    measured = round_squares(now, round_.job, round_.number)
    squares = measured.by_member.get(index) if measured else None
    return MemberUpdate(
        weight=update.weight,
        root=update.root.hex(),
        verdict=None if verdict is None else judgement(verdict).name,
        share=share_of(now, state, round_, index),
        norm=None if squares is None else norm(squares),
    )
