"""The documents of the pages of proposals and releases, one function a page."""

from itertools import islice

from ledger.events.actions import ReleaseModel
from ledger.events.proposals import Release
from ledger.releases.card import FILE as CARD
from ledger.releases.file import NAME
from web.documents.pages import NamedReleasesPage, ProposalPage, ProposalsPage, ReleasePage, ReleasesPage
from web.reading.audits.answers import proposal_answers, release_answers
from web.reading.cards import card_key
from web.reading.evaluations.evidence import evidence_for
from web.reading.ledger import NotFound
from web.reading.proposals import newest_proposals, proposal_line, shown_of, state_of, vote_on
from web.reading.releases import (
    action_release,
    current_release,
    current_releases,
    decisions_on,
    newest_releases,
    release_line,
)
from web.routes.parameters import (
    LAST,
    ROWS,
    Before,
    BeforeRelease,
    InState,
    Now,
    ProposalNumber,
    ReleaseName,
    Rows,
    Version,
)


async def proposals(now: Now, before: Before = None, limit: Rows = ROWS, state: InState = None) -> ProposalsPage:
    """Every proposal, or those in a state, newest first, with state and tally."""
    word = str(state) if state else None
    found = (one for one in newest_proposals(now, before) if word in (None, state_of(now, one).value))
    chosen = list(islice(found, limit))
    last = chosen[-1].number if len(chosen) == limit else 1
    more = f"&state={word}" if word else ""
    return ProposalsPage(
        chain=now.chain,
        state=word,
        rules=now.snapshot.decisions.rules,
        proposals=tuple(proposal_line(now, one) for one in chosen),
        next=f"/proposals.json?before={last}&limit={limit}{more}" if last > 1 else None,
    )


async def proposal(now: Now, number: ProposalNumber) -> ProposalPage:
    """A proposal: what it proposes, what speaks for it, the votes, and what comes next."""
    one = now.proposal(number)
    line, action = proposal_line(now, one), one.action
    evidence = None
    if isinstance(action, ReleaseModel):
        root, report = bytes.fromhex(action.root), bytes.fromhex(action.report)
        evidence = evidence_for(now, action.job, action.round, root, report)
    name = line.subject.name
    return ProposalPage(
        chain=now.chain,
        proposal=line,
        vote=vote_on(now, one),
        answers=proposal_answers(now, one),
        evidence=evidence,
        release=action_release(now, action),
        current=current_release(now, name) if name else None,
        rules=now.snapshot.decisions.rules,
        command=f"fedledger proposal vote {number} for",
        shown=shown_of(one),
    )


async def releases(now: Now, before: BeforeRelease = None, limit: Rows = ROWS) -> ReleasesPage:
    """The current release of each name, and all that there ever were, revoked ones with the reason."""
    total = len(now.snapshot.decisions.releases)
    first = min(total, (before or LAST) - 1)
    chosen = list(islice(newest_releases(now), total - first, total - first + limit))
    last = first - len(chosen) + 1
    return ReleasesPage(
        chain=now.chain,
        current=current_releases(now),
        releases=tuple(release_line(now, one) for one in chosen),
        next=f"/releases.json?before={last}&limit={limit}" if last > 1 else None,
    )


async def releases_of_name(now: Now, name: ReleaseName) -> NamedReleasesPage:
    """The releases of one name: which is current, and which came before."""
    found = [one for one in newest_releases(now) if one.name == name]
    if not found:
        raise NotFound(f"there is no release named {name}", advice="/releases lists them all")
    return NamedReleasesPage(
        chain=now.chain,
        name=name,
        current=current_release(now, name),
        releases=tuple(release_line(now, one) for one in found),
        command=f"fedledger release fetch --network NETWORK.toml {name}",
    )


async def release(now: Now, name: ReleaseName, version: Version) -> ReleasePage:
    """A release: its record, what speaks for it, the votes, and how to fetch and verify it."""
    one = now.release(name, version)
    line = release_line(now, one)
    return ReleasePage(
        chain=now.chain,
        release=line,
        answers=release_answers(now, one),
        evidence=evidence_for(now, one.job, one.round, one.root, one.report),
        decided_by=decisions_on(now, one),
        file=_file(one, NAME),
        card=_file(one, CARD),
        about=None if not one.usable else now.state.cards.get(card_key(one)),
        command=f"fedledger release fetch --network NETWORK.toml {name}@{version}",
    )


def _file(one: Release, file: str) -> str | None:
    """Where the server serves a file of a release; None for one that is revoked."""
    return None if not one.usable else f"/releases/{one.name}/{one.version}/{file}"
