"""What `fedledger web` needs to let members in and to relay: who may read, and the key that pays."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from ledger.cli.options import home_option, json_option, passphrase_option
from ledger.config import Home, Network
from ledger.errors import Unavailable, UsageError

if TYPE_CHECKING:
    from ledger.keys import Signer
    from ledger.party.connection import Connection
    from web.view import Read

LOOPBACK = ("127.0.0.1", "localhost", "::1")
KEYSTORE = "relayer.json"


@dataclass(frozen=True, slots=True)
class Access:
    """Who may read, the address by which people come, and the names that the server answers to; none: to all."""

    read: "Read"
    origin: str
    hosts: tuple[str, ...]

    @classmethod
    def of(cls, read: "Read", host: str, origin: str | None) -> "Access":
        """What the options say. Raises UsageError where they do not fit together."""
        origin, own = _checked(origin), host in LOOPBACK
        if read == "local" and not own:
            raise UsageError(
                "who listens on another address than this machine's own serves others",
                advice="--read members lets members read, who sign in; --read public everyone",
                host=host,
            )
        if read == "members" and not own and not origin:
            raise UsageError(
                "members could not sign in", advice="--origin https://NAME says by which address they come", host=host
            )
        if origin:
            return cls(read, origin, (str(urlsplit(origin).hostname), *LOOPBACK))
        return cls(read, "", () if read == "public" else LOOPBACK)


def payer(path: Path, passphrase_file: Path | None, network: Network, visit: Callable[[], "Connection"]) -> "Signer":
    """The relayer's key. Raises RelayersKey where it is a member's, or was; where the chain cannot be read now, the
    relayer looks before it sends anything."""
    from ledger.keys import read_passphrase, unlock
    from web.relay.relayer import require_apart

    keystore = path / KEYSTORE if path.is_dir() else path
    signer = unlock(keystore, read_passphrase(passphrase_file), chain_id=network.chain.id)
    try:
        with visit() as connection:
            history = connection.refresh()
    except Unavailable as error:
        click.echo(f"the relayer's key could not be looked up yet: {error.message}", err=True)
    else:
        require_apart(signer.address, {key for member in history.members.values() for key in member.keys})
    return signer


@click.command()
@click.option("--light", is_flag=True, help="Quick to open and to guess: for the local chain only.")
@click.option(
    "--keystore", type=click.Path(path_type=Path, dir_okay=False), help=f"File to make.  [default: {KEYSTORE} in home]"
)
@passphrase_option
@home_option
@json_option
def relayer(light: bool, keystore: Path | None, passphrase_file: Path | None, home: Home, as_json: bool) -> None:
    """Make the key of a relayer, encrypted with a passphrase, and print its address.

    It pays for what members sign, and has no rights: it must be no member's. On a chain that asks fees, send it money.
    """
    import json

    from ledger.keys import create, read_passphrase

    path = keystore or home.folder / KEYSTORE
    signer = create(path, read_passphrase(passphrase_file, confirm=True), light=light)
    click.echo(json.dumps({"address": signer.address, "keystore": str(path)}) if as_json else signer.address)


def _checked(origin: str | None) -> str:
    """An origin as browsers write it. Raises UsageError."""
    if not origin:
        return ""
    try:
        parts = urlsplit(origin)
        good = parts.scheme in {"http", "https"} and parts.hostname and origin == f"{parts.scheme}://{parts.netloc}"
        good = good and origin == origin.lower() and "@" not in origin and origin.isascii() and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise UsageError(
            "this is no origin", advice="a scheme and a name in lower case, as in https://audit.example", actual=origin
        )
    return origin
