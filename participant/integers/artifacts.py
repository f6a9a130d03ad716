"""Models and updates as files: from integers to an artifact's bytes and back (docs/spec/artifact.md)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from ledger.errors import Malformed
from ledger.formats import merkle
from ledger.formats.artifact import Buffer, Layout
from ledger.formats.cid import Cid
from ledger.formats.compressed.packed import packed
from ledger.formats.compressed.packing import Packing
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
        """That of an update that everyone may read, in its own layout (`ledger.jobs.document.Job.update_layout`)."""
        body = body_of(layout, stream)
        pieces = (layout.header(binding), body)
        return cls(pieces, merkle.root_of(body), cid_of(pieces)[0])


def file_of(layout: Layout, binding: Binding, stream: Stream) -> Iterator[Buffer]:
    """An artifact's file, in pieces. Raises Malformed as `body_of`."""
    body = body_of(layout, stream)
    yield layout.header(binding)
    yield body


def body_of(layout: Layout, stream: Stream) -> memoryview:
    """An artifact's bytes behind its header. Raises Malformed for integers that are not the layout's, or that a
    compressed update cannot say.
    """
    if isinstance(layout, Packing):
        return packed(layout, stream)
    check_length(layout, stream)
    return _bytes(stream)


def root_of(stream: Stream) -> bytes:
    """The tensor root of a model, or of an update that is not compressed."""
    return merkle.root_of(_bytes(stream))


def stream_of_body(layout: Layout, pieces: Iterable[Buffer]) -> Stream:
    """The integers from an artifact's values' bytes, in pieces of any size, header already taken off."""
    data = b"".join(pieces)
    if len(data) != 4 * layout.values:
        raise Malformed("the artifact is truncated", expected=4 * layout.values, actual=len(data))
    return np.frombuffer(data, "<i4").astype(np.int32)


def _bytes(stream: Stream) -> memoryview:
    return stream.astype("<i4", copy=False).data.cast("B")
