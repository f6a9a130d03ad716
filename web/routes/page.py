"""A page as routes: one document, as JSON for programs and drawn for people."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from fastapi import Depends, FastAPI, Request, Response

from web.access import links
from web.access.sessions import is_https
from web.documents.common import Page
from web.drawing.figures import FIGURES
from web.drawing.language import COOKIE, LANGUAGES
from web.drawing.render import Renderer
from web.routes import figures
from web.routes.parameters import reading
from web.routes.responses import language_of, tagged
from web.view import View

HTML = "text/html; charset=utf-8"
YEAR = 365 * 86400
KEPT_PARAMETERS = frozenset({"a", "b", "before", "job", "kind", "limit", "member", "q"})
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
        """All addresses. FastAPI calls `build` with the checked parts of an address, and hands its document on."""
        document = Depends(self.build)
        summary = (self.build.__doc__ or "").strip()
        json = app.get(self.json_path, name=self.name, operation_id=self.name, summary=summary)
        json(partial(self.json, document=document))
        if self.kind in FIGURES:
            figures.add(app, self.path, self.name, document)
        app.get(self.path, include_in_schema=False)(partial(self.html, document=document))

    async def json(self, request: Request, document: Page) -> Response:
        return tagged(request, msgspec.json.encode(document), "application/json", same=_unread(document))

    async def html(self, request: Request, document: Page) -> Response:
        language, now, path = language_of(request), reading(request), request.scope["path"]
        query = _kept(request)
        facts = {
            "page": document,
            "chain": document.chain,
            "network": now.network.name,
            "explorer": now.network.chain.explorer,
            "path": path,
            "json": self.json_path.replace(":int", "").format(**request.path_params) + query,
            "switch": _switch(request),
            "place": {"chain": now.network.chain.id, "contract": now.network.contracts.ballots.address},
            **abilities(request),
        }
        renderer: Renderer = request.app.state.renderer
        body = renderer.page(self.template, path + query, language, now.state, facts)
        return remember(request, tagged(request, body, HTML, vary="Accept-Language, Cookie"))


def _unread(document: Page) -> bytes:
    """A document without the time of its reading: the next reading of an unchanged ledger makes it again."""
    chain = msgspec.structs.replace(document.chain, read_at=0)
    return msgspec.json.encode(msgspec.structs.replace(document, chain=chain))


def _kept(request: Request) -> str:
    """The query of an address, as far as a page depends on it."""
    kept = {key: value for key, value in request.query_params.items() if key in KEPT_PARAMETERS}
    return "?" + urlencode(kept) if kept else ""


def _switch(request: Request) -> str:
    """The same address in another language, which is to be appended; the overview's where the address is a secret, or
    could lead to another server."""
    path, query = request.scope["path"], _kept(request)
    if path.startswith((links.PATH, "//")):
        return "/?lang="
    return quote(path) + (query + "&" if query else "?") + "lang="


def plain_page(request: Request, template: str, **facts: Any) -> bytes:
    """A page without a document, made for this request alone."""
    now, renderer = reading(request), request.app.state.renderer
    common = {"path": "", "switch": _switch(request), "json": None, "chain": now.chain, "network": now.network.name}
    page: bytes = renderer.fresh(
        template, language_of(request), serial=now.state.serial, **common, **abilities(request), **facts
    )
    return page


def abilities(request: Request) -> dict[str, bool]:
    """Whether this server relays, and whether signing in here is of any use."""
    view: View = request.app.state.view
    relays = view.relayer is not None
    return {"relays": relays, "signs_in": relays or view.read == "members"}


def remember(request: Request, response: Response) -> Response:
    """A response with the cookie of the language that its address chose, if it did."""
    language = request.query_params.get("lang")
    if language in LANGUAGES:
        secure = is_https(request.app.state.view.origin)
        response.set_cookie(COOKIE, language, max_age=YEAR, samesite="lax", httponly=True, secure=secure)
    return response
