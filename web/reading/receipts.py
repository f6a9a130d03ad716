"""What the newest aggregates name, read in the background: receipts, who signed to hold which update; carried files."""

from collections.abc import Iterator
from itertools import islice

from ledger.config import Network
from ledger.errors import FedledgerError, Malformed
from ledger.formats.cid import RAW, Cid
from ledger.formats.digest import sha256
from ledger.history.state import Aggregate, Round
from ledger.rounds import server_state
from ledger.rounds.carried import Carried
from ledger.rounds.facts import Place, roll_of
from ledger.rounds.inputs import Fetch
from ledger.rounds.receipts import MAX_SIZE, certified, held, parse
from web.reading.latest import FetchedReceipts, MissingFile
from web.reading.snapshot import Snapshot

NEWEST = 16
"""Receipts are read of so many of the newest rounds of each job."""
_EMPTY = sha256(b"")


def wanted(snapshot: Snapshot) -> Iterator[tuple[Round, Aggregate]]:
    """The aggregates of the newest rounds, newest first."""
    for state in snapshot.jobs.values():
        for round_ in islice(reversed(state.rounds.values()), NEWEST):
            for aggregate in reversed(round_.aggregates):
                yield round_, aggregate


def read(network: Network, round_: Round, aggregate: Aggregate, fetch: Fetch) -> FetchedReceipts | MissingFile:
    """What the receipts file that an aggregate names says of the round's updates, or why it could not be read."""
    roll = roll_of(Place(network.chain.id, network.contracts.ledger.address), round_)
    try:
        data = b"" if aggregate.receipts == _EMPTY else _bytes(aggregate.receipts, fetch)
        receipts = parse(data)
    except Malformed as error:
        return MissingFile(error.message, final=True)
    except FedledgerError as error:
        return MissingFile(error.message)
    return FetchedReceipts(len(receipts), held(receipts, roll), frozenset(certified(receipts, roll)))


def read_carried(aggregate: Aggregate, fetch: Fetch) -> Carried | MissingFile:
    """What the carried file that an aggregate names says, or why it could not be read."""
    try:
        return server_state.read_carried(aggregate.carried, fetch)
    except Malformed as error:
        return MissingFile(error.message, final=True)
    except FedledgerError as error:
        return MissingFile(error.message)


def _bytes(digest: bytes, fetch: Fetch) -> bytes:
    return b"".join(bytes(piece) for piece in fetch(Cid(RAW, digest), 0, MAX_SIZE + 1))
