"""A released model as a file that other tools read: safetensors of float32, the same bytes for everyone.

The one place outside `participant/` where floats are made (docs/adr/0011-released-models-as-floats.md): each value is
q · 2^-f, rounded once.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from ledger.errors import Malformed, Refuted
from ledger.events.proposals import Release
from ledger.formats.artifact import Buffer, Layout
from ledger.formats.digest import sha256
from ledger.history.state import JobState
from ledger.jobs.document import Job
from ledger.rounds.facts import Base, Place, base_of, read_model
from ledger.rounds.inputs import Fetch

FORMAT = "release/1"
NAME = "model.safetensors"
ALIGNMENT = 8
MAX_HEADER = 4 << 20


@dataclass(frozen=True)
class ModelFile:
    """The file of a release; `board` is ReleaseBoard's address. Nothing but `pieces` and `verify` reads the model."""

    place: Place
    board: str
    release: Release
    state: JobState
    job: Job

    @cached_property
    def model(self) -> Base:
        """The model released. Raises Refuted where its round finalised another."""
        base = base_of(self.state, self.job, self.release.round + 1)
        if (base.round, base.root) != (self.release.round, self.release.root):
            raise Refuted(
                f"{self.release.name} {self.release.version} is not the model that its round finalised",
                expected=self.release.root.hex(),
                actual=base.root.hex(),
            )
        return base

    @cached_property
    def header(self) -> bytes:
        """The file before its values: keys sorted, padded with spaces so that the values are aligned."""
        text = msgspec.json.encode({"__metadata__": self.metadata(), **_entries(self.job.layout)}, order="sorted")
        length = -(-len(text) // ALIGNMENT) * ALIGNMENT
        return length.to_bytes(8, "little") + text.ljust(length)

    def metadata(self) -> dict[str, str]:
        """What the file says of itself, so that it can be made again and compared. `format` is for the loader."""
        return {
            "fedledger": FORMAT,
            "format": "pt",
            "chain": str(self.place.chain),
            "ledger": self.place.contract,
            "releases": self.board,
            "release": self.release.id.hex(),
            "name": self.release.name,
            "version": self.release.version,
            "job": str(self.release.job),
            "round": str(self.release.round),
            "root": self.release.root.hex(),
        }

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return len(self.header) + 4 * self.job.layout.values

    @cached_property
    def tag(self) -> str:
        """A name for the file's bytes: all of them follow from its header, and from the ledger that it names."""
        return sha256(self.header).hex()[:32]

    def pieces(self, fetch: Fetch) -> Iterator[bytes]:
        """The file. Its values are only known to be right once the last one came: raises as `read_model`, or Refuted.

        So a writer shows nothing before its end, and a server calls `verify` first.
        """
        model = self.model
        yield self.header
        yield from to_floats(self.job.layout, read_model(self.place, self.state, self.job, model, fetch))

    def verify(self, fetch: Fetch) -> None:
        """Read the whole model once: its CID, header, length and tensor root. Raises as `pieces`."""
        for _ in read_model(self.place, self.state, self.job, self.model, fetch):
            pass


def read_metadata(head: bytes) -> dict[str, str]:
    """What a model file says of itself; `head` is its beginning, at most MAX_HEADER bytes. Raises Malformed."""
    length = int.from_bytes(head[:8], "little")
    if len(head) < 8 or length > len(head) - 8:
        raise Malformed("this is not a model file: its header is cut", size=len(head), length=length)
    try:
        document = msgspec.json.decode(head[8 : 8 + length], type=_Head)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"this is not a model file: {error}") from error
    return document.metadata


class _Head(msgspec.Struct):
    """The part of a safetensors header that is read here."""

    metadata: dict[str, str] = msgspec.field(name="__metadata__")


def to_floats(layout: Layout, pieces: Iterator[Buffer]) -> Iterator[bytes]:
    """The integers of a model as float32, little endian: each q · 2^-f rounded to the nearest, ties to even.

    An int32 becomes a float32 by one rounding (IEEE 754); the scale is a power of two not below 2^-30, so that to
    multiply by it is exact.
    """
    stops, scales = _scales(layout)
    start = 0
    for piece in pieces:
        values: NDArray[np.float32] = np.frombuffer(piece, "<i4").astype("<f4")
        stop = start + len(values)
        run = bisect_right(stops, start)
        at = start
        while at < stop:
            end = min(stop, stops[run])
            values[at - start : end - start] *= scales[run]
            at, run = end, run + 1
        yield values.tobytes()
        start = stop


def _scales(layout: Layout) -> tuple[list[int], list[np.float32]]:
    """Runs of values of the same scale: where each ends, and 2^-f."""
    stops: list[int] = []
    scales: list[np.float32] = []
    for tensor, start in zip(layout.tensors, layout.starts, strict=False):
        scale = np.float32(2.0**-tensor.fraction_bits)
        if scales and scales[-1] == scale:
            stops[-1] = start + tensor.values
        else:
            stops.append(start + tensor.values)
            scales.append(scale)
    return stops, scales


def _entries(layout: Layout) -> dict[str, dict[str, object]]:
    """The header's table: names ascending, no holes, as the artifact has them."""
    return {name: {**entry, "dtype": "F32"} for name, entry in layout.entries().items()}
