"""Models and updates as files: from integers to an artifact's bytes and back (docs/spec/artifact.md)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from ledger.errors import Malformed
from ledger.formats import merkle
from ledger.formats.artifact import Buffer, Layout
from ledger.formats.cid import Cid
from ledger.formats.header import Binding
from ledger.formats.unixfs import cid_of
from participant.integers.fixed_point import Stream, check_length


@dataclass(frozen=True, slots=True)
class UpdateFile:
    """An update's file in pieces, its tensor root and its CID."""

    pieces: tuple[Buffer, ...]
    root: bytes
    cid: Cid

    @classmethod
    def of(cls, layout: Layout, binding: Binding, stream: Stream) -> "UpdateFile":
        """That of an update that everyone may read."""
        pieces = tuple(file_of(layout, binding, stream))
        return cls(pieces, root_of(stream), cid_of(pieces)[0])


def file_of(layout: Layout, binding: Binding, stream: Stream) -> Iterator[Buffer]:
    """An artifact's file, in pieces."""
    check_length(layout, stream)
    yield layout.header(binding)
    yield _bytes(stream)


def root_of(stream: Stream) -> bytes:
    """The tensor root of a model or an update."""
    return merkle.root_of(_bytes(stream))


def stream_of_body(layout: Layout, pieces: Iterable[Buffer]) -> Stream:
    """The integers from an artifact's values' bytes, in pieces of any size, header already taken off."""
    data = b"".join(pieces)
    if len(data) != 4 * layout.values:
        raise Malformed("the artifact is truncated", expected=4 * layout.values, actual=len(data))
    return np.frombuffer(data, "<i4").astype(np.int32)


def _bytes(stream: Stream) -> memoryview:
    return stream.astype("<i4", copy=False).data.cast("B")
