"""Where a release is taken from: the ledger, or a folder, with a chain to ask or without."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.config import Home
from ledger.errors import UsageError
from ledger.formats.text import command
from ledger.jobs.permitted_use import day_of, require_permitted
from ledger.releases.file import JOB_FILE, NAME
from participant.predicting.predictor import Predictor
from participant.predicting.released import CARD, FoundRelease, current_of, from_folder, from_ledger, still_in_use

if TYPE_CHECKING:
    from ledger.party.connection import Connection


@dataclass
class OpenRelease:
    """A release that is open: where it is from, and, in `notes`, what its user should know.

    It has a `folder`, or the `connection` that it was found by, or both; `names` are the folder's files of the release.
    """

    released: FoundRelease
    connection: "Connection | None"
    folder: Path | None
    notes: list[str] = field(default_factory=list)
    names: tuple[str, ...] = (NAME, CARD, JOB_FILE)

    @cached_property
    def predictor(self) -> Predictor:
        """Raises as `Predictor.of`."""
        return Predictor.of(self.released)

    def require_permitted(self) -> None:
        """Raise as `require_permitted_now`; whose day that went by is noted, where the use ends at all."""
        day, use = require_permitted_now(self.released), self.released.job.permitted_use
        if use is not None and use.expires:
            self.notes.append(day.words)

    def look_again(self) -> None:
        """Raise as `still_in_use` where the release may no longer be used; nothing where no chain is asked."""
        if self.connection is not None:
            still_in_use(self.connection, self.released)


@contextmanager
def opened(
    release: str, network_file: Path | None, home: Home, rpc: str | None = None, *, offline: bool = False
) -> Iterator[OpenRelease]:
    """A release by name, or by the folder that `fedledger release fetch` wrote.

    A folder's is held against the chain where there is one to ask: a network file, or that of the home. Raises as
    `from_ledger`, `from_folder` and `still_in_use`; UsageError where a name is asked for offline.
    """
    folder = Path(release) if Path(release).is_dir() else None
    if folder is not None and (offline or (network_file is None and not home.network_file.exists())):
        found = from_folder(folder)
        yield OpenRelease(found, None, folder, [] if found.root_checked else _unchecked(folder))
        return
    if offline:
        raise UsageError(
            "offline, a release is a folder that was fetched before",
            advice=f"fedledger release fetch {release}, and name the folder",
            folder=release,
        )
    from ledger.cli.connect import look

    with look(network_file, home, rpc) as connection:
        found = _held(connection, folder) if folder else from_ledger(connection, release)
        other = current_of(connection, found)
        notes = [f"the current release of this name is {other.name}@{other.version}"] if other else []
        yield OpenRelease(found, connection, folder, notes)


def _unchecked(folder: Path) -> list[str]:
    """What is not known of a root that no chain was asked about, and how to know it. Nothing is wrong."""
    return [
        "the root is as the file says: it was not made again, since the file has the",
        "model's large values rounded; to compare file and root with the ledger:",
        f"  {command('release', 'verify', folder, '--network', 'network.toml')}",
    ]


def _held(connection: "Connection", folder: Path) -> FoundRelease:
    """A folder's release, held against the chain. A file whose values are rounded only says which root it has: it is
    compared with the ledger's own model, which is then the one to predict with. Raises as `opened`.
    """
    found = still_in_use(connection, from_folder(folder))
    if found.root_checked:
        return found
    from ledger.party.publishing import verify

    verify(connection, folder, found.title)
    return from_ledger(connection, found.title)


@dataclass(frozen=True, slots=True)
class UseDay:
    """The day, in UTC, that a permitted use is held against, and whose it is."""

    day: date
    by: str

    @classmethod
    def of(cls, chain: int | None) -> "UseDay":
        """This machine's, or that of the chain's latest block, in seconds since 1970, where that is later: a clock that
        is set back prolongs nothing.
        """
        own = datetime.now(UTC).date()
        latest = own if chain is None else day_of(chain)
        return cls(latest, "the chain's latest block") if latest > own else cls(own, "this machine's clock")

    @property
    def words(self) -> str:
        """For people."""
        return f"permitted use held against {self.day.isoformat()} (UTC), by {self.by}"


def require_permitted_now(released: FoundRelease, chain: int | None = None) -> UseDay:
    """The day on which the release may be used, by the clock or by the chain's latest block: the one that it was found
    at, or a later one, in seconds since 1970.

    Raises `ledger.jobs.permitted_use.Expired` where the permitted use of the release's job has ended by then.
    """
    now = UseDay.of(max((time for time in (chain, released.at_time) if time is not None), default=None))
    require_permitted(released.job.permitted_use, now.day, "using this model", now.by)
    return now
