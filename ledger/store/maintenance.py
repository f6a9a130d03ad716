"""Maintenance of an embedded store: finding damage, and removing what no pin keeps."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ledger.errors import Corrupt, Malformed, Unavailable
from ledger.formats.cid import Cid
from ledger.formats.digest import sha256
from ledger.store import packs
from ledger.store.embedded import Embedded
from ledger.store.files import walk


@dataclass(frozen=True, slots=True)
class Checked:
    """One block that was read from the disk: where it lies, and what is wrong with it ("" where it is good).

    `cid` is None where a pack is so damaged that its next block cannot be found.
    """

    pack: Path
    cid: Cid | None
    offset: int
    length: int
    problem: str


def scrub(store: Embedded) -> Iterator[Checked]:
    """Read every block of every pack from the disk and check it; the index is not asked. Changes nothing."""
    for path in store.pack_paths():
        yield from _scrub_pack(path)


def _scrub_pack(path: Path) -> Iterator[Checked]:
    seen: set[Cid] = set()
    try:
        root = packs.root_in(path)
        if root != packs.root_of(path.name):
            raise Malformed(f"its header names {root}", at=0)
        for row in packs.scan(path):
            seen.add(row.cid)
            yield Checked(path, row.cid, row.offset, row.length, _problem(path, row))
        if root not in seen:
            raise Malformed("its root is missing", at=0)
    except FileNotFoundError:
        return
    except Malformed as error:
        at = error.facts.get("at", 0)
        yield Checked(path, None, at if isinstance(at, int) else 0, 0, error.message)


def _problem(path: Path, row: packs.BlockPlace) -> str:
    try:
        actual = sha256(packs.read(path, row))
    except Corrupt as error:
        return error.message
    return "" if actual == row.cid.digest else f"its SHA-256 is {actual.hex()}"


def collect(store: Embedded, *, pretend: bool = False) -> list[Path]:
    """Remove every pack that no pin keeps, and return their paths. With `pretend` only says which they are.

    A pinned file always stays; so does a pack that is the only one to hold a block of a pinned file.
    """
    with store.locked():
        kept: set[str] = set()
        for cid in set(store.pins().values()):
            kept |= _packs_of(store, cid)
        loose = [path for path in store.pack_paths() if path.name not in kept]
        for path in () if pretend else loose:
            store.drop(path)
    return loose


def sizes(paths: Iterable[Path]) -> dict[Path, int]:
    """Packs that are there, and their bytes on the disk."""
    found = dict[Path, int]()
    for path in paths:
        with suppress(FileNotFoundError):
            found[path] = path.stat().st_size
    return found


def _packs_of(store: Embedded, cid: Cid) -> set[str]:
    """The packs that keep a file: its own alone where that is good, else all that hold a block of it."""
    own = packs.name_of(cid)
    there = (store.packs / own).exists()
    found, in_own = set[str](), list[packs.BlockPlace | None]()
    try:
        for part, _ in walk(lambda part: store.get(part.cid), cid):
            places = dict(store.find(part.cid))
            found |= places.keys()
            in_own.append(places.get(own))
    except Corrupt:
        if not there:
            raise
        return found | {own}
    except Unavailable:
        return found | ({own} if there else set())
    if there and (found == {own} or all(row and not _problem(store.packs / own, row) for row in in_own)):
        return {own}
    return found


def check_pinned(store: Embedded) -> Iterator[tuple[str, Cid, str]]:
    """Every pin whose file is not whole in the store, and what is missing."""
    for name, cid in store.pins().items():
        try:
            for part, node in walk(lambda part: store.get(part.cid), cid):
                if node is None and not store.has(part.cid):
                    yield name, cid, f"block {part.cid} is missing"
        except Unavailable as error:
            yield name, cid, error.message
