"""Named pins, as a journal of lines: the last line of a name holds. It is the truth, not a cache.

A line is the canonical document {"cid": …, "pin": …}; an empty CID removes the name. Small packs are in it, too, until
they are known to be on the disk: {"boot": …, "pack": …} is such a pack, whole, and the start of the machine in which it
was written. So a small file and its name are on the disk by one sync. A line torn off at the end by a crash was never
acknowledged and is skipped; a damaged line before it is damage.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from ledger.errors import Corrupt, Malformed
from ledger.formats.cid import Cid
from ledger.formats.digest import decode, encode
from ledger.store import disk

LONG = 1 << 20
"""Bytes of a journal after which the packs in it are settled."""
PIN_ADVICE = "correct or remove that line; the content itself is not affected"
PACK_ADVICE = "remove that line; if a file is missing then, fedledger store verify names it"
_PACK = b'{"boot":"'
"""How the line of a pack begins."""


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pin: str
    cid: str


class _PackLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    boot: str
    pack: str


class Pins:
    """The journal at `path`. Changing it needs the store's lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read: tuple[disk.Version, dict[str, Cid]] = None, {}
        self._durable: disk.Version = None

    def read(self) -> dict[str, Cid]:
        """Every name and what it keeps, oldest first. Raises Corrupt where a line is damaged."""
        return dict(self._held())

    def set(self, pins: Mapping[str, Cid | None], pack: bytes = b"") -> None:
        """Append a line for each: a name keeps a file, or nothing any more. What the journal says already is not said
        again; once this returns, all of it is on the disk, and so is `pack`.
        """
        held = self._held()
        new = {name: cid for name, cid in pins.items() if held.get(name) != cid}
        if not new and not pack and disk.version(self.path) == self._durable:
            return
        # Without a new line: another process wrote those, and may have been killed before they were on the disk.
        lines = [_pack_line(pack)] if pack else []
        lines += [_pin_line(name, cid) for name, cid in new.items()]
        disk.append(self.path, b"".join(lines))
        kept = {name: cid for name, cid in held.items() if name not in new}
        self._durable = disk.version(self.path)
        self._read = self._durable, kept | {name: cid for name, cid in new.items() if cid}

    def boots(self) -> frozenset[str]:
        """The starts of the machine in which the packs in it were written, empty where that is not known."""
        said = (line[len(_PACK) :].partition(b'"')[0] for line in self._lines() if line.startswith(_PACK))
        return frozenset(boot.decode(errors="replace") for boot in said)

    def packs(self) -> Iterator[tuple[str, bytes]]:
        """The packs in it, each with the start of the machine in which it was written. Raises Corrupt."""
        for number, line in enumerate(self._lines(), 1):
            if line.startswith(_PACK):
                try:
                    said = decode(line, _PackLine, "a small pack")
                    yield said.boot, base64.b64decode(said.pack, validate=True)
                except (Malformed, binascii.Error) as error:
                    raise self._damaged(number, PACK_ADVICE) from error

    def size(self) -> int:
        """Its length in bytes."""
        version = disk.version(self.path)
        return 0 if version is None else version[1]

    def settle(self) -> None:
        """Write it again with what holds, and no pack. Call this once all packs in it are on the disk."""
        held = self._held()
        disk.write_private_together({self.path: [_pin_line(name, cid) for name, cid in held.items()]})
        self._durable = disk.version(self.path)
        self._read = self._durable, held

    def _held(self) -> dict[str, Cid]:
        """What `read` returns, not to be changed: the file is parsed again only where it has changed."""
        now = disk.version(self.path)
        if now is None or now != self._read[0]:
            self._read = now, self._parsed()
        return self._read[1]

    def _parsed(self) -> dict[str, Cid]:
        held: dict[str, Cid] = {}
        for number, line in enumerate(self._lines(), 1):
            if line.startswith(_PACK):
                continue
            try:
                entry = decode(line, _Line, "a pin")
                held.pop(entry.pin, None)
                if entry.cid:
                    held[entry.pin] = Cid.parse(entry.cid)
            except Malformed as error:
                raise self._damaged(number, PIN_ADVICE) from error
        return held

    def _lines(self) -> list[bytes]:
        try:
            return self.path.read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return []

    def _damaged(self, line: int, advice: str) -> Corrupt:
        return Corrupt(f"line {line} of {self.path} is damaged", advice=advice, line=line)


def _pin_line(name: str, cid: Cid | None) -> bytes:
    return encode(_Line(pin=name, cid=str(cid) if cid else "")) + b"\n"


def _pack_line(pack: bytes) -> bytes:
    return encode(_PackLine(boot=disk.boot(), pack=base64.b64encode(pack).decode())) + b"\n"
