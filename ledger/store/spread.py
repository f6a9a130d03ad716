"""Work on a file's blocks, on all cores at once: hashing, reading and writing leave Python's lock free."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from ledger import kernel
from ledger.formats.digest import sha256
from ledger.formats.unixfs import Buffer

T = TypeVar("T")
R = TypeVar("R")
MOST = 6
"""Blocks that are worked on at a time, at most: the memory that a file takes on its way. The kernel hashes three at
once.
"""
LEAST = 2
"""Blocks of a part, at least: two of them are hashed together in little more time than one."""
_CORES = min(os.cpu_count() or 1, 4)
_helpers: list[ThreadPoolExecutor] = []


def spread(work: Callable[[Sequence[T]], Sequence[R]], items: Sequence[T]) -> list[R]:
    """What `work` makes of the items, in their order: a part of them in this thread, the others beside it.

    Raises what `work` raised, once no part is under way any more.
    """
    count = min(_CORES, len(items) // LEAST)
    if count < 2:
        return list(work(items))
    parts = [items[len(items) * part // count : len(items) * (part + 1) // count] for part in range(count)]
    beside = [_pool().submit(work, part) for part in parts[1:]]
    try:
        first = work(parts[0])
    finally:
        wait(beside)
    return [*first, *(result for future in beside for result in future.result())]


def digests(blocks: Sequence[Buffer]) -> list[bytes]:
    """SHA-256 of each block."""
    return kernel.digests(blocks) if len(blocks) > 1 else [sha256(block) for block in blocks]


def _pool() -> ThreadPoolExecutor:
    if not _helpers:
        _helpers.append(ThreadPoolExecutor(_CORES - 1, "store-blocks"))
    return _helpers[0]


os.register_at_fork(after_in_child=_helpers.clear)
