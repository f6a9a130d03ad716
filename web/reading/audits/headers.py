"""Which blocks this chain has where auditors' reports name one: asked for once, and again after a reorganisation."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from ledger.history.fold import History
from web.documents.answers import AuditorLine


class HeaderSource(Protocol):
    """A chain node."""

    def block_hash(self, block: int, /) -> bytes | None: ...


class Headers:
    """The hashes of the blocks that reports name, by number."""

    def __init__(self) -> None:
        self._history: History | None = None
        self._known: dict[int, bytes] = {}

    def learn(
        self, node: HeaderSource, history: History, tip: int, reports: Iterable[AuditorLine]
    ) -> Mapping[int, bytes] | None:
        """All that are known, if any of them is new or gone; None if not. `tip` is the last block of `history`.

        Raises Unavailable where the chain cannot be read.
        """
        before = self._known
        if history is not self._history:
            self._history, self._known = history, {}
        named = {one.answers.block for one in reports if one.answers}
        wanted = [block for block in sorted(named) if block <= tip and block not in self._known]
        if wanted:
            found = {block: node.block_hash(block) for block in wanted}
            self._known = self._known | {block: hash_ for block, hash_ in found.items() if hash_ is not None}
        return None if self._known == before else self._known
