"""A refutation: an aggregate with all that its claim is made of, and what is shown of it, as the contract takes it."""

from collections.abc import Sequence
from typing import NamedTuple

from ledger.errors import Malformed
from ledger.events.court import Ground
from ledger.formats.claims import ENTRY, Claimed, OpenedEntry, RoundName, claim_of, opened_digest
from ledger.formats.merkle import LEAF, VALUES, path_length, root_from_proof
from ledger.rounds.admission import Verdict

HASH = 32


class Accused(NamedTuple):
    """An aggregate of a round, and what its claim covers.

    `before` is the number of the round that was finalised before it, 0 before any; `document` is the SHA-256 of the
    job's document. `updates` are the round's openings in their order, 65 bytes each; `batches` has one byte for each
    call that opened some: how many.
    """

    job: int
    round: int
    before: int
    document: bytes
    said: Claimed
    updates: bytes
    batches: bytes

    @property
    def entries(self) -> list[OpenedEntry]:
        """The openings in their order. Raises Malformed where they are not 65 bytes each, or a member has two."""
        data = self.updates
        if not data or len(data) % ENTRY:
            raise Malformed("opened updates are 65 bytes each, and there is one at least", actual=len(data))
        entries = [_entry(data[at : at + ENTRY]) for at in range(0, len(data), ENTRY)]
        if len({entry.member for entry in entries}) != len(entries):
            raise Malformed("a member has two opened updates")
        return entries

    def claim(self, name: RoundName) -> bytes:
        """What the aggregate claims: 32 bytes. Raises Malformed where it is of another round than the one named, or the
        calls do not add up to the openings.
        """
        if (self.job, self.round) != (name.job, name.round):
            raise Malformed("the refutation is of another round", expected=name.round, actual=self.round)
        entries, batches, start = self.entries, list[Sequence[OpenedEntry]](), 0
        if 0 in self.batches or sum(self.batches) != len(entries):
            raise Malformed("the calls do not add up to the openings", expected=len(entries), actual=sum(self.batches))
        for size in self.batches:
            batches.append(entries[start : start + size])
            start += size
        return claim_of(name, opened_digest(self.document, batches), self.said)

    @property
    def admitted(self) -> list[OpenedEntry]:
        """The admitted updates, in the order of the openings. Raises Malformed where verdicts do not fit them."""
        entries = self.entries
        if len(entries) != len(self.said.verdicts):
            raise Malformed(
                "there is not one verdict for each opened update",
                expected=len(entries),
                actual=len(self.said.verdicts),
            )
        verdicts = dict(zip(sorted(entry.member for entry in entries), self.said.verdicts, strict=True))
        return [entry for entry in entries if verdicts[entry.member] == Verdict.ADMITTED]


class Point(NamedTuple):
    """What is shown of an aggregate: docs/spec/court.md. What its ground has no use for is zero.

    `member` is whose update, of a limit or a weight. `value` counts the stream's integers from 0. `low` and `high` are
    the lowest and highest of the values that count under a median or trimmed mean. `proof` has records, each a leaf and
    its path, lowest first: of the model, the base and each admitted update in the order of the openings; of a limit the
    update's alone.
    """

    ground: Ground
    member: int = 0
    value: int = 0
    low: int = 0
    high: int = 0
    proof: bytes = b""


class ValuePlace(NamedTuple):
    """Where a value stands in every stream of `values` integers: the number of its leaf, and the leaf's bytes."""

    value: int
    values: int

    @property
    def leaf(self) -> int:
        return self.value // VALUES

    @property
    def leaves(self) -> int:
        return -(-self.values // VALUES)

    @property
    def length(self) -> int:
        return min(LEAF, 4 * self.values - LEAF * self.leaf)

    @property
    def size(self) -> int:
        """Bytes of a record."""
        return self.length + HASH * path_length(self.leaf, self.leaves)

    def read(self, record: bytes, root: bytes, what: str) -> int:
        """The value in a record, once it leads to a root. Raises Malformed where it leads to another."""
        leaf, rest = record[: self.length], record[self.length :]
        path = [rest[at : at + HASH] for at in range(0, len(rest), HASH)]
        found = root_from_proof(leaf, self.leaf, self.leaves, path)
        if found != root:
            raise Malformed(f"the record of {what} leads to another root", expected=root.hex(), actual=found.hex())
        at = 4 * (self.value % VALUES)
        return int.from_bytes(leaf[at : at + 4], "little", signed=True)


def place_of(value: int, values: int) -> ValuePlace:
    """The place of a value. Raises Malformed where a stream of so many has none of that number."""
    if not 0 <= value < values:
        raise Malformed("the model has no such value", values=values, actual=value)
    return ValuePlace(value, values)


def _entry(data: bytes) -> OpenedEntry:
    return OpenedEntry(data[0], int.from_bytes(data[1:5]), data[5:37], data[37:])
