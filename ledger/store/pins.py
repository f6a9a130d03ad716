"""Named pins, as a journal of lines: the last line of a name holds. It is the truth, not a cache.

A line is the canonical document {"cid": …, "pin": …}; an empty CID removes the name. A line torn off at the end by a
crash was never acknowledged and is skipped; a damaged line before it is damage.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from ledger.errors import Corrupt, Malformed
from ledger.formats.cid import Cid
from ledger.formats.digest import decode, encode
from ledger.store import disk


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pin: str
    cid: str


class Pins:
    """The journal at `path`. Changing it needs the store's lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read: tuple[disk.Version, dict[str, Cid]] = None, {}
        self._durable: disk.Version = None

    def read(self) -> dict[str, Cid]:
        """Every name and what it keeps, oldest first. Raises Corrupt where a line is damaged."""
        return dict(self._held())

    def set(self, pins: Mapping[str, Cid | None]) -> None:
        """Append a line for each: a name keeps a file, or nothing any more. What the journal says already is not said
        again; once this returns, all of it is on the disk.
        """
        held = self._held()
        new = {name: cid for name, cid in pins.items() if held.get(name) != cid}
        if not new and disk.version(self.path) == self._durable:
            return
        # Without a new line: another process wrote those, and may have been killed before they were on the disk.
        lines = [encode(_Line(pin=name, cid=str(cid) if cid else "")) + b"\n" for name, cid in new.items()]
        disk.append(self.path, b"".join(lines))
        if self._durable is None:
            disk.sync_folder(self.path.parent)  # who made the file may have been killed before its name was there
        kept = {name: cid for name, cid in held.items() if name not in new}
        self._durable = disk.version(self.path)
        self._read = self._durable, kept | {name: cid for name, cid in new.items() if cid}

    def _held(self) -> dict[str, Cid]:
        """What `read` returns, not to be changed: the file is parsed again only where it has changed."""
        now, read = disk.version(self.path), self._read
        if now is None or now != read[0]:
            self._read = read = now, self._parsed()
        return read[1]

    def _parsed(self) -> dict[str, Cid]:
        try:
            lines = self.path.read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return {}
        held: dict[str, Cid] = {}
        for number, line in enumerate(lines, 1):
            try:
                entry = decode(line, _Line, "a pin")
                held.pop(entry.pin, None)
                if entry.cid:
                    held[entry.pin] = Cid.parse(entry.cid)
            except Malformed as error:
                raise Corrupt(
                    f"line {number} of {self.path} is damaged",
                    advice="correct or remove that line; the content itself is not affected",
                    line=number,
                ) from error
        return held
