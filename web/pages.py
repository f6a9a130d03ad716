"""The table of pages: the address of each, its document, and the template that shows it."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from web.documents import ledger as d
from web.routes import decisions, ledger

Builder = Callable[..., Awaitable[d.Page]]


class Shown(NamedTuple):
    """A page: its address, that of its JSON sibling, what makes its document, and the template that shows it."""

    page: str
    json: str
    build: Builder
    kind: type[d.Page]
    template: str


PAGES = (
    Shown("/", "/consortium.json", ledger.consortium, d.ConsortiumPage, "overview.html"),
    Shown("/members", "/members.json", ledger.members, d.MembersPage, "members.html"),
    Shown("/members/{index:int}", "/members/{index:int}.json", decisions.member, d.MemberPage, "member.html"),
    Shown("/jobs", "/jobs.json", ledger.jobs, d.JobsPage, "jobs.html"),
    Shown("/jobs/{job:int}", "/jobs/{job:int}.json", ledger.job, d.JobPage, "job.html"),
    Shown("/jobs/{job:int}/rounds", "/jobs/{job:int}/rounds.json", ledger.rounds, d.RoundsPage, "rounds.html"),
    Shown(
        "/jobs/{job:int}/rounds/{round:int}",
        "/jobs/{job:int}/rounds/{round:int}.json",
        ledger.round_,
        d.RoundPage,
        "round.html",
    ),
    Shown("/jobs/{job:int}/scores", "/jobs/{job:int}/scores.json", ledger.scores, d.ScoresPage, "scores.html"),
    Shown("/jobs/{job:int}/models", "/jobs/{job:int}/models.json", ledger.models, d.ModelsPage, "models.html"),
    Shown(
        "/jobs/{job:int}/models/{round:int}",
        "/jobs/{job:int}/models/{round:int}.json",
        ledger.model,
        d.ModelPage,
        "model.html",
    ),
    Shown("/proposals", "/proposals.json", decisions.proposals, d.ProposalsPage, "proposals.html"),
    Shown(
        "/proposals/{number:int}",
        "/proposals/{number:int}.json",
        decisions.proposal,
        d.ProposalPage,
        "proposal.html",
    ),
    Shown("/releases", "/releases.json", decisions.releases, d.ReleasesPage, "releases.html"),
    Shown("/releases/{name}", "/releases/{name}.json", decisions.named, d.NamedReleasesPage, "named.html"),
    Shown(
        "/releases/{name}/{version}",
        "/releases/{name}/{version}.json",
        decisions.release,
        d.ReleasePage,
        "release.html",
    ),
    Shown("/audit", "/audit.json", ledger.audit, d.AuditPage, "audit.html"),
)
