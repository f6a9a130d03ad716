"""Several blocks in one response, for files so short that a request for each costs more than their bytes.

`POST /blocks` with CIDs, one a line: a CARv1 of those that are there, in that order, cut before it gets too long. Its
root is the first CID that was asked for. Nothing in it is believed: what is not one of those blocks is left out, and
the client has it from elsewhere.
"""

import io
from collections.abc import Iterable, Sequence

from ledger.errors import Malformed, Unavailable
from ledger.formats.cid import Cid
from ledger.store import Blocks, Buffer, car
from ledger.store.spread import digests

PATH = "/blocks"
MOST = 64
"""CIDs of a request, at most."""
LONGEST_REQUEST = MOST * 60
LONGEST = 1 << 21
"""Bytes of blocks in a response, at most: what a server sends without a thread that waits for its reader."""
CEILING = car.HEADER + LONGEST + MOST * car.LONGEST_FRAME
"""Bytes of a response, at most."""


def encode(cids: Iterable[Cid]) -> bytes:
    """A request's body."""
    return "\n".join(map(str, cids)).encode()


def parse(body: bytes) -> list[Cid]:
    """The CIDs that are asked for, each once. Raises Malformed where they are none, or too many."""
    if not body or len(body) > LONGEST_REQUEST:
        raise Malformed(f"a request for blocks names 1 to {MOST} CIDs, one a line", size=len(body))
    try:
        return list(dict.fromkeys(Cid.parse(line) for line in body.decode("ascii").split("\n")))
    except UnicodeDecodeError as error:
        raise Malformed("a list of blocks is not ASCII") from error


def answer(blocks: Blocks, cids: Sequence[Cid]) -> list[bytes]:
    """The pieces of a response: each block as it lies there, not checked."""
    pieces, size = [car.header(cids[0])], 0
    for cid in cids:
        try:
            block = bytes(blocks.copy(cid))
        except Unavailable:
            continue
        if size + len(block) > LONGEST:
            break
        size += len(block)
        pieces += [car.frame(cid, len(block)), block]
    return pieces


def read(body: Buffer, cids: Sequence[Cid]) -> dict[Cid, bytes]:
    """The blocks of a response that were asked for and have their digests. Raises Malformed for what is no CARv1."""
    wanted = set(cids)
    _, sections = car.read(io.BytesIO(body), "a response with blocks")
    found = {cid: block for cid, block in sections if cid in wanted}
    right = zip(found, digests(list(found.values())), strict=True)
    return {cid: found[cid] for cid, digest in right if digest == cid.digest}
