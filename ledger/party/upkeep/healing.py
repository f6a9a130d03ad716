"""Copies that this home lost, or that are damaged: had again from others, first from those that are to keep them."""

from collections.abc import Iterator
from typing import NamedTuple

from ledger.errors import FedledgerError
from ledger.formats.cid import Cid
from ledger.party.connection import Connection
from ledger.party.pins import named_update
from ledger.rounds.assignment import assigned


class Healed(NamedTuple):
    """A pin whose file was not whole, what was wrong, and why it still is; empty where it is whole again."""

    pin: str
    cid: Cid
    problem: str
    trouble: str


def heal(connection: Connection) -> Iterator[Healed]:
    """Read every pinned file of the own store, and copy what is not whole and good again."""
    holders = connection.holders
    for pin, cid in connection.store.pins().items() if connection.store else ():
        problem = holders.trouble(cid)
        if problem is None:
            continue
        try:
            holders.keep(cid, pin, heal=True, first=sources(connection, pin))
        except FedledgerError as error:
            yield Healed(pin, cid, problem.message, error.message)
        else:
            yield Healed(pin, cid, problem.message, "")


def sources(connection: Connection, pin: str) -> frozenset[str]:
    """The names of the members that are to keep an update; none for another file."""
    named, history = named_update(pin), connection.history
    state = history.jobs.get(named[0]) if named else None
    round_ = state.rounds.get(named[1]) if named and state else None
    if named is None or round_ is None or named[2] not in round_.commitments:
        return frozenset()
    those = assigned(round_, named[2], connection.network.replication)
    return frozenset(history.members[index].name for index in those if index in history.members)
