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

    def read(self) -> dict[str, Cid]:
        """Every name and what it keeps, oldest first. Raises Corrupt where a line is damaged."""
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

    def set(self, pins: Mapping[str, Cid | None]) -> None:
        """Append a line for each: a name keeps a file, or nothing any more."""
        lines = [encode(_Line(pin=name, cid=str(cid) if cid else "")) + b"\n" for name, cid in pins.items()]
        disk.append(self.path, b"".join(lines))
