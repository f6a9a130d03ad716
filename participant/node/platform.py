"""What trusted hardware says of this machine: a file of the home's choice, bound to an update by its header."""

from pathlib import Path

from ledger.config import Home
from ledger.errors import Malformed, UsageError
from ledger.files.foreign import read_foreign
from ledger.platforms.documents import LARGEST


def platform_document(folder: Path) -> bytes:
    """The document that a home's settings name, as it is now; empty where they name none.

    Raises UsageError where it cannot be read, or is empty or longer than 1 MiB: an update without it would say less
    than its party meant to say.
    """
    home = Home(folder)
    named = home.settings().platform
    if not named:
        return b""
    path, advice = folder / named, "put a document there, or leave platform out of node.toml"
    try:
        document = read_foreign(path, "the platform document", LARGEST)
    except OSError as error:
        raise UsageError(f"the platform document cannot be read: {error.strerror}", advice=advice, file=path) from error
    except Malformed as error:
        raise UsageError(error.message, advice=advice, file=path) from error
    if not document:
        raise UsageError("the platform document is empty", advice=advice, file=path)
    return document
