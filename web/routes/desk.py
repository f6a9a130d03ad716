"""A member's desk, and a job that is checked before it is proposed: for those who are signed in, and never kept."""

from collections.abc import Callable

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse

from ledger.jobs.document import MAX_SIZE
from web.access.json_body import read_body, read_json
from web.access.sessions import Session
from web.documents.desk import CheckedJob, DeskPage
from web.documents.drafts import LARGEST, MergedDraft, ProfilesToMerge
from web.reading.desk.desk import desk
from web.reading.desk.draft import merged_draft
from web.reading.desk.job_check import check_job
from web.routes.access import visitor
from web.routes.page import plain_page, remember
from web.routes.parameters import reading
from web.routes.responses import UNCACHED, uncached

DESK = "/desk"
CHECK = "/jobs/check"
DRAFT = "/jobs/draft"
MOST_WAITING = 8
"""So many drafts wait for the one that is made, each with what was handed in."""
router = APIRouter(tags=["desk"])


@router.get(f"{DESK}.json", name="desk", summary="What waits for the member that is signed in")
async def desk_document(request: Request) -> Response:
    """Votes, jobs to approve, what its node owes, files that others lack; and how its node does."""
    return uncached(_desk(request))


@router.get(DESK, include_in_schema=False)
async def desk_page(request: Request) -> Response:
    """The same for people."""
    body = plain_page(request, "desk.html", page=_desk(request), path=DESK, json=f"{DESK}.json")
    return remember(request, HTMLResponse(body, headers=UNCACHED))


@router.post(f"{CHECK}.json", name="check_job", summary="A job's document, read as every member will read it")
async def checked_document(request: Request) -> Response:
    """What it says, and the call by which the member's own key proposes it: nobody can relay that."""
    return uncached(await _checked(request))


@router.post(CHECK, include_in_schema=False)
async def checked_page(request: Request) -> Response:
    """The same in words."""
    checked = await _checked(request)
    return HTMLResponse(plain_page(request, "job_check.html", checked=checked), headers=UNCACHED)


@router.get(DRAFT, include_in_schema=False)
async def draft_page(request: Request) -> Response:
    """The form by which a clerk hands in shared profiles."""
    _member(request)
    return remember(request, HTMLResponse(plain_page(request, "draft.html"), headers=UNCACHED))


@router.post(f"{DRAFT}.json", name="draft_job", summary="Shared profiles side by side, and the draft that follows")
async def draft_document(request: Request) -> Response:
    """Where parties differ, what each does, and the draft once nothing is left to decide. Nothing is kept."""
    return await _drafted(request, lambda _, made: uncached(made))


@router.post(DRAFT, include_in_schema=False)
async def drafted_page(request: Request) -> Response:
    """The same for people."""

    def page(handed: ProfilesToMerge, made: MergedDraft) -> Response:
        chosen = {word: frozenset(getattr(handed.choices, word)) for word in ("drop", "accept", "category")}
        return HTMLResponse(plain_page(request, "draft_check.html", made=made, chosen=chosen), headers=UNCACHED)

    return await _drafted(request, page)


async def _drafted(request: Request, respond: Callable[[ProfilesToMerge, MergedDraft], Response]) -> Response:
    """One at a time, in a thread: the largest takes seconds, which no other reader waits for."""
    _member(request)
    limiter: CapacityLimiter = request.app.state.drafts
    if limiter.statistics().tasks_waiting >= MOST_WAITING:
        raise HTTPException(429, headers={"Retry-After": "5"})
    handed: ProfilesToMerge = await read_json(request, ProfilesToMerge, LARGEST)
    return await to_thread.run_sync(lambda: respond(handed, merged_draft(handed)), limiter=limiter)


def _desk(request: Request) -> DeskPage:
    """Raises NotSignedIn, SessionEnded."""
    session, view = _member(request), request.app.state.view
    page = desk(reading(request), session.index)
    if view.gateways is not None and page.node.gateway:
        view.gateways.want(session.index)
    return page


async def _checked(request: Request) -> CheckedJob:
    session = _member(request)
    content = await read_body(request, MAX_SIZE)
    return await to_thread.run_sync(check_job, reading(request), content, session.index)


def _member(request: Request) -> Session:
    """Whose desk it is. Raises NotSignedIn, SessionEnded."""
    return visitor(request).signed_in()
