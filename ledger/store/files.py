"""Files out of blocks: the one place that walks a tree and yields its bytes in order.

Blocks arrive checked (`BlockSource.get`). A block's content is then held to its place: nodes to the one form that
their size and height allow, leaves to their length. Heights only fall and sizes only divide, so a walk ends after at
most 1 + 1,024 nodes and `limit` bytes, no matter what the author of a tree wrote into it.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from ledger import kernel
from ledger.errors import Malformed, UsageError
from ledger.formats import unixfs
from ledger.formats.cid import RAW, Cid
from ledger.formats.unixfs import Part
from ledger.store import Blocks, BlockSource, Buffer, Pieces
from ledger.store.spread import MOST

Fetch = Callable[[Part], Buffer]
"""Returns the checked block at a place in the file being read."""
FetchRun = Callable[[Sequence[Part]], list[Buffer]]
"""Returns the checked leaves at places in a row, joined to one; nothing where they are to be fetched one by one."""
RUN = 2
"""Leaves of a run, at most (`kernel.run`)."""


def read(
    source: BlockSource, cid: Cid, start: int = 0, stop: int | None = None, *, limit: int = unixfs.MAX_SIZE
) -> Pieces:
    """The bytes of a file from `start` up to `stop` (or its end, whichever comes first), fetching only what it needs.

    Pieces are whole leaves, trimmed at the ends. Of one holder a few leaves are read at a time. Raises Unavailable,
    Corrupt, and Malformed where the tree is not one of the profile or the file is longer than `limit`: that is its
    author's doing, since its digest is right.
    """
    if not isinstance(source, Blocks):
        return read_with(lambda part: source.get(part.cid), cid, start, stop, limit=limit)
    return _read_all(source, cid, start, stop, limit)


def read_with(
    fetch: Fetch,
    cid: Cid,
    start: int = 0,
    stop: int | None = None,
    *,
    limit: int = unixfs.MAX_SIZE,
    fetch_run: FetchRun = lambda _: [],
) -> Pieces:
    """As `read`, for a caller that wants to know which place of the file a block is fetched for.

    The first piece is one leaf, with what stands at the beginning of a file; then leaves are asked for in runs. Pieces
    are handed over, not kept: many files can be read side by side without a block in memory for each.
    """
    leaves, most = _leaves(fetch, cid, start, stop, limit), 1
    while parts := list(islice(leaves, most)):
        run = fetch_run(parts) if parts[0].stop is not None else []
        if run:
            yield _cut(run.pop(), parts[0], start, stop)
        else:
            for part in parts:
                piece = [_cut(_leaf(fetch(part), part, limit), part, start, stop)]
                if len(piece[0]):
                    yield piece.pop()
        most = kernel.run()


def _read_all(source: Blocks, cid: Cid, start: int, stop: int | None, limit: int) -> Pieces:
    leaves = _leaves(lambda part: source.get(part.cid), cid, start, stop, limit)
    while parts := list(islice(leaves, MOST)):
        blocks = source.get_all([part.cid for part in parts])
        for part in parts:
            piece = [_cut(_leaf(blocks.pop(0), part, limit), part, start, stop)]
            if len(piece[0]):
                yield piece.pop()


def _leaves(fetch: Fetch, cid: Cid, start: int, stop: int | None, limit: int) -> Iterator[Part]:
    if start < 0 or (stop is not None and stop < start):
        raise UsageError("not a range of bytes", start=start, stop=stop)
    return (part for part, _ in walk(fetch, cid, start, stop, limit=limit) if part.height == 0)


def blocks_of(fetch: Fetch, cid: Cid, *, limit: int = unixfs.MAX_SIZE) -> Iterator[tuple[Cid, Buffer]]:
    """Every block of a file: leaves in order, then nodes. Raises as `read`."""
    nodes: list[tuple[Cid, Buffer]] = []
    for part, node in walk(fetch, cid, limit=limit):
        if node is None:
            yield part.cid, _leaf(fetch(part), part, limit)
        else:
            nodes.append((part.cid, node))
    yield from reversed(nodes)


def walk(
    fetch: Fetch, cid: Cid, start: int = 0, stop: int | None = None, *, limit: int = unixfs.MAX_SIZE
) -> Iterator[tuple[Part, Buffer | None]]:
    """Every block of a file that touches a range, depth first: nodes with their bytes, leaves by name only."""
    if cid.codec == RAW:
        yield Part(cid, 0, None, 0), None
        return
    root = fetch(Part(cid, 0, None, None))
    size, children = unixfs.parse_root(root, cid)
    if size > limit:
        raise Malformed(f"file {cid} is longer than allowed", size=size, limit=limit)
    yield Part(cid, 0, size, unixfs.height_of(size)), root
    end = size if stop is None else min(stop, size)
    waiting = children[::-1] if start < end else []
    while waiting:
        part = waiting.pop()
        if part.start >= end or part.stop is None or part.stop <= start:
            continue
        node = fetch(part) if part.height else None
        yield part, node
        if node is not None:
            waiting += unixfs.parse(node, part)[::-1]


def size_of(source: BlockSource, cid: Cid) -> int:
    """A file's size, from its first block."""
    block = source.get(cid)
    return len(block) if cid.codec == RAW else unixfs.parse_root(block, cid)[0]


def _cut(block: Buffer, part: Part, start: int, stop: int | None) -> Buffer:
    first = max(start - part.start, 0)
    last = len(block) if stop is None else max(min(stop - part.start, len(block)), 0)
    return block if (first, last) == (0, len(block)) else memoryview(block)[first:last]


def _leaf(block: Buffer, part: Part, limit: int) -> Buffer:
    if part.stop is None:
        if len(block) > min(unixfs.largest(part.cid), limit):
            raise Malformed(f"file {part.cid} is longer than allowed", size=len(block), limit=limit)
    elif len(block) != part.stop - part.start:
        raise Malformed("a leaf that is not as long as its place", cid=part.cid, length=len(block), part=part)
    return block
