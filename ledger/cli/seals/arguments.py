"""What the commands of seals share: read keys and readers as they are given, and slips that a home makes and signs."""

from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ledger.errors import Malformed

if TYPE_CHECKING:
    from ledger.config import Home
    from ledger.keys import Signer
    from ledger.masks.secret import Secret
    from ledger.party.seals.drawer import Drawer, KeptSlips
    from ledger.seals.keys import ContentKey

F = TypeVar("F", bound=Callable[..., Any])
FILE = click.Path(path_type=Path, dir_okay=False)


def read_key_option(function: F) -> F:
    """--read-key, may be repeated: passes `read_keys`, paths."""
    return click.option(
        "--read-key",
        "read_keys",
        type=FILE,
        multiple=True,
        help="File, mode 0600, with a read key: an age identity. May be repeated.  [default: the home's mask keys]",
    )(function)


def reader_argument(function: F) -> F:
    """READER: passes `reader`, a point."""
    return click.argument("reader", callback=lambda _context, _parameter, value: _point(value))(function)


def round_options(function: F) -> F:
    """--job and --round: passes numbers or None."""
    job = click.option("--job", type=click.IntRange(min=1), help="Of this job alone.  [default: all]")
    return job(click.option("--round", "number", type=click.IntRange(min=1), help="Of this round alone.")(function))


def loaded(paths: Iterable[Path], home: "Home") -> "list[Secret]":
    """The read keys in these files, and the home's mask keys."""
    from ledger.party.seals.read_key_files import load_read_key
    from ledger.party.seals.reader import mask_keys_of

    return [*(load_read_key(path) for path in paths), *mask_keys_of(home.folder)]


def by_file(kept: "Iterable[KeptSlips]") -> "dict[bytes, list[KeptSlips]]":
    """Slips by the digest in their sealed file's CID."""
    found: dict[bytes, list[KeptSlips]] = {}
    for one in kept:
        found.setdefault(one.slips.cid, []).append(one)
    return found


def make_own(drawer: "Drawer", signer: "Signer", key: "ContentKey", cid: bytes, readers: Collection[bytes]) -> None:
    """Make, sign and keep this party's slips of an update, in place of those that it made before."""
    from ledger.seals.slips import make_slips

    made = make_slips(key, cid, readers)
    drawer.put(made.encode() + signer.sign_typed_data(*made.to_sign()))


def _point(text: str) -> bytes:
    from ledger.seals.read_keys import read_point

    try:
        return read_point(text)
    except Malformed as error:
        raise click.BadParameter(error.message) from error
