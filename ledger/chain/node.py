"""A chain's node: blocks, the clock, and the code at an address, read over `Rpc` and checked for form.

A block's hash covers its time: one that a node shows with another is refused, where the header's form is known here.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from ledger.chain.headers import BlockHeader, is_contradicted, read_header
from ledger.chain.quantities import quantity
from ledger.chain.rpc import Rpc, RpcError, is_too_often
from ledger.errors import Unavailable

LARGEST = 1 << 40
"""What block numbers and times stay below: the contracts keep both in 40 bits."""
AT_ONCE = 64
"""Blocks that one request asks for."""
SURELY_AT_ONCE = 16
"""Calls that any node answers in one request, unless it was asked too often."""
KEPT = 256
"""Of so many blocks that were shown last the headers are kept, at least."""
PACE = 8
"""How many of the latest intervals tell how fast blocks may come."""


class Block(NamedTuple):
    """A block's header, as far as it matters here. `time` in seconds since 1970.

    `proved` is whether the header hashes to `hash`; else number, parent and time are on the node's word.
    """

    number: int
    hash: bytes
    parent: bytes
    time: int
    proved: bool = False


class ChainNode:
    """What any node says of its chain. Raises Unavailable where it cannot be reached, or says nonsense."""

    tag = "latest"
    """The block that code and views are read at."""

    def __init__(self, rpc: Rpc) -> None:
        self.rpc = rpc
        self._read: tuple[Any, Block] | None = None
        self._headers: dict[bytes, BlockHeader] = {}

    def block(self, which: int | str = "latest") -> Block | None:
        """The block of that number or tag; None where the chain has no such block."""
        tag = hex(which) if isinstance(which, int) else which
        answer = self.rpc.call("eth_getBlockByNumber", tag, False)
        if answer is None:
            return None
        read = self._read
        if read is None or read[0] != answer:  # most looks find the block that the last one found
            self._read = read = answer, self._seen(answer)
        return read[1]

    def header(self, hash_: bytes) -> BlockHeader | None:
        """The header of that hash, where it was shown here not long ago, and hashes to it: on whatever chain it is."""
        return self._headers.get(hash_)

    def shown(self, answer: Any) -> Block | None:
        """A block in an answer of a batch; None for any other answer."""
        try:
            return None if answer is None or isinstance(answer, RpcError) else self._seen(answer)
        except Unavailable:
            return None

    def _seen(self, answer: Any) -> Block:
        block = _block(answer)
        header = read_header(answer) if block.proved else None
        if header is not None:
            self._headers[header.hash] = header
            if len(self._headers) > 2 * KEPT:
                self._headers = dict(list(self._headers.items())[-KEPT:])
        return block

    def blocks(self, numbers: Sequence[int]) -> list[Block | None]:
        """The blocks of these numbers, None for one that the node does not show; 64 to a request, where it takes
        batches.
        """
        found: list[Block | None] = []
        for first in range(0, len(numbers), AT_ONCE):
            part = numbers[first : first + AT_ONCE]
            found += map(self.shown, self._answers([("eth_getBlockByNumber", hex(number), False) for number in part]))
        return [one if one and one.number == number else None for number, one in zip(numbers, found, strict=True)]

    def _answers(self, calls: list[tuple[Any, ...]]) -> list[Any]:
        """What the node answers, one by one where it does not take batches."""
        try:
            return self.rpc.batch(calls)
        except Unavailable as error:
            if is_too_often(error) and len(calls) <= SURELY_AT_ONCE:
                raise
            return [self.rpc.call(*call) for call in calls]

    def latest(self) -> Block:
        """The chain's head, by one request: the hash also tells a reorganisation at the same height."""
        block = self.block("latest")
        if block is None:
            raise Unavailable("the chain's node has no block yet", url=self.rpc.url)
        return block

    def head(self) -> tuple[int, bytes]:
        """Number and hash of the latest block."""
        block = self.latest()
        return block.number, block.hash

    def time(self) -> int:
        """The time that the next transaction will see, in seconds since 1970, as the node says it.

        A chain that seals on demand has an old latest block, so its pending block is asked, too.
        """
        pending = self.pending_time()
        return max(self.latest().time, pending or 0)

    def pending_time(self) -> int | None:
        """The time of the pending block, in seconds since 1970; None where the node has none."""
        try:
            pending = self.rpc.call("eth_getBlockByNumber", "pending", False)
        except RpcError:
            return None
        if not isinstance(pending, dict) or not isinstance(pending.get("timestamp"), str):
            return None
        return number(pending["timestamp"], "a time")

    def shortest_block(self) -> int:
        """The shortest time between two of the latest blocks, in seconds; 0 where there are none to compare."""
        last = self.latest().number
        blocks = [block for which in range(max(0, last - PACE), last + 1) if (block := self.block(which))]
        return min((after.time - before.time for before, after in pairwise(blocks)), default=0)

    def block_hash(self, block: int) -> bytes | None:
        """The hash of that block on the present chain; None past the head."""
        found = self.block(block)
        return None if found is None else found.hash

    def code(self, address: str) -> bytes:
        """The code that stands at an address; empty where there is none."""
        return data(self.rpc.call("eth_getCode", address, self.tag), "code")

    def transactions(self, address: str) -> int:
        """How many transactions an address has sent, those that wait for a block included: its next nonce."""
        return number(self.rpc.call("eth_getTransactionCount", address, "pending"), "a nonce")


def number(value: object, what: str) -> int:
    """A quantity of the node's answer."""
    try:
        return quantity(value)
    except ValueError as error:
        raise Unavailable(f"the node's answer is not {what}", actual=str(value)[:200]) from error


def data(value: object, what: str) -> bytes:
    """Bytes of the node's answer."""
    try:
        return bytes.fromhex(str(value).removeprefix("0x"))
    except ValueError as error:
        raise Unavailable(f"the node's answer is not {what}", actual=str(value)[:200]) from error


def _block(answer: Any) -> Block:
    try:
        block = Block(
            quantity(answer["number"]),
            bytes.fromhex(answer["hash"][2:]),
            bytes.fromhex(answer["parentHash"][2:]),
            quantity(answer["timestamp"]),
            read_header(answer) is not None,
        )
        if not (
            0 <= block.number < LARGEST and 0 <= block.time < LARGEST and len(block.hash) == len(block.parent) == 32
        ):
            raise ValueError("a number or a hash that no block has")
    except (KeyError, TypeError, ValueError) as error:
        raise Unavailable("the node's answer is not a block", actual=str(answer)[:200]) from error
    if not block.proved and is_contradicted(answer):
        raise Unavailable("the node shows a block that does not hash to its hash: it lies", block=block.number)
    return block
