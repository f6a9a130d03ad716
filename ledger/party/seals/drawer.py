"""The slips that a home has, in its folder `seals`:

    JOB-ROUND/CID-AUTHOR.slips   an author's slips of an update, one file each
    JOB-ROUND/CID.erasure        its party's statement that it erased it
    CID.key                      the content key of an own update until there are slips of it; mode 0600

CID is the digest in the sealed file's CID. Slips are no secrets. An erasure is on the disk before slips are deleted,
and what a crash left of them counts as deleted.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ledger.errors import Malformed, UsageError
from ledger.files.foreign import read_foreign
from ledger.masks.secret import SIZE as SECRET
from ledger.masks.secret import Secret
from ledger.seals.bundles import split_bundle
from ledger.seals.erasure import SIZE, Erasure, read_erasure
from ledger.seals.keys import NAME, ContentKey, UpdateName, unpack_name
from ledger.seals.slips import LONGEST, MAGIC, Slips, read_slips
from ledger.store import disk

AUTHORS = 300
"""Authors whose slips of one update are kept: all members, and some keys that they had before."""


class KeptSlips(NamedTuple):
    """A file of slips in the drawer, and who signed it."""

    slips: Slips
    author: str


class Drawer:
    """The folder `seals` of a home; processes of one home may use it at the same time."""

    def __init__(self, home: Path) -> None:
        self._folder, self._taking = home / "seals", threading.Lock()

    def take(self, data: bytes) -> bool:
        """Keep a file of slips that others hand over, in place of its author's earlier one for that update; whether it
        is for readers that this one left out: else it may be an old one.

        Raises as `put`.
        """
        slips, author = read_slips(data)
        with self._taking:
            before = self.by(slips.name, slips.cid, author)
            if before is not None and slips.packets.items() <= before.packets.items():
                return False
            self._put(KeptSlips(slips, author), data)
        return True

    def put(self, data: bytes) -> None:
        """Keep a file of slips, in place of its author's earlier one for that update.

        Raises Malformed where it is none, UsageError where the update was erased or has too many authors, Unavailable
        where the disk does not take it.
        """
        with self._taking:
            self._put(KeptSlips(*read_slips(data)), data)

    def _put(self, kept: KeptSlips, data: bytes) -> None:
        (slips, author), path = kept, self._path(kept)
        self._require_not_erased(slips.name, slips.cid)
        with disk.translated(path):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists() and len(list(self._folder.glob(f"{_stem(slips.name, slips.cid)}-*.slips"))) >= AUTHORS:
            raise UsageError("too many have made slips for this update", maximum=AUTHORS, author=author)
        disk.write_private(path, [data])

    def of(self, name: UpdateName, cid: bytes) -> list[KeptSlips]:
        """The slips of an update's sealed file, whole and as signed; none of one that was erased."""
        if self.erased(name, cid):
            return []
        return [kept for kept in self._read(f"{_stem(name, cid)}-*.slips") if kept.slips.name == name]

    def by(self, name: UpdateName, cid: bytes, author: str) -> Slips | None:
        """An author's slips of an update's sealed file, as `of`; None where there are none."""
        if self.erased(name, cid):
            return None
        found = self._read(f"{_stem(name, cid)}-{author[2:].lower()}.slips")
        return next((kept.slips for kept in found if kept.slips.name == name), None)

    def places(self) -> list[tuple[int, int]]:
        """The rounds, (job, round), of which there are slips or erasures."""
        found = (path.name.split("-") for path in self._folder.glob("*-*"))
        return sorted((int(one[0]), int(one[1])) for one in found if len(one) == 2 and all(map(str.isdecimal, one)))

    def stamp(self, job: int, round_: int) -> tuple[tuple[str, int, int, int], ...]:
        """What changes whenever what is kept of a round does: it is looked up without a file being read."""
        try:
            with os.scandir(self._folder / f"{job}-{round_}") as found:
                stats = [(one.name, one.stat()) for one in found]
        except OSError:
            return ()
        return tuple(sorted((name, stat.st_ino, stat.st_mtime_ns, stat.st_size) for name, stat in stats))

    def all(self, job: int | None = None, round_: int | None = None) -> list[KeptSlips]:
        """All slips, of one job or round where they are given, by job, round and CID."""
        found = self._read(f"{job or '*'}-{round_ or '*'}/*.slips")
        there = [kept for kept in found if not self.erased(kept.slips.name, kept.slips.cid)]
        return sorted(there, key=lambda kept: (*kept.slips.name.round[2:], kept.slips.cid, kept.author))

    def files(self, job: int | None = None, round_: int | None = None, author: str = "") -> list[bytes]:
        """What others may have, of one job or round where they are given: erasures, then files of slips, by one author
        where it is given. Updates' parties' own come first, then the shortest: what others make may be many times as
        much. They are as they are on the disk, but none is cut: who takes them checks them.
        """
        place, found = f"{job or '*'}-{round_ or '*'}", list[tuple[bool, int, bytes]]()
        for path in sorted(self._folder.glob(f"{place}/*-{author[2:].lower() or '*'}.slips")):
            if not path.with_name(f"{path.name[:64]}.erasure").exists():
                with suppress(OSError, Malformed, ValueError):
                    (data,) = split_bundle(read_foreign(path, "a file of slips", LONGEST))
                    party = unpack_name(data[len(MAGIC) : len(MAGIC) + NAME]).party
                    found.append((party[2:].lower() != path.stem[65:], len(data), data))
        said = []
        for path in sorted(self._folder.glob(f"{place}/*.erasure")):
            with suppress(OSError, Malformed, ValueError):
                (data,) = split_bundle(read_foreign(path, "an erasure", SIZE))
                said.append(data)
        return said + [data for _, _, data in sorted(found)]

    def keep_key(self, key: ContentKey, cid: bytes) -> None:
        """Keep the key of an own update, on the disk before anything is committed to. Raises Unavailable."""
        path = self._key(cid)
        with disk.translated(path):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        disk.write_private(path, [key.secret.reveal()])

    def own_key(self, name: UpdateName, cid: bytes) -> ContentKey | None:
        """The key of an own update that has no slips yet; None where it is not here."""
        with suppress(OSError, Malformed):
            return ContentKey(name, Secret(read_foreign(self._key(cid), "a content key", SECRET)))
        return None

    def forget_key(self, cid: bytes) -> None:
        """Delete the key of an own update. Raises Unavailable."""
        path = self._key(cid)
        with disk.translated(path):
            path.unlink(missing_ok=True)

    def points(self) -> frozenset[bytes]:
        """The points of all readers that there are slips for."""
        return frozenset(point for kept in self.all() for point in kept.slips.packets)

    def erasures(self, job: int | None = None, round_: int | None = None) -> list[Erasure]:
        """What parties said that they erased."""
        found = []
        for path in sorted(self._folder.glob(f"{job or '*'}-{round_ or '*'}/*.erasure")):
            with suppress(OSError, Malformed):
                said = read_erasure(read_foreign(path, "an erasure", SIZE))
                if self._erasure(said.name, said.cid) == path:
                    found.append(said)
        return found

    def erase(self, data: bytes) -> int:
        """Keep a party's erasure of its update, then delete the slips; how many files there were.

        Raises Malformed where it is not an erasure that its party signed, Unavailable where the disk does not take it.
        """
        said = read_erasure(data)
        path = self._erasure(said.name, said.cid)
        with disk.translated(path):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        disk.write_private(path, [data])
        slips = list(self._folder.glob(f"{_stem(said.name, said.cid)}-*.slips"))
        drafts = [*path.parent.glob(f".{said.cid.hex()}-*"), *self._folder.glob(f".{said.cid.hex()}.key.*")]
        with disk.translated(path):
            for one in (*slips, *drafts, self._key(said.cid)):
                one.unlink(missing_ok=True)
        disk.sync_folder(path.parent)
        return len(slips)

    def erased(self, name: UpdateName, cid: bytes) -> bool:
        """Whether the update's party said that it erased it."""
        path = self._erasure(name, cid)
        with suppress(OSError, Malformed):
            return read_erasure(read_foreign(path, "an erasure", SIZE)) == Erasure(name, cid)
        return False

    def drop(self, kept: KeptSlips) -> None:
        """Delete an author's slips of an update. Raises Unavailable."""
        path = self._path(kept)
        with disk.translated(path):
            path.unlink(missing_ok=True)

    def _path(self, kept: KeptSlips) -> Path:
        return self._folder / f"{_stem(kept.slips.name, kept.slips.cid)}-{kept.author[2:].lower()}.slips"

    def _key(self, cid: bytes) -> Path:
        return self._folder / f"{cid.hex()}.key"

    def _erasure(self, name: UpdateName, cid: bytes) -> Path:
        return self._folder / f"{_stem(name, cid)}.erasure"

    def _require_not_erased(self, name: UpdateName, cid: bytes) -> None:
        if self.erased(name, cid):
            advice = "export slips again where its erasure is known"
            raise UsageError("its party erased this update: no slips of it are kept", advice=advice, party=name.party)

    def _read(self, pattern: str) -> Iterator[KeptSlips]:
        """What is whole: a file that is damaged, or not what its name says, counts as none. Points were looked at when
        it was put here.
        """
        for path in sorted(self._folder.glob(pattern)):
            with suppress(OSError, Malformed):
                kept = KeptSlips(*read_slips(read_foreign(path, "a file of slips", LONGEST), points_checked=True))
                if self._path(kept) == path:
                    yield kept


def _stem(name: UpdateName, cid: bytes) -> str:
    return f"{name.round.job}-{name.round.round}/{cid.hex()}"
