"""Releases by name: which one is meant, and whether it may be used. Reasons for a revocation as one word."""

from collections.abc import Iterator

from ledger.errors import UsageError
from ledger.events.actions import ReleaseModel
from ledger.events.encoding import WORD, reason_text
from ledger.events.proposals import Proposal, ProposalState, Release
from ledger.formats.alike import hint
from ledger.formats.digest import sha256
from ledger.formats.text import command
from ledger.history.decisions import Decisions

LONGEST_REASON = 1 << 20


class UnknownRelease(UsageError):
    """There is no such release, nor a proposal for it."""


class NotReleased(UsageError):
    """It was proposed, and the members have not released it."""


class RevokedRelease(UsageError):
    """The members revoked it: it must not be used any more."""


class ConvictedRelease(RevokedRelease):
    """The court convicted its model, or one that this stands on: it must not be used."""


def find(decisions: Decisions, title: str) -> Release:
    """The release meant by NAME@VERSION, or the current one of NAME, revoked or not.

    Raises UnknownRelease or NotReleased, and RevokedRelease for a name all of whose releases were revoked, or whose
    current one was convicted.
    """
    name, marked, version = title.partition("@")
    if marked:
        return released(decisions, name, version)
    if name in decisions.current:
        return decisions.current[name]
    versions = [release.version for release in decisions.releases.values() if release.name == name]
    if versions:
        raise RevokedRelease(
            f"{name} has no current release: the last one was {'convicted' if name in decisions.named else 'revoked'}",
            advice=f"name a version: {name}@{versions[-1]}",
            versions=", ".join(versions),
        )
    for proposal, action in _proposals(decisions, name):
        raise _not_released(proposal, action)
    known = sorted({release.name for release in decisions.releases.values()})
    raise UnknownRelease(
        f"nothing was released under the name {name[:80]!a}",
        advice=hint(name, known) or "fedledger release list",
        names=", ".join(known),
    )


def released(decisions: Decisions, name: str, version: str) -> Release:
    """The release of that name and version, revoked or not. Raises UnknownRelease or NotReleased."""
    found = decisions.release(name, version)
    if found is not None:
        return found
    for proposal, action in _proposals(decisions, name):
        if action.version == version:
            raise _not_released(proposal, action)
    titles = [f"{release.name}@{release.version}" for release in decisions.releases.values()]
    raise UnknownRelease(
        f"there is no release {name[:80]!a} {version[:80]!a}",
        advice=hint(f"{name}@{version}", titles) or "fedledger release list",
    )


def require_usable(release: Release) -> None:
    """Raises RevokedRelease, with the reason, where the members revoked it, ConvictedRelease where the court convicted
    its model or one that this stands on."""
    if release.revoked:
        raise RevokedRelease(
            f"the members revoked {release.name} {release.version}",
            advice="use another version: fedledger release list",
            reason=reason_text(release.reason) or release.reason.hex(),
        )
    if release.convicted:
        raise ConvictedRelease(
            f"the court convicted the model of {release.name} {release.version}, or one that it stands on",
            advice="use another version: fedledger release list",
            reason=f"round {release.round} of job {release.job} is convicted",
        )


def proposal_for(decisions: Decisions, release: Release) -> Proposal | None:
    """The proposal that made the release."""
    for proposal, action in _proposals(decisions, release.name):
        if action.version == release.version and proposal.ended is ProposalState.EXECUTED:
            return proposal
    return None


def reason_word(reason: str) -> bytes:
    """A reason as the contract keeps it: the text itself where it is short and plain, else its SHA-256.

    Raises UsageError for none, or one that no block can hold.
    """
    try:
        data = reason.encode()
    except UnicodeEncodeError as error:
        raise UsageError("the reason is not text", advice="write it in UTF-8") from error
    if not reason.strip() or len(data) > LONGEST_REASON:
        raise UsageError("a reason is 1 to 1,048,576 bytes of text", actual=len(data))
    word = data.ljust(WORD, b"\x00")
    return word if len(word) == WORD and reason_text(word) == reason else sha256(data)


def _proposals(decisions: Decisions, name: str) -> Iterator[tuple[Proposal, ReleaseModel]]:
    """The proposals to release a model under that name, the latest first."""
    for proposal in reversed(decisions.proposals.values()):
        if isinstance(proposal.action, ReleaseModel) and proposal.action.name == name:
            yield proposal, proposal.action


def _not_released(proposal: Proposal, action: ReleaseModel) -> NotReleased:
    return NotReleased(
        f"{action.name} {action.version} is not released: the members have not carried out proposal {proposal.number}",
        advice=command("proposal", "show", proposal.number),
        proposal=proposal.number,
    )
