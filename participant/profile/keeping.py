"""A columns file that was made is kept beside its table; one that was there stays as .bak."""

from pathlib import Path

from ledger.store import disk
from participant.tasks.data.sources.columns_file import content_of, is_there


def keep(path: Path, content: bytes) -> None:
    """Write the columns file; one that was there stays beside it. At no time is there none: a node that reads the table
    meanwhile would take it for plain CSV.
    """
    if is_there(path):
        disk.write_private(path.with_name(path.name + ".bak"), [content_of(path)])
    disk.write_private(path, [content])
