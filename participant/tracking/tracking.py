"""A ledger followed into MLflow."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ledger.errors import Unavailable
from ledger.party.connection import Connection
from participant.tracking.facts import read
from participant.tracking.library import client_of, translated
from participant.tracking.writing import TrackingAdded, Writer

POLL, RETRY = 2.0, 5.0


@dataclass(frozen=True, slots=True)
class TrackingPass:
    """One look at the ledger: what it added there, and what could not be read."""

    written: TrackingAdded
    troubles: tuple[str, ...]


def track(connection: Connection, tracking: str, job: int | None = None, prefix: str = "") -> TrackingPass:
    """Write what is missing. Raises as `Writer.write`, `facts.read` and `library.translated`."""
    client = client_of(tracking)
    facts = read(connection, job)
    with translated(tracking):
        return TrackingPass(Writer(client, prefix).write(facts), facts.troubles)


def follow(
    connection: Connection, tracking: str, job: int | None, prefix: str, note: Callable[[str], None]
) -> Iterator[TrackingPass]:
    """The same for as long as it is asked: a pass for each change of the chain. A chain or an MLflow that is away is
    waited for; `note` hears of it once.
    """
    said = ""
    while True:
        try:
            yield track(connection, tracking, job, prefix)
            said = ""
            connection.follower.wait(POLL)
        except Unavailable as error:
            if error.message != said:
                note(said := error.message)
            time.sleep(RETRY)
