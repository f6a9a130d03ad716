"""What every export says of the release inside it, as texts under the same names."""

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ledger.formats.digest import encode
from ledger.releases.card import FILE as CARD
from participant.predicting.released import FoundRelease
from participant.predicting.sources import OpenRelease
from participant.tasks.data.tables import read_bytes

if TYPE_CHECKING:
    from ledger.releases.card import Card

MAX_CARD = 16 << 20
PREFIX = "fedledger."


def properties(released: FoundRelease, card: str) -> dict[str, str]:
    """Names begin with `fedledger.`; `card` is the release's README.md."""
    found = {name: str(value) for name, value in released.document().items()}
    use, task = released.job.permitted_use, released.job.task
    found |= {"task": task.name, "task_version": task.version, "task_code": task.code}
    found["settings"] = encode(task.settings).decode()
    if use is not None:
        found["permitted_use"] = encode(msgspec.to_builtins(use)).decode()
    if released.job.preparation is not None:
        found["preparation"] = encode(released.job.preparation).decode()
    return {f"{PREFIX}{name}": value for name, value in found.items()} | {f"{PREFIX}card": card}


def card_of(source: OpenRelease) -> str:
    """The card of an open release. Raises as `ledger.party.publishing.card_of`."""
    if source.folder is not None:
        return read_bytes(source.folder / CARD, MAX_CARD).decode()
    return ledger_card(source).text()


def ledger_card(source: OpenRelease) -> "Card":
    """The same, of a release that was found on the ledger."""
    from ledger.party.publishing import card_in_use

    connection = source.connection
    assert connection is not None  # noqa: S101 - a source without a folder has one
    return card_in_use(connection, source.released.title)


def files_of(source: OpenRelease, folder: Path) -> list[Path]:
    """Write the release's own files into a folder: its model, card and job. Raises as `release fetch`."""
    from ledger.party.publishing import write
    from ledger.store import disk

    if source.folder is None:
        connection = source.connection
        assert connection is not None  # noqa: S101
        return write(connection, ledger_card(source), folder)
    with disk.translated(folder):
        folder.mkdir(parents=True, exist_ok=True)
    made = []
    for name in source.names:
        disk.write_whole(folder / name, disk.pieces(source.folder / name))
        made.append(folder / name)
    return made
