"""What a bundle is made of, taken from a connection: which transactions, as the node shows them, up to which block."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from ledger.bundle.entries import Mined
from ledger.bundle.form import CONTRACTS, BundleScope, FoundingKey, Manifest
from ledger.bundle.statements import COUNTED
from ledger.bundle.write import BundleWriter
from ledger.chain.evidence.fetch import raw_transactions
from ledger.config import Network
from ledger.errors import Unavailable, UsageError
from ledger.events import records as r
from ledger.events.ballots import Rules
from ledger.events.members import Role
from ledger.party.connection import Connection

_OF_ALL = (r.KeyRotated, r.RotationApproved, r.Proposed, r.Executed, r.JobProposed)
"""Events that are in every bundle, whatever its job: what they change is kept for all of them."""


class Sent(NamedTuple):
    """A transaction that changed the ledger: the number of its block, and its hash."""

    block: int
    tx: bytes


def exporting(
    connection: Connection, scope: BundleScope, until: int | None = None, convictions: Sequence[bytes] = ()
) -> BundleWriter:
    """What writes the bundle of a scope, of all blocks up to `until`, or up to the latest that was read.

    Raises UsageError for a block that is not there yet, Unavailable where the node does not show one.
    """
    last = _last(connection, until)
    network = connection.network
    events = connection.follower.events_after(-1)
    draft = draft_of(network, rules_of(events), scope, last)
    wanted = sent(events, scope, last[0])
    return BundleWriter(draft, _mined(connection, wanted), connection.holders, convictions)


def draft_of(network: Network, rules: Rules, scope: BundleScope, until: tuple[int, bytes]) -> Manifest:
    """A manifest without keys and pages: what the network file says, the rules at the founding, the scope, and the last
    block.
    """
    founding = network.founding
    return Manifest(
        network.chain.id,
        tuple(getattr(network.contracts, name).address for name in CONTRACTS),
        (founding.block, bytes.fromhex(founding.hash[2:])),
        tuple(FoundingKey(one.key, int(Role.named(one.roles))) for one in founding.members),
        rules,
        scope,
        until,
        (),
        (),
    )


def sent(events: Sequence[r.AnyEvent], scope: BundleScope, last: int) -> list[Sent]:
    """The transactions behind the events that a bundle of the scope follows from, in chain order, each once."""
    counted = {one.proposal for one in events if isinstance(one, r.Proposed) and one.kind <= COUNTED}
    wanted = {Sent(one.block, one.tx): None for one in events if one.block <= last and _is_in(one, scope, counted)}
    return list(wanted)


def rules_of(events: Iterable[r.AnyEvent]) -> Rules:
    """The rules of votes at the founding: those that are said first. Raises Unavailable where none are."""
    for event in events:
        if isinstance(event, r.RulesChanged):
            return event.rules
    raise Unavailable("the ledger's log does not say its rules", advice="read it from another node: --rpc URL")


def _is_in(event: r.AnyEvent, scope: BundleScope, counted: Collection[bytes]) -> bool:
    if isinstance(event, _OF_ALL):
        return True
    if isinstance(event, r.Voted | r.VoteClosed):
        return event.proposal in counted
    return isinstance(event, r.JobEvent | r.RoundEvent | r.Convicted) and scope.has_job(getattr(event, "job", 0))


def _last(connection: Connection, until: int | None) -> tuple[int, bytes]:
    tip = connection.follower.tip
    if until is None or until == tip.number:
        return tip.number, tip.hash
    if not connection.network.founding.block <= until < tip.number:
        advice = "leave --until out, or name a block that the ledger has"
        raise UsageError(f"there is no block {until} of this ledger", advice=advice, latest=tip.number)
    hash_ = connection.client.block_hash(until)
    if hash_ is None:
        raise Unavailable("the chain node does not show the block", block=until)
    return until, hash_


def _mined(connection: Connection, wanted: Sequence[Sent]) -> Iterator[Mined]:
    """The transactions, with the times of their blocks. Raises Unavailable where the node lacks one."""
    times = _times(connection, {one.block for one in wanted})
    raws = raw_transactions(connection.client.rpc, [one.tx for one in wanted])
    for one, raw in zip(wanted, raws, strict=True):
        yield Mined(one.block, times[one.block], raw)


def _times(connection: Connection, blocks: set[int]) -> dict[int, int]:
    known: dict[int, int] = {}
    while True:
        had = len(known)
        times = connection.follower.times(blocks)
        known = {block: times[block].time for block in blocks if block in times}
        if len(known) == len(blocks):
            return known
        if len(known) == had:
            lacking = min(blocks - known.keys())
            raise Unavailable("the chain node does not show a block's time", block=lacking)
