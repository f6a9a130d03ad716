"""For the demo and tests: a byte of a stored copy is changed behind its holder's back."""

from pathlib import Path

from ledger.errors import Unavailable
from ledger.formats.cid import Cid
from ledger.store.embedded import Embedded


def damage(folder: Path, cid: Cid, offset: int) -> Path:
    """Flip one bit of byte `offset` of a block that an embedded store holds; returns the pack it lies in."""
    store = Embedded(folder)
    try:
        block, packs = bytes(store.get(cid)), store.pack_paths()
    finally:
        store.close()
    for path in packs:
        at = path.read_bytes().find(block)
        if at >= 0:
            with path.open("r+b") as pack:
                pack.seek(at + offset)
                pack.write(bytes([block[offset] ^ 1]))
            return path
    raise Unavailable("no pack holds the block", cid=cid, folder=folder)
