"""Every error in one form: JSON for programs, a page for people. What an error says stands in `web.access.problems`."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match, Mount
from starlette.types import Scope

from ledger.errors import FedledgerError
from web.access import links
from web.access.problems import MEDIA_TYPE, encoded, of_error, of_status
from web.documents.common import Problem
from web.documents.refusals import NoOrigin
from web.reading.ledger import NotFound
from web.routes.page import HTML, plain_page, remember
from web.routes.parameters import own_origin
from web.routes.responses import language_of

GONE = 499
"""The status that other servers count for a client that hung up."""
Handler = Callable[[Request, Any], Awaitable[Response]]


def map_errors(app: FastAPI) -> None:
    """Have the application respond to every exception with its problem."""
    handlers: dict[type[Exception], Handler] = {
        FedledgerError: _refused,
        HTTPException: _unserved,
        RequestValidationError: _invalid,
        ClientDisconnect: _gone,
        Exception: _defect,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


async def _refused(request: Request, error: FedledgerError) -> Response:
    return problem_response(request, of_error(error))


async def _unserved(request: Request, error: HTTPException) -> Response:
    if error.status_code == 405:
        return _unallowed(request)
    response = problem_response(request, of_status(error.status_code))
    response.headers.update(error.headers or {})
    return response


def _unallowed(request: Request) -> Response:
    """The methods that an address has: for OPTIONS, and for one that it does not have."""
    allowed = {"Allow": ", ".join(sorted(_methods(request)))}
    if request.method == "OPTIONS":
        return Response(status_code=204, headers=allowed)
    response = problem_response(request, of_status(405))
    response.headers.update(allowed)
    return response


def _methods(request: Request) -> set[str]:
    """All that an address has; the guard answers HEAD wherever GET is, but where a GET changes something."""
    found, path = {"OPTIONS"}, request.scope["path"]
    for method in ("GET", "POST"):
        scope = {**request.scope, "method": method, "root_path": ""}
        matching = [route for route in request.app.routes if route.matches(scope)[0] is Match.FULL]
        if any(method == "GET" or not isinstance(route, Mount) for route in matching):
            found.add(method)
    return found | ({"HEAD"} if "GET" in found and not path.startswith(links.PATH) else set())


async def _invalid(request: Request, error: RequestValidationError) -> Response:
    """A part of the path that cannot exist is not found; any other parameter is malformed."""
    first = error.errors()[0]
    place, message = str(first["loc"][-1]), str(first["msg"])
    if first["loc"][0] == "path":
        return await _refused(request, NotFound(f"there is no such {place}: {message}", advice="start from /"))
    return problem_response(request, of_status(400, f"{place}: {message}"))


async def _gone(_request: Request, _error: ClientDisconnect) -> Response:
    """For the access log and the counts alone: the client hung up in the middle of its request."""
    return Response(status_code=GONE)


async def _defect(request: Request, _error: Exception) -> Response:
    return problem_response(request, of_status(500))


def refusal(app: FastAPI, scope: Scope, problem: Problem, headers: dict[str, str]) -> Response:
    """What a request gets that does not come as far as the application.

    Its page says nothing of the consortium: another server's page may have sent the request, under a name of its own.
    """
    request, common = Request({**scope, "app": app}), {"Cache-Control": "no-store", **headers}
    if not _wants_page(request):
        return Response(encoded(problem, request.scope["path"]), problem.status, common, MEDIA_TYPE)
    page = app.state.renderer.fresh("refused.html", language_of(request), problem=problem)
    return Response(page, problem.status, common, HTML)


def problem_response(request: Request, problem: Problem) -> Response:
    """A page if the client accepts one, and the address is not that of a document."""
    headers = {"Cache-Control": "no-store"} | ({"Retry-After": "2"} if problem.status == 503 else {})
    if not _wants_page(request):
        return Response(encoded(problem, request.scope["path"]), problem.status, headers, MEDIA_TYPE)
    page = plain_page(request, "problem.html", problem=problem, origin=_origin(request))
    return remember(request, Response(page, problem.status, headers, HTML))


def _wants_page(request: Request) -> bool:
    return not request.scope["path"].endswith(".json") and "text/html" in request.headers.get("accept", "")


def _origin(request: Request) -> str:
    """The address to sign in at; empty if nobody can."""
    try:
        return own_origin(request)
    except NoOrigin:
        return ""
