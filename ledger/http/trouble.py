"""What goes wrong on the way to an answer, told apart by cause. No word of a server's own is repeated: it may be a
service that only this machine reaches, and messages go to screens, journals and pages.
"""

import email.utils
import re
import ssl
import time
from collections.abc import Mapping
from enum import Enum
from typing import Any

from ledger.errors import Unavailable
from ledger.http.answers import Answer, BrokenAnswer

LONGEST_REST = 3600.0
"""Seconds that a server may ask for with Retry-After, at most."""
RETRY_AFTER = "retry-after"
FOLLOWED = frozenset({301, 302, 307, 308})
"""Redirects by which the same is asked again somewhere else."""


class Cause(Enum):
    """Why there is no answer to what was asked."""

    LOST = "no connection, or none that lasts"
    LATE = "no whole answer in time"
    FORBIDDEN = "an address that must not be dialled"
    UNTRUSTED = "a certificate that does not hold"
    BROKEN = "an answer that breaks HTTP"
    PROXY = "the proxy on the way"
    CREDENTIALS = "no access without other credentials"
    BUSY = "busy, or asked too often"
    MOVED = "somewhere else"
    BETWEEN = "somebody in between answers"
    STATUS = "another status"


class Trouble(Unavailable):
    """No answer, or not one to what was asked. `rest` is the seconds that the server asks to be left alone, or None."""

    def __init__(self, cause: Cause, message: str, *, advice: str = "", rest: float | None = None, **facts: object):
        super().__init__(message, advice=advice, **facts)
        self.cause, self.rest = cause, rest

    @property
    def kind(self) -> str:
        return "Unavailable"


def rest_of(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """The seconds in Retry-After, given as a number or a date, within bounds; None without a usable one."""
    text = headers.get(RETRY_AFTER, "").strip()
    if re.fullmatch("[0-9]{1,9}", text):
        return min(float(text), LONGEST_REST)
    try:
        at = email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    return min(max(at - (time.time() if now is None else now), 0.0), LONGEST_REST)


_REASONS: dict[int, tuple[Cause, str, str]] = {
    401: (
        Cause.CREDENTIALS,
        "asks for credentials",
        "name a file with them in node.toml: [[http.servers]] with url, and token, login or certificate",
    ),
    403: (Cause.CREDENTIALS, "refuses access", "ask its operator for access, or those who run the network's filter"),
    407: (Cause.PROXY, "is behind a proxy that asks for credentials", "name user and password in the proxy's URL"),
    429: (Cause.BUSY, "was asked too often", "wait, ask for a higher limit, or use a server of your own"),
    502: (Cause.LOST, "is not reached by what stands in front of it", "try again once it is up"),
    503: (Cause.BUSY, "is busy", "try again later"),
    504: (Cause.LOST, "does not answer what stands in front of it in time", "try again later"),
}
KNOWN = frozenset(_REASONS)
"""Statuses that say it all, whatever the body says."""


def refused(name: str, answer: Answer, url: str = "") -> Trouble:
    """What to say of an answer whose status is not a success."""
    status, rest = answer.status, rest_of(answer.headers)
    through = f", through the proxy {answer.proxy}" if answer.proxy else ""
    page = ", with a web page: somebody in between may be answering" if answer.is_page else ""
    cause, reason, advice = _REASONS.get(status, (Cause.STATUS, "did not do what was asked", ""))
    if 300 <= status < 400:
        cause, reason, advice = Cause.MOVED, "redirects to another address", "use the address that it answers at"
    if rest is not None and cause is Cause.BUSY:
        reason += f"; it asks for a pause of {rest:g} s"
    return Trouble(cause, f"{name} {reason}: status {status}{through}{page}", advice=advice, rest=rest, **_at(url))


def between(name: str, answer: Answer, what: str, url: str = "") -> Trouble:
    """What to say of a success that is not of the kind that was asked for."""
    kind = "a web page" if answer.is_page else "something else"
    place = f"the proxy {answer.proxy}, or somebody behind it," if answer.proxy else f"somebody between here and {name}"
    return Trouble(
        Cause.BETWEEN,
        f"{place} answered with {kind} instead of {what}",
        advice="a filter, a login page or another service stands at this address or on the way to it: open the "
        "address in a browser, ask who runs the network, or exempt it from the proxy",
        **_at(url),
    )


def lost(name: str, error: BaseException, url: str, seconds: float) -> Trouble:
    """What to say where no whole answer came. Only the operating system's words and our own are repeated."""
    advice = getattr(error, "advice", "")
    cause, reason = _reason(error)
    if cause is Cause.UNTRUSTED:
        advice = advice or (
            "where its certificate is of a private authority, name that: [http] ca in node.toml, or SSL_CERT_FILE"
        )
    return Trouble(cause, f"{name} cannot be reached: {reason}", advice=advice, url=url, timeout_seconds=seconds)


def _at(url: str) -> dict[str, Any]:
    return {"url": url} if url else {}


def _reason(error: BaseException) -> tuple[Cause, str]:
    if isinstance(error, BrokenAnswer):
        return Cause.BROKEN, str(error)
    if isinstance(error, TimeoutError):
        return Cause.LATE, "no whole answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return Cause.UNTRUSTED, f"its certificate is not trusted: {error.verify_message or 'it does not verify'}"
    if isinstance(error, ssl.SSLError):
        return Cause.BROKEN, f"it does not speak TLS as it should ({error.reason or type(error).__name__})"
    cause = getattr(error, "cause", Cause.LOST)
    return cause, getattr(error, "strerror", None) or str(error) or type(error).__name__
