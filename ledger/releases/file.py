"""A released model as a file that other tools read: safetensors of float32 and integers, the same bytes for everyone.

Its values are made in ledger/releases/values.py.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import msgspec

from ledger.errors import Malformed, Refuted
from ledger.events.proposals import Release
from ledger.formats.digest import sha256
from ledger.history.state import JobState
from ledger.jobs.document import Job
from ledger.releases import peft
from ledger.releases.values import WIDTH, Values, whole_integers
from ledger.rounds.facts import Base, Place, base_of, read_model
from ledger.rounds.inputs import Fetch

FORMAT = "release/1"
NAME = "model.safetensors"
ALIGNMENT = 8
JOB_FILE = "job.json"
"""The document of its job, which a fetched release has beside it: nothing else says how rows become inputs."""
MAX_HEADER = 4 << 20


@dataclass(frozen=True)
class ModelFile:
    """The file of a release; `board` is ReleaseBoard's address. Only `pieces`, `digest` and `part` read the model."""

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

    @property
    def file_name(self) -> str:
        """What loaders expect it to be called."""
        return NAME if peft.lora_of(self.job) is None else peft.MODEL

    @property
    def beside(self) -> dict[str, bytes]:
        """Further files that loaders ask for, by name: they follow from the job."""
        config = peft.config_file(self.job)
        return {} if config is None else {peft.CONFIG: config}

    @cached_property
    def values(self) -> Values:
        """Where each tensor's values stand, after the header."""
        return Values(self.job.layout)

    @cached_property
    def header(self) -> bytes:
        """The file before its values: keys sorted, padded with spaces so that the values are aligned."""
        text = msgspec.json.encode({"__metadata__": self.metadata(), **self.values.entries()}, order="sorted")
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
        return len(self.header) + self.values.size

    @cached_property
    def tag(self) -> str:
        """A name for the file's bytes: all of them follow from its header, and from the ledger that it names."""
        return sha256(self.header).hex()[:32]

    def pieces(self, fetch: Fetch) -> Iterator[bytes]:
        """The file. Its values are only known to be right once the last one came: raises as `read_model`, or Refuted.

        So a writer shows nothing before its end, and a server makes the `digest` first.
        """
        model = self.model
        yield self.header
        for group in self.values.groups:
            yield from group.pieces(read_model(self.place, self.state, self.job, model, fetch))

    def digest(self, fetch: Fetch) -> bytes:
        """The file's SHA-256. All of the model is read, and checked with its root. Raises as `pieces`."""
        made = hashlib.sha256()
        for piece in self.pieces(fetch):
            made.update(piece)
        return made.digest()

    def part(self, fetch: Fetch, start: int, stop: int) -> Iterator[bytes]:
        """Bytes `start` to `stop` of a file whose `digest` was made: only what they are made from is read.

        Each block of that is checked against the model's CID, the root is not computed again. Raises as `fetch`.
        """
        yield self.header[start:stop]
        at, begin = len(self.header), self.job.layout.header_size
        for group in self.values.groups:
            low, high = max(start - at, 0), min(stop - at, group.size)
            at += group.size
            if low < high:
                (first, skipped), last = group.integer_at(low), group.integer_at(high - 1)[0]
                integers = fetch(self.model.cid, begin + WIDTH * first, begin + WIDTH * (last + 1))
                yield from _cut(group.pieces(whole_integers(integers), first), skipped, high - low)


def _cut(pieces: Iterator[bytes], start: int, size: int) -> Iterator[bytes]:
    """So many bytes of the pieces, from `start` on."""
    for piece in pieces:
        cut = piece[start : start + size]
        start, size = max(start - len(piece), 0), size - len(cut)
        yield cut


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
