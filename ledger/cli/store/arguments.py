"""What the commands of a store share: the home's store, opened, and how a file and a CID are given."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli.streams import STDIO
from ledger.config import Home
from ledger.errors import UsageError

if TYPE_CHECKING:
    from ledger.formats.cid import Cid
    from ledger.store import Store
    from ledger.store.embedded import Embedded

CID = click.argument("cid", callback=lambda _context, _parameter, value: _cid(value))
FILE = click.Path(path_type=Path, dir_okay=False, allow_dash=True)


@contextmanager
def opened_store(home: Home, *, create: bool = False) -> Iterator["Store"]:
    from ledger.store.home import open_store

    opened = open_store(home, create=create)
    try:
        yield opened
    finally:
        opened.close()


def check_input(file: Path) -> None:
    """Raises UsageError for a standard input that was closed before this process began: it is not a file of no bytes,
    as an open one without any is.
    """
    if str(file) == STDIO and sys.__stdin__ is None:
        raise UsageError("standard input is closed", advice="pipe the bytes into this command, or name a file")


@contextmanager
def embedded_store(home: Home) -> Iterator["Embedded"]:
    from ledger.store.embedded import Embedded

    with opened_store(home) as opened:
        if not isinstance(opened, Embedded):
            raise UsageError(
                f"{opened.name} is not a folder of ours", advice="use the daemon's own `ipfs repo` commands"
            )
        yield opened


def _cid(text: str) -> "Cid":
    from ledger.formats.cid import Cid

    return Cid.parse(text)
