"""What the ledger says of bytes in the rounds under way: what was committed to, who owes which file, and by what
receipts are judged.

Made by the thread that follows the chain, and handed whole to the threads that answer others.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ledger.errors import Malformed, Unavailable
from ledger.formats.cid import Cid, of_file
from ledger.history.state import Round
from ledger.party.connection import Connection
from ledger.party.pins import update_pin
from ledger.rounds.facts import roll_of
from ledger.rounds.receipts import Roll


@dataclass(frozen=True, slots=True)
class Owed:
    """A file of at most `size` bytes that members owe to each other: the update of member `index` in a round."""

    job: int
    round: int
    index: int
    file: Cid
    size: int

    @property
    def pin(self) -> str:
        """The name under which a copy is kept."""
        return update_pin(self.job, self.round, self.index)


@dataclass(frozen=True, slots=True)
class Anchor:
    """A block that was seen: number and hash."""

    number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Duties:
    """As of `tip`: the rolls of rounds under way by job and round, the digests of commitments that are not opened, and
    files owed by job, round and CID, which any member of the roll may push.
    """

    tip: Anchor = Anchor(-1, b"")
    rolls: Mapping[tuple[int, int], Roll] = field(default_factory=dict)
    unopened: Mapping[tuple[int, int], frozenset[bytes]] = field(default_factory=dict)
    files: Mapping[tuple[int, int, Cid], Owed] = field(default_factory=dict)


def duties_of(connection: Connection) -> Duties:
    """Those of the history as the connection has it. A job whose document is not here owes no files yet."""
    history, seen = connection.history, connection.follower.tip
    rounds = [round_ for state in history.jobs.values() if state.open and (round_ := state.current) is not None]
    under_way = [round_ for round_ in rounds if not round_.phase.terminal]
    rolls = {(one.job, one.number): roll_of(connection.place, one) for one in under_way}
    unopened = {(one.job, one.number): frozenset(made.digest for made in one.unopened) for one in under_way}
    files = {(owed.job, owed.round, owed.file): owed for one in under_way for owed in _owed(connection, one)}
    return Duties(Anchor(seen.number, seen.hash), rolls, unopened, files)


def _owed(connection: Connection, round_: Round) -> Iterator[Owed]:
    try:
        size = connection.documents.get(connection.history.jobs[round_.job], seconds=0).layout.size
    except (Malformed, Unavailable):
        return
    for update in round_.updates.values():
        yield Owed(round_.job, round_.number, update.index, of_file(update.cid, size), size)
