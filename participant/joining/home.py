"""A party's home, made once: its key and its settings."""

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ledger.config import Home, save
from ledger.errors import UsageError

if TYPE_CHECKING:
    from ledger.keys import Signer


def make_home(
    home: Home,
    passphrase_file: Path | None,
    *,
    name: str = "",
    data: Path | None = None,
    validation: Path | None = None,
    light: bool = False,
) -> "Signer":
    """Make a key, encrypted with a passphrase, and keep settings as `keep_settings` does; the key.

    Raises UsageError where there is a key already, or a data file is not there.
    """
    from ledger.keys import create, read_passphrase

    if home.keystore.exists():
        raise UsageError("there is a key file already; it is not overwritten", file=str(home.keystore))
    _require_files(data, validation)
    signer = create(home.keystore, read_passphrase(passphrase_file, confirm=True), light=light)
    keep_settings(home, name=name, data=data, validation=validation)
    return signer


def keep_settings(home: Home, *, name: str = "", data: Path | None = None, validation: Path | None = None) -> None:
    """Keep a name, where the home has none, and the data files that are given.

    Raises UsageError where a data file is not there.
    """
    _require_files(data, validation)
    before = home.settings()
    given = {"data": data, "validation": validation}
    files = {field: str(path.resolve()) for field, path in given.items() if path is not None}
    after = msgspec.structs.replace(before, name=before.name or name, **files)
    if after != before or not home.settings_file.exists():
        save(home.settings_file, after)


def _require_files(*paths: Path | None) -> None:
    for path in paths:
        if path is not None and not path.is_file():
            raise UsageError("no such data file", file=str(path))
