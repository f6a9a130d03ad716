"""Heads that members signed, held against the history that a server shows.

An aggregate's claim contains the head over all events up to a block, and that block's hash. So the members that made
a round final signed the history up to there: where theirs is another one, the server is not to be believed.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from ledger.formats.text import plural
from ledger.history.fold import History

BlockHash = Callable[[int], bytes | None]
"""The hash of a block, as the node that is audited shows it; None where it has no such block."""


class AgreedClaim(Protocol):
    """What a member attested."""

    @property
    def member(self) -> str: ...
    @property
    def index(self) -> int: ...
    @property
    def agrees(self) -> bool: ...
    @property
    def tx(self) -> bytes: ...


class SignedAggregate(Protocol):
    """An aggregate as the fold has it: `head` covers all events up to block `as_of`, whose hash is `anchor`."""

    @property
    def attempt(self) -> int: ...
    @property
    def aggregator(self) -> str: ...
    @property
    def index(self) -> int: ...
    @property
    def tx(self) -> bytes: ...
    @property
    def as_of(self) -> int: ...
    @property
    def anchor(self) -> bytes: ...
    @property
    def head(self) -> bytes: ...
    @property
    def attestations(self) -> Sequence[AgreedClaim]: ...


class SignedRound(Protocol):
    """A round as the fold has it; `final` is the aggregate that it finalised, where there is one."""

    @property
    def job(self) -> int: ...
    @property
    def number(self) -> int: ...
    @property
    def members(self) -> int: ...
    @property
    def aggregates(self) -> Sequence[SignedAggregate]: ...
    @property
    def final(self) -> SignedAggregate | None: ...


class Checkpoint(NamedTuple):
    """A finalised round whose members signed the history up to a block: `signers` by member index, of `members`."""

    job: int
    round: int
    block: int
    anchor: bytes
    signers: tuple[int, ...]
    members: int

    def __str__(self) -> str:
        return f"signed to block {self.block} by {len(self.signers)} of {plural(self.members, 'member')}"


class Difference(NamedTuple):
    """What a server shows differently from what the members of a finalised round signed."""

    checkpoint: Checkpoint
    what: str
    expected: bytes
    actual: bytes | None

    @property
    def told(self) -> dict[str, str]:
        """Both values, in hexadecimal."""
        return {"expected": self.expected.hex(), "actual": self.actual.hex() if self.actual else "no such block"}


class SignedHistory(NamedTuple):
    """How far a history is signed: the last checkpoint that holds, the events after it, the first that does not."""

    checkpoint: Checkpoint | None
    events_after: int
    difference: Difference | None


class HeadStatement(NamedTuple):
    """A member's signed word on the history: the key, where it said so, and in which transaction."""

    key: str
    job: int
    round: int
    attempt: int
    tx: bytes
    as_of: int
    head: bytes


class TwoHeads(NamedTuple):
    """A member that signed two heads for one block: both statements, in the order of the ledger."""

    member: int
    anchor: bytes
    first: HeadStatement
    second: HeadStatement


def compare(history: History, aggregate: SignedAggregate, block_hash: BlockHash) -> tuple[str, bytes, bytes | None]:
    """What differs between an aggregate's view of the history and the server's (empty: nothing), both values."""
    block, shown = aggregate.as_of, block_hash(aggregate.as_of)
    if shown != aggregate.anchor:
        return f"its block {block} is another", aggregate.anchor, shown
    head = history.head_at(block)
    return "" if head == aggregate.head else f"its head at block {block} is another", aggregate.head, head


def check_history(history: History, rounds: Iterable[SignedRound], block_hash: BlockHash) -> SignedHistory:
    """Hold a history against the heads under every finalised round, by the block that they cover."""
    last = None
    for final, checkpoint in sorted(_finals(rounds), key=lambda one: one[1].block):
        what, expected, actual = compare(history, final, block_hash)
        if what:
            return SignedHistory(last, _after(history, last), Difference(checkpoint, what, expected, actual))
        last = checkpoint
    return SignedHistory(last, _after(history, last), None)


def two_heads(rounds: Iterable[SignedRound]) -> list[TwoHeads]:
    """The members that signed different heads for one block, under one key: whose another one is, the log alone says.

    One block has one head, and the contract takes no anchor of another branch: either head convicts with the other.
    """
    said: dict[tuple[str, bytes], HeadStatement] = {}
    found: dict[tuple[str, bytes], TwoHeads] = {}
    for round_ in rounds:
        for aggregate in round_.aggregates:
            for member, key, tx in _signers(aggregate):
                place = (key, aggregate.anchor)
                where = (round_.job, round_.number, aggregate.attempt, tx, aggregate.as_of, aggregate.head)
                statement = HeadStatement(key, *where)
                first = said.setdefault(place, statement)
                if (first.as_of, first.head) != (statement.as_of, statement.head):
                    found.setdefault(place, TwoHeads(member, aggregate.anchor, first, statement))
    return list(found.values())


def _finals(rounds: Iterable[SignedRound]) -> Iterator[tuple[SignedAggregate, Checkpoint]]:
    for round_ in rounds:
        final = round_.final
        if final is not None:
            signers = tuple(sorted({member for member, _, _ in _signers(final)}))
            where = (round_.job, round_.number, final.as_of, final.anchor)
            yield final, Checkpoint(*where, signers, round_.members)


def _signers(aggregate: SignedAggregate) -> Iterator[tuple[int, str, bytes]]:
    """Who stands by the aggregate's claim, its aggregator first: member index, key, transaction."""
    yield aggregate.index, aggregate.aggregator, aggregate.tx
    for one in aggregate.attestations:
        if one.agrees:
            yield one.index, one.member, one.tx


def _after(history: History, last: Checkpoint | None) -> int:
    """How many events come after a checkpoint; all where there is none."""
    return history.applied - (history.events_at(last.block) if last else 0)
