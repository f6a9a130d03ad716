"""The head: 32 bytes that commit to a ledger's founding and to its events so far (docs/spec/commitments.md).

A Merkle tree of RFC 6962 over leaves: leaf 0 is the founding, leaf i the i-th event in the order of block and log
index. Where the chain is reorganised, the tree is cut and grows on.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ledger.errors import Malformed
from ledger.formats.digest import sha256
from ledger.formats.merkle import leaf_hash, node_hash

DOMAIN = b"fedledger/head/1"
ADDRESS, WORD = 20, 32
MAXIMUM_TOPICS = 4


class LogRecord(NamedTuple):
    """A log as the chain has it: number of its block, hash of its transaction, contract (20 bytes), topics, data."""

    block: int
    tx: bytes
    contract: bytes
    topics: Sequence[bytes]
    data: bytes


class FoundingRecord(NamedTuple):
    """Where a ledger begins: chain id, number and hash of the founding block, and the contracts' addresses (EIP-55)."""

    chain: int
    block: int
    hash: bytes
    consortium: str
    ledger: str
    scores: str
    releases: str
    ballots: str
    masks: str
    budgets: str
    court: str

    @property
    def leaf(self) -> bytes:
        """The hash of leaf 0. Raises Malformed where a part has another size."""
        contracts = [bytes.fromhex(address[2:]) for address in self[3:]]
        if len(self.hash) != WORD or {*map(len, contracts)} != {ADDRESS}:
            raise _of_another_size("founding")
        numbers = self.chain.to_bytes(8, "big") + self.block.to_bytes(8, "big")
        return leaf_hash(DOMAIN + numbers + self.hash + b"".join(contracts))


def leaf(record: LogRecord) -> bytes:
    """The hash of an event's leaf. Raises Malformed where a part of the log has another size."""
    block, tx, contract, topics, data = record
    if {len(tx), *map(len, topics)} != {WORD} or len(contract) != ADDRESS:
        raise _of_another_size("log")
    if not 0 <= block < 1 << 64 or len(topics) > MAXIMUM_TOPICS:
        raise Malformed("a log has an impossible block or too many topics", block=block, topics=len(topics))
    place = block.to_bytes(8, "big") + tx + contract
    size = len(data).to_bytes(4, "big")
    return leaf_hash(b"%b%c%b%b%b" % (place, len(topics), b"".join(topics), size, data))


def head(events: int, root: bytes) -> bytes:
    """The head over so many events, the founding not counted, under the root of their tree."""
    return sha256(DOMAIN + events.to_bytes(8, "big") + root)


@dataclass(init=False, slots=True)
class HeadTree:
    """The tree over the founding and the events so far: 32 bytes an event, and a root of any earlier size.

    Row i is the largest full subtree that ends with leaf i, so a root is made of at most one row for each bit of the
    number of leaves.
    """

    _rows: list[bytes]

    def __init__(self, founding: bytes, leaves: Iterable[bytes] = ()) -> None:
        self._rows = []
        self.add(founding)
        for one in leaves:
            self.add(one)

    @property
    def events(self) -> int:
        """How many events it holds."""
        return len(self._rows) - 1

    def add(self, leaf: bytes) -> None:
        """Take the leaf of one more event."""
        rows = self._rows
        place, row, size = len(rows), leaf, 1
        start = place
        while place & size:
            row = node_hash(rows[start - 1], row)
            start -= size
            size <<= 1
        rows.append(row)

    def root(self, events: int) -> bytes:
        """The root over the founding and the first `events`. Raises Malformed where it does not hold so many."""
        if not 0 <= events <= self.events:
            raise Malformed("the tree does not hold so many events", expected=events, actual=self.events)
        leaves, end, peaks = events + 1, 0, []
        for bit in reversed(range(leaves.bit_length())):
            if leaves >> bit & 1:
                end += 1 << bit
                peaks.append(self._rows[end - 1])
        root = peaks.pop()
        while peaks:
            root = node_hash(peaks.pop(), root)
        return root

    def head(self, events: int) -> bytes:
        """The head over the first `events`. Raises Malformed where it does not hold so many."""
        return head(events, self.root(events))

    def head_with(self, events: int, leaves: Iterable[bytes]) -> bytes:
        """The head over the first `events` and, after them, events of these leaves."""
        other = HeadTree(self._rows[0])
        other._rows = self._rows[: events + 1]
        for one in leaves:
            other.add(one)
        return other.head(other.events)

    def cut(self, events: int) -> None:
        """Forget all events but the first `events`."""
        del self._rows[events + 1 :]


def _of_another_size(what: str) -> Malformed:
    return Malformed(f"a {what} has a part of another size", expected="words of 32 bytes, addresses of 20")
