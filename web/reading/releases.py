"""Documents of releases, and of the decisions that made, revoked or brought them back."""

from collections.abc import Iterator

from ledger.events.actions import Action, ReleaseModel, RevokeRelease, RollBack
from ledger.events.proposals import ProposalState, Release, release_id
from web.documents.decisions import DecisionDocument, MemberRelease, ReleaseLine
from web.reading.ledger import Reading
from web.reading.proposals import newest_proposals, proposal_line, revocation_reason, vote_on


def newest_releases(now: Reading) -> Iterator[Release]:
    """All releases, newest first."""
    return reversed(now.snapshot.decisions.releases.values())


def model_releases(now: Reading, job: int, number: int) -> tuple[ReleaseLine, ...]:
    """The releases of a round's model, newest first."""
    return tuple(release_line(now, one) for one in newest_releases(now) if (one.job, one.round) == (job, number))


def current_releases(now: Reading) -> tuple[ReleaseLine, ...]:
    """The current release of each name, by name."""
    current = now.snapshot.decisions.current
    return tuple(release_line(now, current[name]) for name in sorted(current))


def current_release(now: Reading, name: str) -> ReleaseLine | None:
    found = now.snapshot.decisions.current.get(name)
    return release_line(now, found) if found else None


def action_release(now: Reading, action: Action) -> ReleaseLine | None:
    """The release that an action makes, revokes or brings back; None if there is none yet."""
    release = _release_id(action)
    found = now.snapshot.decisions.releases.get(release) if release else None
    return release_line(now, found) if found else None


def release_line(now: Reading, one: Release) -> ReleaseLine:
    current = now.snapshot.decisions.current.get(one.name)
    return ReleaseLine(
        name=one.name,
        version=one.version,
        id=one.id.hex(),
        job=one.job,
        round=one.round,
        root=one.root.hex(),
        scores=_hex(one.scores),
        report=_hex(one.report),
        current=current is not None and current.id == one.id,
        revoked=one.revoked,
        revoked_at=now.moment(one.revoked_in),
        reason=_hex(one.reason),
        reason_text=revocation_reason(now, one.reason),
        convicted=one.convicted,
        tx=one.tx.hex(),
        **now.dated(one.block),
    )


def decisions_on(now: Reading, release: Release) -> tuple[DecisionDocument, ...]:
    """The executed proposals on a release, newest first."""
    executed = (one for one in newest_proposals(now) if one.ended is ProposalState.EXECUTED)
    found = (one for one in executed if _release_id(one.action) == release.id)
    return tuple(DecisionDocument(proposal=proposal_line(now, one), vote=vote_on(now, one)) for one in found)


def member_releases(now: Reading, index: int) -> tuple[MemberRelease, ...]:
    """The releases that a member's updates went into, newest first."""
    lineages = now.state.lineages
    known = ((one, lineages.get((one.job, one.round, one.root))) for one in newest_releases(now))
    found = ((one, lineage.updates.get(index, 0)) for one, lineage in known if lineage)
    return tuple(MemberRelease(release=release_line(now, one), updates=count) for one, count in found if count)


def _release_id(action: Action) -> bytes | None:
    match action:
        case ReleaseModel() | RevokeRelease() | RollBack():
            return release_id(action.name, action.version)
        case _:
            return None


def _hex(word: bytes) -> str | None:
    """A word in hexadecimal; None for zero, which stands for nothing."""
    return word.hex() if any(word) else None
