"""The table of pages: the address of each, its document, and the template that shows it."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from web.documents.common import Page
from web.documents.pages import (
    AuditPage,
    ConsortiumPage,
    JobPage,
    JobsPage,
    MemberPage,
    MembersPage,
    ModelPage,
    ModelsPage,
    NamedReleasesPage,
    ProposalPage,
    ProposalsPage,
    ReleasePage,
    ReleasesPage,
    RoundPage,
    RoundsPage,
    ScoresPage,
)
from web.routes import decisions, ledger

Builder = Callable[..., Awaitable[Page]]


class Shown(NamedTuple):
    """A page: its address, that of its JSON sibling, what makes its document, and the template that shows it."""

    page: str
    json: str
    build: Builder
    kind: type[Page]
    template: str


PAGES = (
    Shown("/", "/consortium.json", ledger.consortium, ConsortiumPage, "overview.html"),
    Shown("/members", "/members.json", ledger.members, MembersPage, "members.html"),
    Shown("/members/{index:int}", "/members/{index:int}.json", decisions.member, MemberPage, "member.html"),
    Shown("/jobs", "/jobs.json", ledger.jobs, JobsPage, "jobs.html"),
    Shown("/jobs/{job:int}", "/jobs/{job:int}.json", ledger.job, JobPage, "job.html"),
    Shown("/jobs/{job:int}/rounds", "/jobs/{job:int}/rounds.json", ledger.rounds, RoundsPage, "rounds.html"),
    Shown(
        "/jobs/{job:int}/rounds/{round:int}",
        "/jobs/{job:int}/rounds/{round:int}.json",
        ledger.round_,
        RoundPage,
        "round.html",
    ),
    Shown("/jobs/{job:int}/scores", "/jobs/{job:int}/scores.json", ledger.scores, ScoresPage, "scores.html"),
    Shown("/jobs/{job:int}/models", "/jobs/{job:int}/models.json", ledger.models, ModelsPage, "models.html"),
    Shown(
        "/jobs/{job:int}/models/{round:int}",
        "/jobs/{job:int}/models/{round:int}.json",
        ledger.model,
        ModelPage,
        "model.html",
    ),
    Shown("/proposals", "/proposals.json", decisions.proposals, ProposalsPage, "proposals.html"),
    Shown(
        "/proposals/{number:int}",
        "/proposals/{number:int}.json",
        decisions.proposal,
        ProposalPage,
        "proposal.html",
    ),
    Shown("/releases", "/releases.json", decisions.releases, ReleasesPage, "releases.html"),
    Shown("/releases/{name}", "/releases/{name}.json", decisions.named, NamedReleasesPage, "named.html"),
    Shown(
        "/releases/{name}/{version}",
        "/releases/{name}/{version}.json",
        decisions.release,
        ReleasePage,
        "release.html",
    ),
    Shown("/audit", "/audit.json", ledger.audit, AuditPage, "audit.html"),
)
