"""A page as routes: one document, as JSON for programs and drawn for people."""

from collections.abc import Awaitable, Callable, Mapping
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
from web.reading.ledger import NotFound, Reading
from web.routes import figures
from web.routes.kept import BLOCK, Asked, Bodies, deferred, filled, in_block, with_chain, without_chain
from web.routes.lists import ListName, Lists, Skip
from web.routes.parameters import reading
from web.routes.responses import language_of, tagged
from web.view import View

HTML = "text/html; charset=utf-8"
YEAR = 365 * 86400
KEPT_PARAMETERS = frozenset(
    {"a", "b", "before", "job", "kind", "limit", "list", "member", "q", "round", "skip", "state"}
)
"""The parameters that lead to the same page in another language; what a page depends on is kept with it."""


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
        document = Depends(deferred(self.path, self.build))
        summary = (self.build.__doc__ or "").strip()
        json = app.get(self.json_path, name=self.name, operation_id=self.name, summary=summary)
        json(partial(self.json, document=document))
        if self.kind in FIGURES:
            figures.add(app, self.path, self.name, document)
        app.get(self.path, include_in_schema=False)(partial(self.html, document=document))

    async def json(self, request: Request, document: Asked) -> Response:
        now, bodies, key = reading(request), _bodies(request), ("json", document.address)
        rest = bodies.get(now, *key)
        if rest is None:
            rest = bodies.keep(now, without_chain(await document.made()), *key)
        unread = msgspec.structs.replace(now.chain, read_at=0)  # the next reading of an unchanged ledger is the same
        return tagged(request, with_chain(rest, now.chain), "application/json", same=with_chain(rest, unread))

    async def html(self, request: Request, document: Asked, listed: ListName = "", skip: Skip = 0) -> Response:
        language, now, bodies = language_of(request), reading(request), _bodies(request)
        lists = Lists(document.address, listed, skip if listed else 0)
        key = ("html", language, document.address, *lists.query.values())
        body = bodies.get(now, *key)
        if body is None:
            body = bodies.keep(now, self._drawn(request, document, await document.made(), lists), *key)
        page = in_block(body, now.chain.block)
        return remember(request, tagged(request, page, HTML, vary="Accept-Language, Cookie"))

    def _drawn(self, request: Request, asked: Asked, document: Page, lists: Lists) -> bytes:
        """The page for people, but for the block up to which the chain was read. Raises NotFound for a list, or a part
        of one, that it does not have."""
        now, renderer = reading(request), request.app.state.renderer
        facts = {
            "page": document,
            "chain": document.chain,
            "block": BLOCK,
            "network": now.network.name,
            "path": asked.path,
            "lists": lists,
            "json": filled(self.json_path, asked.parts) + asked.query,
            "switch": _in_language(asked.path, _joined(asked.query, lists.query)),
            "place": place_of(now),
            **abilities(request),
        }
        page: bytes = renderer.fresh(self.template, language_of(request), serial=now.state.serial, **facts)
        if not lists.found:
            raise NotFound("the page has no such part of a list", advice=f"{asked.path} has what there is")
        return page


def place_of(now: Reading) -> dict[str, int | str]:
    """Where what members sign and send goes: the chain, the contract of votes, and that of jobs."""
    contracts = now.network.contracts
    return {"chain": now.network.chain.id, "contract": contracts.ballots.address, "ledger": contracts.ledger.address}


def _joined(query: str, more: Mapping[str, str]) -> str:
    """A query with more in it."""
    return f"{query}{'&' if query else '?'}{urlencode(more)}" if more else query


def _bodies(request: Request) -> Bodies:
    bodies: Bodies = request.app.state.bodies
    return bodies


def _switch(request: Request) -> str:
    """The same address in another language, which is to be appended; the overview's where the address is a secret, or
    could lead to another server."""
    path, said = request.scope["path"], request.query_params.items()
    if path.startswith((links.PATH, "//")):
        return "/?lang="
    kept = {key: value for key, value in said if key in KEPT_PARAMETERS}
    return _in_language(path, "?" + urlencode(kept) if kept else "")


def _in_language(path: str, query: str) -> str:
    """An address in the language that is to be appended."""
    return quote(path) + (query + "&" if query else "?") + "lang="


def plain_page(request: Request, template: str, **facts: Any) -> bytes:
    """A page without a document, made for this request alone."""
    now, renderer = reading(request), request.app.state.renderer
    common: dict[str, Any] = {
        "path": "",
        "switch": _switch(request),
        "json": None,
        "chain": now.chain,
        "network": now.network.name,
    }

    common |= abilities(request) | facts
    page: bytes = renderer.fresh(
        template, language_of(request), serial=now.state.serial, block=now.chain.block, **common
    )
    return page


def abilities(request: Request) -> dict[str, bool]:
    """Whether this server relays, and whether a member can sign in here, to its desk at least."""
    view: View = request.app.state.view
    relays = view.relayer is not None
    known = bool(view.origin or view.hosts)
    return {"relays": relays, "signs_in": relays or view.read == "members" or known}


def remember(request: Request, response: Response) -> Response:
    """A response with the cookie of the language that its address chose, if it did."""
    language = request.query_params.get("lang")
    if language in LANGUAGES:
        secure = is_https(request.app.state.view.origin)
        response.set_cookie(COOKIE, language, max_age=YEAR, samesite="lax", httponly=True, secure=secure)
    return response
