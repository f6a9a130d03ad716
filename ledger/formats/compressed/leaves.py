"""Leaves of a stream that comes in runs which end anywhere."""

from collections.abc import Iterator

from ledger.formats.artifact import Buffer
from ledger.formats.merkle import LEAF


class WholeLeaves:
    """Cuts a stream into runs of whole leaves, but for the very last; copies only what straddles a border."""

    def __init__(self) -> None:
        self._held = bytearray()

    def add(self, data: Buffer) -> Iterator[Buffer]:
        """The leaves that are whole with the next bytes. To be used up before there are others."""
        view = memoryview(data).cast("B")
        if self._held:
            need = LEAF - len(self._held)
            self._held += view[:need]
            view = view[need:]
            if len(self._held) < LEAF:
                return
            yield bytes(self._held)
        whole = len(view) - len(view) % LEAF
        if whole:
            yield view[:whole]
        self._held = bytearray(view[whole:])

    def end(self) -> Iterator[Buffer]:
        """What is left: a leaf that is not whole."""
        if self._held:
            yield bytes(self._held)
