"""A page as routes: one document, as JSON for programs and drawn for people."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

import msgspec
from fastapi import Depends, FastAPI, Request, Response

from web.access.sessions import is_https
from web.documents.common import Page
from web.drawing.language import COOKIE, LANGUAGES, choose
from web.drawing.render import Renderer
from web.routes.parameters import reading
from web.routes.responses import tagged
from web.view import View

HTML = "text/html; charset=utf-8"
YEAR = 365 * 86400
KEPT_PARAMETERS = frozenset({"before", "job", "limit"})
"""The parameters that a page depends on; its links to JSON and to the other language have them too."""


@dataclass(frozen=True, slots=True)
class PageRoute:
    """A page: its address, that of its JSON sibling, what makes its document, and the template that draws it."""

    path: str
    json_path: str
    build: Callable[..., Awaitable[Page]]
    kind: type[Page]
    template: str

    @property
    def name(self) -> str:
        return self.build.__name__.strip("_")

    def add_to(self, app: FastAPI) -> None:
        """Both addresses. FastAPI calls `build` with the checked parts of an address, and hands its document on."""
        document = Depends(self.build)
        summary = (self.build.__doc__ or "").strip()
        json = app.get(self.json_path, name=self.name, operation_id=self.name, summary=summary)
        json(partial(self.json, document=document))
        app.get(self.path, include_in_schema=False)(partial(self.html, document=document))

    async def json(self, request: Request, document: Page) -> Response:
        return tagged(request, msgspec.json.encode(document), "application/json", same=_unread(document))

    async def html(self, request: Request, document: Page) -> Response:
        language, now, path = language_of(request), reading(request), request.scope["path"]
        kept = {key: value for key, value in request.query_params.items() if key in KEPT_PARAMETERS}
        query = "?" + urlencode(kept) if kept else ""
        facts = {
            "page": document,
            "chain": document.chain,
            "network": now.network.name,
            "path": path,
            "json": self.json_path.replace(":int", "").format(**request.path_params) + query,
            "switch": path + (query + "&" if kept else "?") + "lang=",
            "place": {"chain": now.network.chain.id, "contract": now.network.contracts.ballots.address},
            **abilities(request),
        }
        renderer: Renderer = request.app.state.renderer
        body = renderer.page(self.template, path + query, language, now.state, facts)
        return _remember(request, tagged(request, body, HTML, vary="Accept-Language, Cookie"), language)


def _unread(document: Page) -> bytes:
    """A document without the time of its reading: the next reading of an unchanged ledger makes it again."""
    chain = msgspec.structs.replace(document.chain, read_at=0)
    return msgspec.json.encode(msgspec.structs.replace(document, chain=chain))


def plain_page(request: Request, template: str, **facts: Any) -> bytes:
    """A page without a document, made for this request alone: its address is in none of its links."""
    now, renderer = reading(request), request.app.state.renderer
    common = {"path": "", "switch": "/?lang=", "json": None, "chain": now.chain, "network": now.network.name}
    page: bytes = renderer.fresh(
        template, language_of(request), serial=now.state.serial, **common, **abilities(request), **facts
    )
    return page


def abilities(request: Request) -> dict[str, bool]:
    """Whether this server relays, and whether signing in here is of any use."""
    view: View = request.app.state.view
    relays = view.relayer is not None
    return {"relays": relays, "signs_in": relays or view.read == "members"}


def language_of(request: Request) -> str:
    """The language to respond in."""
    query, cookies = request.query_params.get("lang"), request.cookies.get(COOKIE)
    return choose(query, cookies, request.headers.get("accept-language", ""))


def _remember(request: Request, response: Response, language: str) -> Response:
    if request.query_params.get("lang") in LANGUAGES:
        secure = is_https(request.app.state.view.origin)
        response.set_cookie(COOKIE, language, max_age=YEAR, samesite="lax", httponly=True, secure=secure)
    return response
