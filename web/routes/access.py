"""Who may read, and how members sign in (docs/spec/web.md)."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse

from ledger.formats.digest import ADDRESS_PATTERN, checksum_address
from ledger.http.addresses import is_loopback
from web.access import links
from web.access.json_body import read_json
from web.access.sessions import SECONDS, Session, Sessions, Visitor, cookie_name, is_https
from web.access.sign_in import SignIns
from web.documents.relay import Nothing, SessionPage, SignInAnswer, SignInLink, SignInText
from web.routes.page import plain_page
from web.routes.parameters import own_origin, reading
from web.routes.responses import UNCACHED, uncached
from web.view import View

SECURITY = "/.well-known/security.txt"
OPEN = frozenset(
    {"/health", "/ready", "/sign-in", "/sign-in.json", "/sign-in-link.json", "/session.json", "/sign-out.json"}
    | {"/openapi.json", "/metrics", SECURITY}
)
"""Needs no session, and neither do links to sign in with, files under /static, and signed messages, which prove their
own origin. /metrics has a rule of its own.
"""
PASSED_ON = frozenset({"forwarded", "via", "x-forwarded-for", "x-real-ip"})
"""The headers by which proxies tell that they are one."""
LinkToken = Annotated[str, Path(description="The link's token", json_schema_extra={"pattern": "^[A-Za-z0-9_-]{43}$"})]
router = APIRouter(tags=["sign-in"])


async def admit(request: Request) -> None:
    """If reading is for members, all but OPEN needs a session. Raises NotSignedIn, SessionEnded."""
    if not may_read(request):
        visitor(request).signed_in()


def may_read(request: Request) -> bool:
    """Whether the client may read, or read on: long responses check it again."""
    view: View = request.app.state.view
    path: str = request.scope["path"]  # not request.url: that is made with the Host header
    signs = path.startswith(links.PATH) or (path == "/relay.json" and request.method == "POST")
    if view.read != "members" or path in OPEN or signs:
        return True
    sessions: Sessions = request.app.state.sessions
    return sessions.visitor(visitor(request).token).session is not None


def require_insider(request: Request) -> None:
    """For what is for the operator: a request is from this machine, not passed on by a proxy, or from a member.

    A server with an origin is for others: what reaches it from this machine may be passed on, and not say so. Raises
    NotSignedIn, SessionEnded.
    """
    view: View = request.app.state.view
    client, host = request.client, urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    here = client is not None and is_loopback(client.host) and is_loopback(host)
    if view.origin or not here or PASSED_ON & set(request.headers.keys()):
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
    issued = signins.issue(own_origin(request), _checksummed(address))
    return uncached(SignInText(message=issued.text, nonce=issued.nonce, expires=issued.expires))


@router.post("/sign-in.json", summary="Sign in with the text and its signature")
async def sign_in(request: Request) -> Response:
    """Begins a session, whose token is in a cookie. One that the client had ends."""
    address = await _redeemed(request)
    token, session = _begun(request, address)
    return _with_cookie(request, uncached(_page(request, session)), token)


@router.post("/sign-in-link.json", summary="With the text and its signature, a link that signs a browser in")
async def link_to_sign_in(request: Request) -> Response:
    """The link, for the browser of a member whose key is not in it: valid for a minute, once."""
    address, state = await _redeemed(request), request.app.state
    state.sessions.require_member(address)
    url, expires = state.links.issue(own_origin(request), address)
    return uncached(SignInLink(url=url, expires=expires))


@router.get("/sign-in/{token}", summary="Opened in a browser, such a link signs it in", response_class=HTMLResponse)
async def open_link(request: Request, token: LinkToken) -> Response:
    """Begins the browser's session, and says whose it is. A page elsewhere cannot have the link opened."""
    if request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        raise HTTPException(403)
    address = request.app.state.links.redeem(own_origin(request), token)
    cookie, session = _begun(request, address)
    body = plain_page(request, "signed_in.html", member=_page(request, session).member, expires=session.expires)
    return _with_cookie(request, HTMLResponse(body, headers=UNCACHED), cookie)


async def _redeemed(request: Request) -> str:
    """The address of the key that signed a text of this server."""
    signed = await read_json(request, SignInAnswer)
    address: str = request.app.state.signins.redeem(own_origin(request), signed.message, signed.signature)
    return address


def _begun(request: Request, address: str) -> tuple[str, Session]:
    """A new session of a key, with its token; the client's own ends."""
    sessions: Sessions = request.app.state.sessions
    begun = sessions.begin(address)
    sessions.end(visitor(request).token)
    return begun


def _with_cookie(request: Request, response: Response, token: str) -> Response:
    origin = own_origin(request)
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


def _page(request: Request, found: Session) -> SessionPage:
    party = reading(request).party(found.index, found.address)
    return SessionPage(member=party, address=found.address, expires=found.expires)
