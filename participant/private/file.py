"""The file of a party's own tensors, as far as a node looks into it: whose it is, and whether it is whole.

A safetensors file: eight bytes of its header's length, the header in JSON, then the values. Its metadata say the job
and round, and the SHA-256 of the file, in which that digest itself is written as `UNSAID`. Nothing here loads torch.
"""

from hashlib import sha256

import msgspec

from ledger.errors import Malformed

FORMAT = "private/1"
UNSAID = "-" * 64
HEAD = 8
MAX_HEADER = 1 << 24
MAX_BYTES = 1 << 33
"""Of a file: twice the largest model on the ledger."""


class PrivateHeader(msgspec.Struct, frozen=True):
    """What a file says of itself: the digest of its job, the round whose training left it, and its SHA-256."""

    job: str
    round: str
    sha256: str

    @property
    def facts(self) -> dict[str, str]:
        """The same as metadata."""
        return {"job": self.job, "round": self.round, "sha256": self.sha256}


class _Metadata(PrivateHeader, frozen=True):
    fedledger: str = ""


class _Header(msgspec.Struct, frozen=True):
    metadata: _Metadata = msgspec.field(name="__metadata__")


def header_of(data: bytes) -> PrivateHeader:
    """What a file says of itself, checked against that. Raises Malformed, saying what is wrong.

    1. The header is whole, and in the format of this version.
    2. Header and values are those that it was written with.
    """
    length = int.from_bytes(data[:HEAD], "little")
    if not HEAD < length + HEAD <= len(data) or length > MAX_HEADER:
        raise Malformed("a file of private tensors is cut off", size=len(data))
    try:
        said = msgspec.json.decode(data[HEAD : HEAD + length], type=_Header).metadata
    except (ValueError, RecursionError) as error:  # msgspec's errors are of the first kind
        raise Malformed(f"a file of private tensors has no valid header: {error}") from error
    if said.fedledger != FORMAT:
        raise Malformed("a file of private tensors is of another format", expected=FORMAT, actual=said.fedledger[:80])
    actual = digest_of(data, said.sha256)
    if actual != said.sha256:
        raise Malformed("a file of private tensors is damaged", expected=said.sha256[:64], actual=actual)
    return PrivateHeader(job=said.job, round=said.round, sha256=said.sha256)


def digest_of(data: bytes, said: str) -> str:
    """The SHA-256 of a file whose header says that it is `said`, in hexadecimal."""
    stop = HEAD + int.from_bytes(data[:HEAD], "little")
    made = sha256(data[:stop].replace(f'"{said}"'.encode(), f'"{UNSAID}"'.encode(), 1))
    made.update(memoryview(data)[stop:])
    return made.hexdigest()


def require(data: bytes, job: bytes, round_: int) -> None:
    """Raise Malformed for a file that is damaged, or of another job or round."""
    said = header_of(data)
    if said.job != job.hex():
        raise Malformed("private tensors are those of another job", expected=job.hex(), actual=said.job[:64])
    if said.round != str(round_):
        raise Malformed("private tensors are those of another round", expected=round_, actual=said.round[:20])
