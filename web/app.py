"""The application: every page, and beside it the same as JSON, from one builder."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from threading import Event
from typing import Annotated, Any, TextIO
from urllib.parse import urlencode

import msgspec
from anyio import CapacityLimiter
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from ledger.errors import FedledgerError
from ledger.formats.digest import sha256
from web.access import problems
from web.access.buckets import Buckets
from web.access.guard import AccessLog, App, Guard
from web.access.metrics import Metrics
from web.access.sessions import Sessions
from web.access.sign_in import SignIns
from web.documents.common import Page, Problem
from web.drawing.language import COOKIE, LANGUAGES, choose
from web.drawing.render import FOLDER, Renderer
from web.openapi import describe
from web.pages import PAGES, Shown
from web.reading.ledger import NotFound
from web.routes import access, downloads, relay, service
from web.routes.ledger import reading
from web.view import View

ROUTERS = (service.router, access.router, relay.router, downloads.router)
"""The routes that are no pages."""
HTML = "text/html; charset=utf-8"
YEAR = 365 * 86400


def create_app(view: View, *, log: TextIO | None = None, quiet: bool = False) -> App:
    """The application over a view. It starts no thread: `following.Live` fills the view's latest.

    `log` takes the access log, standard output by default; `quiet` writes none.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.readers = CapacityLimiter(service.MOST_READERS)
        yield
        app.state.closing.set()

    admitted = [Depends(access.admit)]
    app = FastAPI(
        title="fedledger", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan, dependencies=admitted
    )
    metrics, renderer, sessions = Metrics(view.relayer), Renderer(), Sessions(view.latest, view.sessions)
    app.state.view, app.state.metrics, app.state.renderer = view, metrics, renderer
    app.state.sessions, app.state.signins = sessions, SignIns(view.network.chain.id)
    app.state.closing, app.state.listening = Event(), 0
    for shown in PAGES:
        _add(app, shown, renderer)
    for router in ROUTERS:
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=FOLDER / "static"))
    _map_errors(app)
    document = msgspec.json.encode(describe(app, PAGES))

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        return Response(document, media_type="application/json")

    return Guard(
        app,
        hosts=view.hosts,
        origin=view.origin,
        buckets=Buckets(view.rate),
        metrics=metrics,
        sessions=sessions,
        log=None if quiet else AccessLog(log),
    )


def _add(app: FastAPI, shown: Shown, renderer: Renderer) -> None:
    Document = Annotated[Page, Depends(shown.build)]  # noqa: N806  it is a type

    async def as_json(request: Request, document: Document) -> Response:
        return _tagged(request, msgspec.json.encode(document), "application/json")

    async def as_page(request: Request, document: Document) -> Response:
        language = _language(request)
        now, path = reading(request), request.scope["path"]
        kept = {k: v for k, v in request.query_params.items() if k in {"before", "job", "limit"}}
        address = path + ("?" + urlencode(kept) if kept else "")
        facts = {
            "page": document,
            "chain": document.chain,
            "network": now.network.name,
            "path": path,
            "json": shown.json.replace(":int", "").format(**request.path_params) + address.removeprefix(path),
            "switch": address + ("&" if kept else "?") + "lang=",
            **_abilities(request),
        }
        body = renderer.page(shown.template, address, language, now.state, facts)
        answer = _tagged(request, body, HTML)
        return _remember(request, answer, language)

    name = shown.build.__name__.strip("_")
    app.get(shown.json, name=name, operation_id=name, summary=(shown.build.__doc__ or "").strip())(as_json)
    app.get(shown.page, include_in_schema=False)(as_page)


def _abilities(request: Request) -> dict[str, bool]:
    """Whether this server relays, and whether anyone needs to sign in here."""
    view: View = request.app.state.view
    relays = view.relayer is not None
    return {"relays": relays, "signs_in": relays or view.read == "members"}


def _tagged(request: Request, body: bytes, kind: str) -> Response:
    """An answer that a reader may keep, and ask whether it still holds."""
    tag = f'"{sha256(body).hex()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": access.caching(request), "Vary": "Accept-Language, Cookie"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=kind, headers=headers)


def _language(request: Request) -> str:
    query, cookies = request.query_params.get("lang"), request.cookies.get(COOKIE)
    return choose(query, cookies, request.headers.get("accept-language", ""))


def _remember(request: Request, answer: Response, language: str) -> Response:
    if request.query_params.get("lang") in LANGUAGES:
        answer.set_cookie(COOKIE, language, max_age=YEAR, samesite="lax", httponly=True)
    return answer


def _map_errors(app: FastAPI) -> None:
    """Every error in one form: JSON for programs, a page for people."""

    def ours(request: Request, error: FedledgerError) -> Response:
        return _problem(request, problems.of_error(error))

    def http(request: Request, error: HTTPException) -> Response:
        answer = _problem(request, problems.of_status(error.status_code))
        answer.headers.update(error.headers or {})
        return answer

    def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        place, what = str(first["loc"][-1]), str(first["msg"])
        if first["loc"][0] == "path":
            return _problem(
                request,
                problems.of_error(NotFound(f"there is no such {place}: {what}", advice="/ leads to all there is")),
            )
        return _problem(request, problems.of_status(400, f"{place}: {what}"))

    def defect(request: Request, _error: Exception) -> Response:
        return _problem(request, problems.of_status(500))

    handlers: dict[type[Exception], Callable[[Request, Any], Response]] = {
        FedledgerError: ours,
        HTTPException: http,
        RequestValidationError: invalid,
        Exception: defect,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, _awaited(handler))


def _awaited(handler: Callable[[Request, Any], Response]) -> Callable[[Request, Any], Awaitable[Response]]:
    """A handler that needs no thread of its own."""

    async def answer(request: Request, error: Any) -> Response:
        return handler(request, error)

    return answer


def _problem(request: Request, problem: Problem) -> Response:
    headers = {"Cache-Control": "no-store"} | ({"Retry-After": "2"} if problem.status == 503 else {})
    path = request.scope["path"]
    if path.endswith(".json") or "text/html" not in request.headers.get("accept", ""):
        return Response(problems.encoded(problem), problem.status, headers, "application/json")
    state = request.app.state
    now, renderer = reading(request), state.renderer
    facts: dict[str, Any] = {"path": "", "switch": "/?lang=", "json": None, **_abilities(request)}
    facts |= {"chain": now.chain, "network": now.network.name}
    page = renderer.fresh("problem.html", _language(request), serial=now.state.serial, problem=problem, **facts)
    return Response(page, problem.status, headers, HTML)
