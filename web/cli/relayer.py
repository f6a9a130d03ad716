"""The key that pays for what members sign: making it, and unlocking it for a server that relays."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli.options import home_option, json_option, passphrase_option
from ledger.config import Home, Network
from ledger.errors import Unavailable

if TYPE_CHECKING:
    from ledger.keys import Signer
    from ledger.party.connection import Connection

KEYSTORE = "relayer.json"


def unlock_payer(
    path: Path, passphrase_file: Path | None, network: Network, visit: Callable[[], "Connection"]
) -> "Signer":
    """The relayer's key. Raises RelayersKey if it is or was a member's.

    If the chain cannot be read now, the relayer checks before it sends anything.
    """
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

    It pays for what members sign, and has no rights: it must not belong to a member. On a chain with fees, fund it.

    \b
    Example:  fedledger web relayer
    """
    import json

    from ledger.keys import create, read_passphrase

    path = keystore or home.folder / KEYSTORE
    signer = create(path, read_passphrase(passphrase_file, confirm=True), light=light)
    click.echo(json.dumps({"address": signer.address, "keystore": str(path)}) if as_json else signer.address)
