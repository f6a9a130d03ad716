"""Errors as documents (RFC 9457): each has a name, a status, what is wrong, and advice. The one place where they are
mapped.
"""

import math
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from urllib.parse import quote

import msgspec

from ledger.errors import Corrupt, FedledgerError, Malformed, Refuted, Rejected, Unavailable, UsageError
from ledger.history.changes import ChangesNothing
from ledger.history.names import NotReleased, RevokedRelease
from ledger.history.naming import NameTaken
from web.access import links
from web.documents.common import Problem
from web.documents.refusals import Conflict, NotAllowed, NotAuthentic
from web.reading.ledger import NotFound
from web.reading.library import Withheld

LONGEST = 300
MEDIA_TYPE = "application/problem+json"
TYPE = "tag:fedledger,2026:"
"""Before a problem's name: a URI that leads nowhere and is everywhere the same (RFC 4151)."""
WITHHELD = frozenset({"holders", "holder", "url"})
"""Facts for the operator alone: what was dialled, and what was heard there."""
_STATUS: dict[type[FedledgerError], int] = {
    NotFound: 404,
    Withheld: 403,
    NotAuthentic: 401,
    NotAllowed: 403,
    Conflict: 409,
    NameTaken: 409,
    ChangesNothing: 409,
    NotReleased: 403,
    RevokedRelease: 410,
    Malformed: 400,
    UsageError: 400,
    Corrupt: 502,
    Unavailable: 503,
    Refuted: 502,
    Rejected: 409,
    FedledgerError: 503,
}
"""The nearest family in an error's ancestry counts."""
_NAMES = {
    400: ("BadRequest", "/openapi.json describes every request"),
    403: ("WrongOrigin", "send it from a page of this server, or not from a page"),
    404: ("NotFound", "start from /"),
    405: ("MethodNotAllowed", "/openapi.json lists the methods of every address"),
    413: ("TooLarge", "no body here is larger than 16 KiB"),
    414: ("AddressTooLong", "no address here is longer than 1,024 characters"),
    415: ("WrongContentType", "send JSON, with Content-Type: application/json"),
    416: ("NoSuchRange", "Content-Range of this response has the file's size"),
    421: ("WrongHost", "use the address that `fedledger web run` printed"),
    429: ("TooManyRequests", "send fewer requests"),
    500: ("Defect", "please report it, with the time"),
    503: ("Unavailable", "try again in a moment"),
}


def of_error(error: FedledgerError) -> Problem:
    """An error of fedledger as a document."""
    family = next(kind for kind in type(error).__mro__ if kind in _STATUS)
    facts = {name: _short(str(value)) for name, value in error.facts.items() if name not in WITHHELD}
    return named(error.kind, _STATUS[family], _short(error.message), error.advice, facts)


def of_status(status: int, message: str = "") -> Problem:
    """An error that has a status, but no exception of ours."""
    name, advice = _NAMES.get(status, ("Refused", "/openapi.json describes every request"))
    return named(name, status, message or _WORDS.get(status, "that request cannot be served"), advice)


def named(name: str, status: int, detail: str, advice: str, facts: Mapping[str, str] = MappingProxyType({})) -> Problem:
    """A problem by its name, of which the type is made. The title is its status's; `encoded` adds the instance."""
    return Problem(
        type=TYPE + name,
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        instance="",
        error=name,
        advice=advice,
        facts=dict(facts),
    )


_WORDS = {
    403: "a page of another server sent this",
    404: "there is nothing at this address",
    405: "this address does not have that method",
    413: "the request is too large",
    414: "the address is too long",
    415: "the body is not declared as JSON",
    416: "the file does not have those bytes",
    421: "this server does not have that name",
    429: "too many requests from this address",
    500: "a defect of fedledger",
}


def encoded(problem: Problem, path: str) -> bytes:
    """A problem with the address that was asked for; a link to sign in with is cut."""
    instance = f"{links.PATH}…" if path.startswith(links.PATH) else path[:LONGEST]
    return msgspec.json.encode(msgspec.structs.replace(problem, instance=quote(instance)))


def retry_after(seconds: float) -> str:
    """The value of Retry-After: whole seconds, at least one."""
    return str(max(1, math.ceil(seconds)))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
