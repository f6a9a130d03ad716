"""`fedledger keys`: a member's key."""

from pathlib import Path

import click

from ledger.cli.options import home_option, json_option, passphrase_option
from ledger.cli.screen import say
from ledger.config import Home


@click.group()
def keys() -> None:
    """Make and show a member's key."""


@keys.command()
@click.option("--light", is_flag=True, help="Quick to open and to guess: for the local chain only.")
@click.option("--keystore", type=click.Path(path_type=Path, dir_okay=False), help="File to make.  [default: in home]")
@passphrase_option
@home_option
@json_option
def create(light: bool, keystore: Path | None, passphrase_file: Path | None, home: Home, as_json: bool) -> None:
    """Make a new key, encrypted with a passphrase, and print its address. A key file is never overwritten."""
    from ledger.keys import create as create_key
    from ledger.keys import read_passphrase

    path = keystore or home.keystore
    signer = create_key(path, read_passphrase(passphrase_file, confirm=True), light=light)
    _say(signer.address, path, as_json)


@keys.command()
@click.option("--keystore", type=click.Path(path_type=Path, dir_okay=False), help="File to read.  [default: in home]")
@home_option
@json_option
def show(keystore: Path | None, home: Home, as_json: bool) -> None:
    """Print a key's address; this needs no passphrase."""
    from ledger.keys import address_of

    path = keystore or home.keystore
    _say(address_of(path), path, as_json)


def _say(address: str, path: Path, as_json: bool) -> None:
    say(as_json, address, address=address, keystore=str(path))
