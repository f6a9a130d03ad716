"""The history that an audit read, and what other chain nodes say of it. Differences are told; nobody is blamed."""

import time
from collections.abc import Iterator, Sequence

from ledger.audit.context import CHAIN_NODE
from ledger.audit.report import Check, Endpoint, HistoryRead, Open
from ledger.chain.node import ChainNode
from ledger.chain.rpc import Rpc
from ledger.errors import FedledgerError
from ledger.history.fold import History
from ledger.http.outgoing import Outgoing, outgoing_of
from ledger.party.connection import Connection
from ledger.party.nodes.witnesses import compared

STALE = 3
"""A history is old once the chain stood still for so many times the longest deadline of a job under way."""


def history_read(connection: Connection, others: Sequence[str] = ()) -> HistoryRead:
    """The history as far as the connection has read it, and what the nodes at `others`, URLs, say of its last block.

    Raises Unavailable where the connection's own node cannot say when that block was made.
    """
    tip, events = connection.follower.tip, connection.history.applied
    compared = tuple(_asked(url, tip.number, tip.hash, outgoing_of(connection.network)) for url in others)
    latest = connection.client.latest()  # after the others: what they had by then, this one can have, too
    block = connection.client.block(tip.number) or latest
    own = Endpoint(url=connection.client.rpc.url, same=block.hash == tip.hash, block=latest.number)
    return HistoryRead(
        block=tip.number,
        hash="0x" + tip.hash.hex(),
        time=block.time,
        age=max(0, int(time.time()) - block.time),
        events=events,
        after=events,
        endpoints=(own, *compared),
    )


def differences(read: HistoryRead) -> Iterator[Open]:
    """What nodes say of the last block that was read, other than the same, and what the one that was read kept back."""
    own, *others = read.endpoints
    if own.same is False:
        yield Open(check=Check.LOG, what=f"block {read.block}", why="the chain was reorganised while it was read")
    for one in others:
        what = f"block {read.block} at {one.url}"
        if one.same is False:
            why = f"it is another than at {own.url}: one of the two serves another chain, or it is being reorganised"
            yield Open(check=Check.LOG, what=what, why=why)
        elif one.trouble:
            yield Open(check=Check.LOG, what=what, why=one.trouble)
        if one.block is not None and own.block is not None and one.block > own.block:
            why = f"{own.url} is at block {own.block}, {one.url} at {one.block}: what was read is stale"
            yield Open(check=Check.LOG, what="the end of the history", why=why, fault=CHAIN_NODE)


def is_disputed(read: HistoryRead) -> bool:
    """Whether any node has another block in the place of the history's last one."""
    return any(one.same is False for one in read.endpoints)


def age(read: HistoryRead, history: History) -> Iterator[Open]:
    """A chain that stands still while a job is under way."""
    terms = [s.terms for s in history.jobs.values() if s.open and not s.closed and not s.complete]
    longest = max((max(t.update_seconds, t.aggregate_seconds, t.attest_seconds) for t in terms), default=0)
    if longest and read.age > STALE * longest:
        why = f"its last block is {read.age} s old, and the longest deadline of a job under way is {longest} s"
        yield Open(check=Check.LOG, what="the end of the history", why=f"it may be stale: {why}")


def _asked(url: str, number: int, hash_: bytes, outgoing: Outgoing) -> Endpoint:
    node = ChainNode(Rpc(url, outgoing=outgoing))
    try:
        return compared(node, number, hash_)
    except FedledgerError as error:
        return Endpoint(url=node.rpc.url, same=None, trouble=error.message)
    finally:
        node.rpc.close()
