"""The table of pages: the address of each, its JSON sibling, its document, and the template that draws it."""

from web.documents import comparison, pages
from web.documents.activity import ActivityPage, SearchPage
from web.documents.verify import VerifyPage
from web.routes import activity, decisions, ledger, members, search, verify
from web.routes import comparison as sides
from web.routes.page import PageRoute

_JOB = "/jobs/{job:int}"
_RELEASE = "/releases/{name}/{version}"

PAGES = (
    PageRoute("/", "/consortium.json", ledger.consortium, pages.ConsortiumPage, "overview.html"),
    PageRoute("/members", "/members.json", members.members, pages.MembersPage, "members.html"),
    PageRoute("/members/{index:int}", "/members/{index:int}.json", members.member, pages.MemberPage, "member.html"),
    PageRoute("/jobs", "/jobs.json", ledger.jobs, pages.JobsPage, "jobs.html"),
    PageRoute(_JOB, f"{_JOB}.json", ledger.job, pages.JobPage, "job.html"),
    PageRoute(f"{_JOB}/rounds", f"{_JOB}/rounds.json", ledger.rounds, pages.RoundsPage, "rounds.html"),
    PageRoute(
        f"{_JOB}/rounds/{{round:int}}",
        f"{_JOB}/rounds/{{round:int}}.json",
        ledger.round_,
        pages.RoundPage,
        "round.html",
    ),
    PageRoute(f"{_JOB}/scores", f"{_JOB}/scores.json", ledger.scores, pages.ScoresPage, "scores.html"),
    PageRoute(f"{_JOB}/models", f"{_JOB}/models.json", ledger.models, pages.ModelsPage, "models.html"),
    PageRoute(
        f"{_JOB}/models/{{round:int}}",
        f"{_JOB}/models/{{round:int}}.json",
        ledger.model,
        pages.ModelPage,
        "model.html",
    ),
    PageRoute("/proposals", "/proposals.json", decisions.proposals, pages.ProposalsPage, "proposals.html"),
    PageRoute(
        "/proposals/{number:int}",
        "/proposals/{number:int}.json",
        decisions.proposal,
        pages.ProposalPage,
        "proposal.html",
    ),
    PageRoute("/releases", "/releases.json", decisions.releases, pages.ReleasesPage, "releases.html"),
    PageRoute(
        "/releases/{name}",
        "/releases/{name}.json",
        decisions.releases_of_name,
        pages.NamedReleasesPage,
        "release_name.html",
    ),
    PageRoute(_RELEASE, f"{_RELEASE}.json", decisions.release, pages.ReleasePage, "release.html"),
    PageRoute(f"{_JOB}/weights", f"{_JOB}/weights.json", sides.weights, comparison.WeightsPage, "weights.html"),
    PageRoute("/compare", "/compare.json", sides.compare, comparison.ComparePage, "compare.html"),
    PageRoute("/activity", "/activity.json", activity.activity, ActivityPage, "activity.html"),
    search.SearchRoute("/search", "/search.json", search.search, SearchPage, "search_results.html"),
    PageRoute("/verify", "/verify.json", verify.verify, VerifyPage, "verify.html"),
    PageRoute("/audit", "/audit.json", ledger.audit, pages.AuditPage, "audit.html"),
)
