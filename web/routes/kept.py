"""Responses that were made already: kept while nothing changes that a reader of a page would see."""

import inspect
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import msgspec
from markupsafe import Markup

from web.documents.common import ChainDocument, Page
from web.reading.ledger import Reading

MOST_BYTES = 48 << 20
EACH = 512
"""Bytes that an entry takes besides its key and its body."""
BLOCK = Markup("<!block>")
"""Stands in a kept page for the block up to which the chain was read. It is markup: no text of others is."""

Make = Callable[..., Awaitable[Page]]
"""Makes a document of the checked parts of its address."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A page that is asked for, by the checked parts of its address: another way to write them is the same page.

    `path_pattern` is the page's path with names for its parts; `defaults` are those of the parts of the query.
    """

    path_pattern: str
    build: Make
    parts: Mapping[str, Any]
    defaults: Mapping[str, Any]

    async def made(self) -> Page:
        """The page's document, made now."""
        return await self.build(**self.parts)

    @property
    def path(self) -> str:
        """The path of the page."""
        return filled(self.path_pattern, self.parts)

    @property
    def query(self) -> str:
        """The query, without what is so by default."""
        said = {name: self.parts[name] for name, usual in self.defaults.items() if self.parts[name] != usual}
        return "?" + urlencode(said) if said else ""

    @property
    def address(self) -> str:
        """All that the document depends on, besides the ledger's state."""
        return self.path + self.query


class BoundedCache:
    """Bodies by all that they depend on; beyond `most` bytes, keys included, those not asked for longest are dropped.

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
        if _size(key, body) > self._most:
            return body
        if key in self._bodies:
            self.size -= _size(key, self._bodies.pop(key))
        self._bodies[key] = body
        self.size += _size(key, body)
        while self.size > self._most:
            self.size -= _size(*self._bodies.popitem(last=False))
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


def deferred(path: str, build: Make) -> Callable[..., Awaitable[Asked]]:
    """A dependency that takes the checked parts of an address as `build` does, and does not call it yet."""
    signature = inspect.signature(build)
    parameters = signature.parameters.items()
    defaults = {name: one.default for name, one in parameters if one.default is not inspect.Parameter.empty}

    async def prepared(**parts: Any) -> Asked:
        return Asked(path, build, parts, defaults)

    prepared.__signature__ = signature  # type: ignore[attr-defined]
    return prepared


def filled(path: str, parts: Mapping[str, Any]) -> str:
    """The path of a route, with its parts."""
    return path.replace(":int", "").format(**parts)


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


def _size(key: Hashable, body: bytes) -> int:
    """Bytes that an entry takes, about."""
    return EACH + len(repr(key)) + len(body)


def _opening(chain: ChainDocument) -> bytes:
    """How every document begins."""
    return msgspec.json.encode(Page(chain=chain)).removesuffix(b"}")
