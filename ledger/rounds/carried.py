"""What a round carries beside its model, as one small canonical file (docs/spec/round.md, "The carried file").

An aggregate names it by its SHA-256, which is the digest of its CID; zero where the round carries nothing. So the claim
covers what the next round starts from, and what each value of the model was made with.
"""

import re
from dataclasses import dataclass
from typing import Literal

from ledger.errors import Malformed
from ledger.formats.cid import RAW, Cid, of_file
from ledger.formats.digest import NOTHING, encode, sha256
from ledger.formats.digest import decode as parse
from ledger.formats.strict import Strict

MAX_SIZE = 1 << 14
MAX_STREAMS = 8
MAX_SCALARS = 510
"""Two for each admitted update: what shortened it, and its share."""
LARGEST_SCALAR = (1 << 53) - 1
"""The largest integer that every reader of JSON reads exactly."""
_NAME, _DIGEST = re.compile("[a-z][a-z0-9_]{0,15}"), re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class StateStream:
    """Values of a model's layout that the next round starts from: a name, their tensor root, the digest in their file's
    CID. 32 bytes each.
    """

    name: str
    root: bytes
    cid: bytes

    def file(self, size: int) -> Cid:
        """The CID of its file, which has so many bytes."""
        return of_file(self.cid, size)


class _Stream(Strict, frozen=True):
    name: str
    root: str
    cid: str


class _File(Strict, frozen=True):
    fedledger: Literal["carried/1"]
    streams: tuple[_Stream, ...]
    scalars: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Carried:
    """`streams` are the state that the next round starts from; `scalars` what each admitted update was multiplied by,
    by ascending member index, where the rule makes such numbers.
    """

    streams: tuple[StateStream, ...] = ()
    scalars: tuple[int, ...] = ()

    @property
    def empty(self) -> bool:
        return not self.streams and not self.scalars

    def encode(self) -> bytes:
        """The file. Raises Malformed for what no round carries."""
        streams = tuple(_Stream(one.name, one.root.hex(), one.cid.hex()) for one in self.streams)
        file = _File("carried/1", streams, self.scalars)
        _check(file)
        return encode(file)

    @property
    def digest(self) -> bytes:
        """What an aggregate names: the file's SHA-256, zero where nothing is carried."""
        return NOTHING if self.empty else sha256(self.encode())

    @property
    def cid(self) -> Cid:
        """Where the file is: one raw block."""
        return Cid(RAW, self.digest)


def decode(data: bytes) -> Carried:
    """Read a carried file strictly: what comes back encodes to the same bytes. Raises Malformed.

    1. Not too long. 2. The one encoding of its document. 3. Each stream has a name of its own, a root and a CID; each
    scalar is a natural number below 2^53. 4. It carries something.
    """
    if len(data) > MAX_SIZE:
        raise Malformed("the carried file is too large", size=len(data), maximum=MAX_SIZE)
    file = parse(data, _File, "the carried file")
    _check(file)
    streams = tuple(StateStream(one.name, bytes.fromhex(one.root), bytes.fromhex(one.cid)) for one in file.streams)
    return Carried(streams, file.scalars)


def _check(file: _File) -> None:
    names = [one.name for one in file.streams]
    if len(set(names)) != len(names) or len(names) > MAX_STREAMS or not all(map(_NAME.fullmatch, names)):
        raise Malformed("the streams of a carried file have names of their own", names=str(names)[:200])
    if not all(_DIGEST.fullmatch(digits) for one in file.streams for digits in (one.root, one.cid)):
        raise Malformed("a root or CID of a carried file is not 64 hexadecimal digits")
    if len(file.scalars) > MAX_SCALARS or not all(0 <= scalar <= LARGEST_SCALAR for scalar in file.scalars):
        raise Malformed("the scalars of a carried file are out of range", maximum=LARGEST_SCALAR)
    if not file.streams and not file.scalars:
        raise Malformed("a carried file carries something")
