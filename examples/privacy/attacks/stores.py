"""Three ledgers' stores side by side: one of a job that hides nothing, one of a masked job, one of a noised one."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from ledger.store import Store
from ledger.store.embedded import Embedded

NAMES = ("open", "masked", "noised")


class Stores:
    """Folders `open`, `masked` and `noised` in a folder, made where they are missing. Jobs are numbered from 1."""

    def __init__(self, folder: Path) -> None:
        self._stores: tuple[Store, ...] = tuple(
            Embedded(folder / name, create=True, name=f"{name} ledger's store") for name in NAMES
        )
        self._jobs = count(1)

    def __iter__(self) -> Iterator[Store]:
        return iter(self._stores)

    def job(self) -> int:
        """The next job's number."""
        return next(self._jobs)

    def close(self) -> None:
        for store in self._stores:
            store.close()
