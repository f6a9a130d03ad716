"""Errors as documents: each has a name, a status, a message and advice. The one place where they are mapped."""

import math

import msgspec

from ledger.errors import Corrupt, FedledgerError, Malformed, Refuted, Rejected, Unavailable, UsageError
from ledger.history.names import NotReleased, RevokedRelease
from ledger.history.naming import NameTaken
from web.documents.common import Problem
from web.documents.refusals import Conflict, NotAllowed, NotAuthentic
from web.reading.ledger import NotFound
from web.reading.library import Withheld

LONGEST = 300
WITHHELD = frozenset({"holders", "holder", "url"})
"""Facts for the operator alone: what was dialled, and what was heard there."""
_STATUS: dict[type[FedledgerError], int] = {
    NotFound: 404,
    Withheld: 403,
    NotAuthentic: 401,
    NotAllowed: 403,
    Conflict: 409,
    NameTaken: 409,
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
    421: ("WrongHost", "use the address that `fedledger web run` printed"),
    429: ("TooManyRequests", "send fewer requests"),
    500: ("Defect", "please report it, with the time"),
    503: ("Unavailable", "try again in a moment"),
}


def of_error(error: FedledgerError) -> Problem:
    """An error of fedledger as a document."""
    family = next(kind for kind in type(error).__mro__ if kind in _STATUS)
    facts = {name: _short(str(value)) for name, value in error.facts.items() if name not in WITHHELD}
    return Problem(
        error=error.kind,
        status=_STATUS[family],
        message=_short(error.message),
        advice=error.advice,
        facts=facts,
    )


def of_status(status: int, message: str = "") -> Problem:
    """An error that has a status, but no exception of ours."""
    name, advice = _NAMES.get(status, ("Refused", "/openapi.json describes every request"))
    return Problem(
        error=name, status=status, message=message or _WORDS.get(status, "that request cannot be served"), advice=advice
    )


_WORDS = {
    403: "a page of another server sent this",
    404: "there is nothing at this address",
    405: "this address does not have that method",
    413: "the request is too large",
    414: "the address is too long",
    415: "the body is not declared as JSON",
    421: "this server does not have that name",
    429: "too many requests from this address",
    500: "a defect of fedledger",
}


def encoded(problem: Problem) -> bytes:
    return msgspec.json.encode(problem)


def retry_after(seconds: float) -> str:
    """The value of Retry-After: whole seconds, at least one."""
    return str(max(1, math.ceil(seconds)))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
