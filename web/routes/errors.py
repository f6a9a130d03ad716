"""Every error in one form: JSON for programs, a page for people. What an error says stands in `web.access.problems`."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from ledger.errors import FedledgerError
from web.access.problems import encoded, of_error, of_status
from web.documents.common import Problem
from web.documents.refusals import NoOrigin
from web.reading.ledger import NotFound
from web.routes.page import HTML, plain_page
from web.routes.parameters import own_origin

Handler = Callable[[Request, Any], Awaitable[Response]]


def map_errors(app: FastAPI) -> None:
    """Have the application respond to every exception with its problem."""
    handlers: dict[type[Exception], Handler] = {
        FedledgerError: _refused,
        HTTPException: _unserved,
        RequestValidationError: _invalid,
        Exception: _defect,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


async def _refused(request: Request, error: FedledgerError) -> Response:
    return problem_response(request, of_error(error))


async def _unserved(request: Request, error: HTTPException) -> Response:
    response = problem_response(request, of_status(error.status_code))
    response.headers.update(error.headers or {})
    return response


async def _invalid(request: Request, error: RequestValidationError) -> Response:
    """A part of the path that cannot exist is not found; any other parameter is malformed."""
    first = error.errors()[0]
    place, message = str(first["loc"][-1]), str(first["msg"])
    if first["loc"][0] == "path":
        return await _refused(request, NotFound(f"there is no such {place}: {message}", advice="start from /"))
    return problem_response(request, of_status(400, f"{place}: {message}"))


async def _defect(request: Request, _error: Exception) -> Response:
    return problem_response(request, of_status(500))


def problem_response(request: Request, problem: Problem) -> Response:
    """A page if the client accepts one, and the address is not that of a document."""
    headers = {"Cache-Control": "no-store"} | ({"Retry-After": "2"} if problem.status == 503 else {})
    path = request.scope["path"]
    if path.endswith(".json") or "text/html" not in request.headers.get("accept", ""):
        return Response(encoded(problem), problem.status, headers, "application/json")
    page = plain_page(request, "problem.html", problem=problem, origin=_origin(request))
    return Response(page, problem.status, headers, HTML)


def _origin(request: Request) -> str:
    """The address to sign in at; empty if nobody can."""
    try:
        return own_origin(request)
    except NoOrigin:
        return ""
