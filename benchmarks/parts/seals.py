"""What seals cost: an update sealed and opened, with its CID and its salted root, and a file of slips.

CPU time of one thread, so that other processes count for nothing.
"""

import sys
from collections.abc import Callable
from time import process_time

import measure
import numpy as np

from ledger import kernel
from ledger.formats.artifact import Layout, Tensor
from ledger.formats.cid import CHUNK
from ledger.formats.claims import RoundName
from ledger.formats.header import Binding
from ledger.formats.unixfs import chunks, groups
from ledger.masks.keys import point_of
from ledger.masks.sharing import draw_secret
from ledger.seals.chunks import opened, sealed
from ledger.seals.keys import UpdateName, draw_key
from ledger.seals.leaves import SaltedTree
from ledger.seals.slips import MOST, make_slips

VALUES, TURNS, BAND = measure.sized(1 << 24, 1 << 19), measure.sized(5, 1), CHUNK
LEDGER, PARTY = "0x5FbDB2315678afecb367f032d93F642f64180aa3", "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
NAME = UpdateName(RoundName(31337, LEDGER, 1, 1), PARTY)


def seconds(work: Callable[[], object]) -> float:
    """Seconds of CPU that `work` takes: the median of its turns."""
    times = []
    for _ in range(TURNS):
        began = process_time()
        work()
        times.append(process_time() - began)
    return measure.median(times)


class Update:
    """An update in memory, its key, and its sealed file."""

    def __init__(self) -> None:
        self.layout = Layout((Tensor("w", (VALUES,)),))
        about = {"chain": 31337, "contract": LEDGER, "job": 1, "round": 1, "party": PARTY}
        binding = Binding(kind="update", base=bytes(32), rows=1, data=bytes(32), **about)
        values = np.random.default_rng(1).integers(-1000, 1000, VALUES, "<i4")
        self.data = memoryview(self.layout.header(binding) + values.tobytes())
        self.key = draw_key(NAME)
        self.file = b"".join(bytes(piece) for piece in sealed([self.data], self.key, len(self.data)))

    def seal(self) -> bytes:
        """As a node does it: the root of what it made, its file, and the digests of the file's blocks."""
        tree, body = SaltedTree(self.key), self.data[self.layout.header_size :]
        for start in range(0, len(body), BAND):
            tree.add(body[start : start + BAND])
        for group in groups(sealed([self.data], self.key, len(self.data)), 4):
            kernel.digests(group)
        return tree.root()

    def open(self) -> bytes:
        """As a reader does it: the digests of the blocks, what is in them, and its root."""
        tree, skip = SaltedTree(self.key), self.layout.header_size
        held = bytearray()
        for plain in opened(self._checked(), self.key, len(self.data)):
            held += plain[skip:]
            skip = 0
            whole = len(held) - len(held) % 1024
            tree.add(memoryview(held)[:whole].toreadonly())
            held = held[whole:]
        tree.add(held)
        return tree.root()

    def _checked(self):  # type: ignore[no-untyped-def]
        for at in range(0, len(self.file), 2 * CHUNK):
            run = memoryview(self.file)[at : at + 2 * CHUNK]
            kernel.digests(list(chunks([run])))
            yield run


def speed_rows() -> list[measure.Row]:
    update = Update()
    assert update.seal() == update.open()
    size = len(update.data) / 1e6
    rows = []
    for name, work in (("seal", update.seal), ("open", update.open)):
        speed = size / seconds(work)
        note = f"an update of {size:.0f} MB, one thread; kernel: {kernel.in_use()}"
        rows.append(measure.row(f"{name} an update, with CID and root", "≥ 500", speed, "MB/s", speed >= 500, note))
    bare = size / seconds(lambda: [None for _ in sealed([update.data], update.key, len(update.data))])
    rows.append(measure.row("… the cipher alone", "", bare, "MB/s", None))
    return rows


def slip_rows() -> list[measure.Row]:
    key, readers = draw_key(NAME), [draw_secret() for _ in range(MOST)]
    points = [point_of(reader) for reader in readers]
    slips = make_slips(key, bytes(32), points)
    file = slips.encode()
    assert slips.open(readers[-1]) == key
    each = seconds(lambda: make_slips(key, bytes(32), points[:255])) / 255 * 1e6
    one = seconds(lambda: slips.open(readers[-1])) * 1e6
    few = make_slips(key, bytes(32), points[:3])
    return [
        measure.row("a slip made", "", each, "µs", None, f"{len(file) / MOST:.0f} bytes a reader"),
        measure.row(
            f"a slip opened, of {MOST}", "", one, "µs", None, f"{seconds(lambda: few.open(readers[0])) * 1e6:.0f} of 3"
        ),
    ]


def run() -> list[measure.Row]:
    return [*speed_rows(), *slip_rows()]


if __name__ == "__main__":
    sys.exit(measure.show(run()))
