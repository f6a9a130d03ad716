"""Headers of successive blocks, as a node shows them: each hashes to its hash, and names the one before as parent."""

from collections.abc import Iterator
from typing import NamedTuple

from ledger.chain.headers import BlockHeader, read_header
from ledger.chain.node import ChainNode
from ledger.chain.proofs.account import FalseProof
from ledger.chain.rpc import Rpc
from ledger.errors import Unavailable

AT_ONCE = 64
"""Headers that one request asks for: 100 kB of them where blocks are empty."""


class BlockAt(NamedTuple):
    """A block by its number and its hash; an empty hash where that is not known."""

    number: int
    hash: bytes


def headers(rpc: Rpc, before: BlockAt, last: BlockAt) -> Iterator[BlockHeader]:
    """The headers after the block `before` up to the block `last`, ascending, 64 to a request.

    They are proved once all were taken: parents lead from `last.hash` down to `before.hash`, or to any block where that
    is empty. Raises FalseProof where they lead elsewhere though the node's chain still has `last`; Unavailable where
    it has another one by now, or shows a block that does not hash to its hash.
    """
    parent = before.hash
    for first in range(before.number + 1, last.number + 1, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, last.number + 1))
        shown = rpc.batch_of("eth_getBlockByNumber", [(hex(number), False) for number in numbers])
        for number, one in zip(numbers, shown, strict=True):
            header = read_header(one)
            if header is None:
                what = "the node shows no such block, or one that does not hash to its hash by any rule known here"
                raise Unavailable(what, block=number)
            if header.number != number or (parent and header.parent != parent):
                raise contradiction(rpc, last, number)
            parent = header.hash
            yield header
    if parent != last.hash:
        raise contradiction(rpc, last, last.number)


def contradiction(rpc: Rpc, last: BlockAt, number: int) -> Unavailable:
    """What it says of a node that its block of that number does not lead to `last`: a false proof, while `last` is
    still on its chain; else it was reorganised.
    """
    if ChainNode(rpc).block_hash(last.number) != last.hash:
        return Unavailable("the chain was reorganised while it was read", block=last.number)
    return FalseProof("the blocks that the node shows do not follow one another", block=number)
