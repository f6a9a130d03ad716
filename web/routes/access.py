"""Who may read, and how members sign in (docs/spec/web.md)."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Query, Request, Response

from ledger.formats.digest import ADDRESS_PATTERN, checksum_address
from ledger.http.addresses import is_loopback
from web.access.json_body import read_json
from web.access.sessions import SECONDS, Session, Sessions, Visitor, cookie_name, is_https
from web.access.sign_in import SignIns
from web.documents.refusals import NoOrigin
from web.documents.relay import Nothing, SessionPage, SignInAnswer, SignInText
from web.routes.parameters import reading
from web.routes.responses import uncached
from web.view import View

SECURITY = "/.well-known/security.txt"
OPEN = frozenset(
    {"/health", "/ready", "/sign-in", "/sign-in.json", "/session.json", "/sign-out.json", "/openapi.json"}
    | {"/metrics", SECURITY}
)
"""Needs no session, and neither do the files under /static and signed messages, which prove their own origin.
/metrics has a rule of its own.
"""
PASSED_ON = frozenset({"forwarded", "via", "x-forwarded-for", "x-real-ip"})
"""The headers by which proxies tell that they are one."""
router = APIRouter(tags=["sign-in"])


async def admit(request: Request) -> None:
    """If reading is for members, all but OPEN needs a session. Raises NotSignedIn, SessionEnded."""
    if not may_read(request):
        visitor(request).signed_in()


def may_read(request: Request) -> bool:
    """Whether the client may read, or read on: long responses check it again."""
    view: View = request.app.state.view
    path: str = request.scope["path"]  # not request.url: that is made with the Host header
    if view.read != "members" or path in OPEN or (path == "/relay.json" and request.method == "POST"):
        return True
    sessions: Sessions = request.app.state.sessions
    return sessions.visitor(visitor(request).token).session is not None


def require_insider(request: Request) -> None:
    """For what is for the operator: a request is from this machine, not passed on by a proxy, or from a member.

    Raises NotSignedIn, SessionEnded.
    """
    client, host = request.client, urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    here = client is not None and is_loopback(client.host) and is_loopback(host)
    if not here or PASSED_ON & set(request.headers.keys()):
        visitor(request).signed_in()


def visitor(request: Request) -> Visitor:
    """The client, as the guard identified it."""
    known: Visitor = getattr(request.state, "visitor", Visitor())
    return known


@router.get("/sign-in.json", summary="A text to sign in with (EIP-4361), valid once")
async def text_to_sign(
    request: Request, address: Annotated[str, Query(pattern=ADDRESS_PATTERN, description="EIP-55, or lower case")]
) -> Response:
    """The text, for a key of that address."""
    signins: SignIns = request.app.state.signins
    issued = signins.issue(_origin(request), _checksummed(address))
    return uncached(SignInText(message=issued.message, nonce=issued.nonce, expires=issued.expires))


@router.post("/sign-in.json", summary="Sign in with the text and its signature")
async def sign_in(request: Request) -> Response:
    """Begins a session, whose token is in a cookie. One that the client had ends."""
    signed = await read_json(request, SignInAnswer)
    origin, state = _origin(request), request.app.state
    token, session = state.sessions.begin(state.signins.redeem(origin, signed.message, signed.signature))
    state.sessions.end(visitor(request).token)
    response = uncached(_page(request, session))
    response.set_cookie(
        cookie_name(origin), token, max_age=SECONDS, httponly=True, samesite="strict", secure=is_https(origin)
    )
    return response


@router.get("/session.json", summary="Who is signed in")
async def session(request: Request) -> Response:
    """The client's session."""
    found = visitor(request).session
    return uncached(_page(request, found) if found else SessionPage())


@router.post("/sign-out.json", summary="Sign out")
async def sign_out(request: Request) -> Response:
    """Ends the client's session, if there is one."""
    await read_json(request, Nothing)
    request.app.state.sessions.end(visitor(request).token)
    response = uncached(SessionPage())
    origin = request.app.state.view.origin
    response.delete_cookie(cookie_name(origin), httponly=True, samesite="strict", secure=is_https(origin))
    return response


def _checksummed(address: str) -> str:
    """An address with its checksum; wallets send them in lower case, without one that could be wrong."""
    digits = address.removeprefix("0x")
    return checksum_address(bytes.fromhex(digits)) if digits == digits.lower() else address


def own_origin(view: View, host: str) -> str:
    """The address by which this server is reached. Raises NoOrigin if it is neither configured nor known."""
    if view.origin:
        return view.origin
    if not view.hosts or not urlsplit(f"//{host}").hostname:
        raise NoOrigin(
            "this server does not know by which address people reach it, so nobody can sign in",
            advice="start it with --origin https://NAME",
        )
    return f"http://{host}"


def _origin(request: Request) -> str:
    return own_origin(request.app.state.view, request.headers.get("host", "").lower())


def _page(request: Request, found: Session) -> SessionPage:
    party = reading(request).party(found.index, found.address)
    return SessionPage(member=party, address=found.address, expires=found.expires)
