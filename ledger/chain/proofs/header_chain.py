"""Headers of successive blocks, as a node shows them: each hashes to its hash, and names the one before as parent."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from ledger.chain.headers import BlockHeader, read_header
from ledger.chain.node import ChainNode
from ledger.chain.proofs.account import FalseProof
from ledger.chain.rpc import Rpc
from ledger.errors import Unavailable

AT_ONCE = 64
"""Headers that one request asks for: 100 kB of them where blocks are empty."""


Known = Callable[[bytes], BlockHeader | None]
"""The header of a hash, where that was read before, and hashes to it."""


class BlockAt(NamedTuple):
    """A block by its number and its hash; an empty hash where that is not known."""

    number: int
    hash: bytes


def _nothing(_hash: bytes) -> None:
    """For one that has read no header before."""


def headers(rpc: Rpc, before: BlockAt, last: BlockAt, known: Known = _nothing) -> Iterator[BlockHeader]:
    """The headers after the block `before` up to the block `last`, ascending, 64 to a request. Those that are `known`
    without a gap up to the last are not asked for: a hash has one header.

    They are proved once all were taken: parents lead from `last.hash` down to `before.hash`, or to any block where that
    is empty. Raises FalseProof where they lead elsewhere though the node's chain still has `last`; Unavailable where
    it has another one by now, or shows a block that does not hash to its hash.
    """
    tail = _leading_to(last, before.number, known)
    end = BlockAt(tail[0].number - 1, tail[0].parent) if tail else last
    parent = before.hash
    for first in range(before.number + 1, end.number + 1, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, end.number + 1))
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
    if parent != end.hash and (parent or not tail):
        raise contradiction(rpc, last, end.number)
    yield from tail


def _leading_to(last: BlockAt, before: int, known: Known) -> list[BlockHeader]:
    """The known headers after the block `before` that lead up to `last`, ascending."""
    found, parent = list[BlockHeader](), last.hash
    for number in range(last.number, before, -1):
        header = known(parent)
        if header is None or header.number != number:
            break
        found.append(header)
        parent = header.parent
    return found[::-1]


def contradiction(rpc: Rpc, last: BlockAt, number: int) -> Unavailable:
    """What it says of a node that its block of that number does not lead to `last`: a false proof, while `last` is
    still on its chain; else it was reorganised.
    """
    if ChainNode(rpc).block_hash(last.number) != last.hash:
        return Unavailable("the chain was reorganised while it was read", block=last.number)
    return FalseProof("the blocks that the node shows do not follow one another", block=number)
