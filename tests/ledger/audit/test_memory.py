"""An audit holds a few blocks at a time, however many updates a round has."""

import gc
import tracemalloc
from collections.abc import Iterator

import numpy as np
from support.worlds.world import Files, World

from ledger.formats.artifact import Tensor
from ledger.formats.cid import Cid

VALUES = 1 << 21
"""8 MiB: as much as may be held of all first blocks together, so that what is held hides no growth, nor makes one."""


class Zeros(Files):
    """Holds updates as their header only: their integers are zeros, made as they are read."""

    def put(self, data: bytes) -> Cid:
        cid = super().put(data)
        self.files[cid] = data.rstrip(b"\0")
        self.sizes = {**getattr(self, "sizes", {}), cid: len(data)}
        return cid

    def fetch(self, cid: Cid, start: int, stop: int | None) -> Iterator[bytes]:
        size, head = self.sizes[cid], self.files[cid]
        stop = size if stop is None else min(stop, size)
        for at in range(start, stop, 1 << 20):
            length = min(1 << 20, stop - at)
            yield head[at : at + length].ljust(length, b"\0")


def peak(members: int) -> int:
    """The most that an audit allocates for a round of so many updates of 8 MiB."""
    world = World(members, tensors=(Tensor("w", (VALUES,)),), files=Zeros()).open_job().open_round()
    for member in range(members):
        world.submit(member, np.zeros(VALUES, "<i4"))
    world.publish(0, world.outcome())
    gc.collect()  # what is used again is free again, or fresh memory would stand in for it, and be counted
    tracemalloc.start()
    report = world.audit()
    top = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (report.right.answer, report.passed[7]) == ("yes", members + 1)
    return top


def test_memory_does_not_grow_with_the_updates() -> None:
    few, many = peak(3), peak(7)
    assert many < few + (2 << 20)
    assert many < 40 << 20
