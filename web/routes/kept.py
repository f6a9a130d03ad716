"""Responses that were made already: kept while nothing changes that a reader of a page would see."""

import inspect
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import Any
from urllib.parse import urlencode

import msgspec
from fastapi import Request
from markupsafe import Markup

from web.documents.common import ChainDocument, Page
from web.reading.ledger import Reading

MOST_BYTES = 48 << 20
BLOCK = Markup("<!block>")
"""Stands in a kept page for the block up to which the chain was read. It is markup: no text of others is."""

KEPT_PARAMETERS = frozenset({"a", "b", "before", "job", "kind", "limit", "member", "q"})
"""The parameters that a page depends on; its links to JSON and to the other language have them too."""

Make = Callable[[], Awaitable[Page]]
"""Makes a document, when it is called."""


class BoundedCache:
    """Bodies by all that they depend on; beyond `most` bytes those that were not asked for longest are dropped.

    One thread uses it: that of the server's event loop.
    """

    def __init__(self, most: int) -> None:
        self._most, self.size = most, 0
        self._bodies: OrderedDict[Hashable, bytes] = OrderedDict()

    def get(self, key: Hashable) -> bytes | None:
        """A body that is kept."""
        found = self._bodies.get(key)
        if found is not None:
            self._bodies.move_to_end(key)
        return found

    def keep(self, key: Hashable, body: bytes) -> bytes:
        """Keep a body, and return it; one that is larger than all that may be kept is not."""
        if len(body) > self._most:
            return body
        self.size += len(body) - len(self._bodies.pop(key, b""))
        self._bodies[key] = body
        while self.size > self._most:
            self.size -= len(self._bodies.popitem(last=False)[1])
        return body

    def made(self, key: Hashable, make: Callable[[], bytes]) -> bytes:
        """The body that is kept, or one made now."""
        found = self.get(key)
        return self.keep(key, make()) if found is None else found

    def clear(self) -> None:
        """Drop everything."""
        self._bodies.clear()
        self.size = 0


class Bodies:
    """The bodies of one state of the ledger, by all that they depend on besides; of an older state nothing is kept."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._kept, self._serial = BoundedCache(most), 0

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return self._kept.size

    def get(self, now: Reading, *key: str | None) -> bytes | None:
        """What was made of this state under this key."""
        return self._kept.get(key) if self._is_newest(now) else None

    def keep(self, now: Reading, body: bytes, *key: str | None) -> bytes:
        """Keep a body, and return it."""
        return self._kept.keep(key, body) if self._is_newest(now) else body

    def _is_newest(self, now: Reading) -> bool:
        """Whether no later state was asked for; what was kept of an earlier one is dropped."""
        if now.state.serial > self._serial:
            self._kept.clear()
            self._serial = now.state.serial
        return now.state.serial == self._serial


def deferred(build: Callable[..., Awaitable[Page]]) -> Callable[..., Awaitable[Make]]:
    """A dependency that takes the checked parts of an address as `build` does, and does not call it yet."""

    async def prepared(**parts: Any) -> Make:
        return partial(build, **parts)

    prepared.__signature__ = inspect.signature(build)  # type: ignore[attr-defined]
    return prepared


def kept_query(request: Request) -> str:
    """The query of an address, as far as a page depends on it."""
    kept = {key: value for key, value in request.query_params.items() if key in KEPT_PARAMETERS}
    return "?" + urlencode(kept) if kept else ""


def address(request: Request) -> str:
    """All of an address that its response depends on."""
    return f"{request.scope['path']}{kept_query(request)}"


def in_block(body: bytes, block: int) -> bytes:
    """A kept page, with the block up to which the chain is read now."""
    return body.replace(BLOCK.encode(), str(block).encode())


def without_chain(document: Page) -> bytes:
    """A document's JSON from behind the reading that it was made from, which comes first."""
    whole, chain = msgspec.json.encode(document), _opening(document.chain)
    return whole.removeprefix(chain)


def with_chain(rest: bytes, chain: ChainDocument) -> bytes:
    """The JSON of the same document at another reading."""
    return _opening(chain) + rest


def _opening(chain: ChainDocument) -> bytes:
    """How every document begins."""
    return msgspec.json.encode(Page(chain=chain)).removesuffix(b"}")
