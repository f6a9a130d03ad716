"""`fedledger keys`: a member's key."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli.options import home_option, json_option, passphrase_option
from ledger.cli.screen import say
from ledger.config import Home, load_network

if TYPE_CHECKING:
    pass

FILE = click.Path(path_type=Path, dir_okay=False)
NEXT = "keystore.next.json"
"""In the home: the key that a rotation goes on with, while it is on its way."""
_keystore_option = click.option("--keystore", type=FILE, help="Key file.  [default: in home]")
_new_option = click.option(
    "--new-passphrase-file", "new_file", type=FILE, help="File, mode 0600, with the new passphrase.  [default: ask]"
)


@click.group()
def keys() -> None:
    """Make, show, hold and replace a member's key."""


@keys.command()
@click.option("--light", is_flag=True, help="Quick to open and to guess: for the local chain only.")
@_keystore_option
@passphrase_option
@home_option
@json_option
def create(light: bool, keystore: Path | None, passphrase_file: Path | None, home: Home, as_json: bool) -> None:
    """Make a new key, encrypted with a passphrase, and print its address. A key file is never overwritten.

    \b
    Example:  fedledger keys create
    """
    from ledger.keys import create as create_key
    from ledger.keys import read_passphrase

    path = keystore or home.keystore
    signer = create_key(path, read_passphrase(passphrase_file, confirm=True), light=light)
    _say(signer.address, path, as_json)


@keys.command()
@_keystore_option
@passphrase_option
@home_option
@json_option
def show(keystore: Path | None, passphrase_file: Path | None, home: Home, as_json: bool) -> None:
    """Print a key's address.

    This needs no passphrase, unless one is given, or the key file names no address (some tools leave it out): then the
    file is opened, and the address is its key's own.

    \b
    Example:  fedledger keys show
    """
    from ledger.errors import Malformed, UsageError
    from ledger.keys import address_of, read_passphrase, unlock

    path = keystore or home.keystore
    address = ""
    if passphrase_file is None:
        try:
            address = address_of(path)
        except Malformed:
            raise
        except UsageError:
            if not path.exists():
                raise
    _say(address or unlock(path, read_passphrase(passphrase_file)).address, path, as_json)


@keys.command(short_help="Encrypt a key file again.")
@_keystore_option
@passphrase_option
@_new_option
@home_option
@json_option
def passphrase(
    keystore: Path | None, passphrase_file: Path | None, new_file: Path | None, home: Home, as_json: bool
) -> None:
    """Encrypt a key file again, at full cost, under a new passphrase or the same.

    For a passphrase that others may know, and for key files of other tools: quick ones are refused on any chain but the
    local one, and some name no address. The key stays the same; on the ledger nothing changes.

    \b
    Example:  fedledger keys passphrase
    """
    from ledger.keys import encrypt_again

    path = keystore or home.keystore
    old, new = _old_and_new(passphrase_file, new_file)
    _say(encrypt_again(path, old, new).address, path, as_json)


@keys.command(short_help="Go on with a new key.")
@passphrase_option
@_new_option
@home_option
@json_option
def rotate(passphrase_file: Path | None, new_file: Path | None, home: Home, as_json: bool) -> None:
    """Make a new key, have it speak for this member on the ledger, and keep it as the home's.

    The old key file stays beside it, named by its address: what it signed stays its own. Interrupted, the same command
    goes on where it was. Start a running node again afterwards.

    \b
    Example:  fedledger keys rotate
    """
    from ledger.cli.connect import unlocked
    from ledger.keys import address_of, create, is_light_file, put_in_place, read_passphrase
    from ledger.party.acts.rotation import rotate

    beside = home.folder / NEXT
    with unlocked(home, passphrase_file) as (connection, signer):
        if not beside.exists():
            new = read_passphrase(new_file, confirm=True, what="New passphrase", option="--new-passphrase-file")
            create(beside, new, light=is_light_file(home.keystore))
        member = rotate(connection, connection.sender(signer), address_of(beside))
        name = connection.name(member.index)
    put_in_place(beside, home.keystore, home.folder / f"keystore-{signer.address}.json")
    exports = f"\nNext: {home.command('release', 'provenance', 'key')}" if home.export_key.exists() else ""
    say(
        as_json,
        f"{name} goes on with {member.key}; start its node again{exports}",
        address=member.key,
        before=signer.address,
        member=member.index,
        keystore=str(home.keystore),
    )


@keys.command(short_help="Approve another member's new key.")
@click.argument("member", type=click.IntRange(0, 254))
@click.argument("key")
@passphrase_option
@home_option
@json_option
def recover(member: int, key: str, passphrase_file: Path | None, home: Home, as_json: bool) -> None:
    """Approve that MEMBER, by number, go on with KEY, an address, because its own key is lost or stolen.

    A majority of the members has to approve the same key; the last approval replaces it. Ask the member by another way
    than the one by which the request came. It makes KEY in a new home by `fedledger node init`, and needs no other key
    to ask; once it is replaced, it joins by the network file.

    \b
    Example:  fedledger keys recover 2 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266
    """
    from ledger.cli.connect import act
    from ledger.formats.digest import read_address
    from ledger.history.jobs import approvals_needed
    from ledger.party.acts.rotation import approve_recovery

    new = read_address(key, "KEY")
    with act(home, passphrase_file) as (connection, sender):
        found = approve_recovery(connection, sender, member, new)
        name, history = connection.name(member), connection.history
        approvals, needed = history.recovering(member, new), approvals_needed(history.members)
    done = found.key == new
    if done:
        text = f"{name} goes on with {new}\nNext, at {name}, whose home has that key: fedledger join NETWORK.toml"
    else:
        text = f"approved by {approvals} of the {needed} members that it takes; the others type:\n  "
        text += f"fedledger keys recover {member} {new}"
    say(as_json, text, member=member, key=new, done=done, approvals=approvals, needed=needed)


@keys.command(short_help="Hold a key, so that it is opened once.")
@click.option("--minutes", type=click.IntRange(1, 720), default=60, show_default=True, help="How long to hold it.")
@_keystore_option
@passphrase_option
@home_option
def agent(minutes: int, keystore: Path | None, passphrase_file: Path | None, home: Home) -> None:
    """Open the key once, and sign with it for this user's commands until the time is over, or Ctrl-C.

    Other commands find the agent by themselves, unless they are given --passphrase-file. It signs for the home's chain
    alone, signs no payments, and never sends the key. It runs until it is ended: leave it in a terminal of its own.

    \b
    Example:  fedledger keys agent --minutes 120
    """
    from ledger.keys import read_passphrase, unlock
    from ledger.keys.agent import Agent, guard_memory

    path = keystore or home.keystore
    chain = load_network(home.network_file).chain.id
    guard_memory()
    signer = unlock(path, read_passphrase(passphrase_file), chain_id=chain)
    held = f"holding {signer.address} for chain {chain}, {minutes} min; Ctrl-C forgets it"
    said: list[str] = []

    def say(_: Path) -> None:
        said.append(held)
        click.echo(held)

    try:
        Agent(signer, chain).serve(path, 60.0 * minutes, say)
    finally:
        if said:
            click.echo("the key is forgotten")


def _old_and_new(old: Path | None, new: Path | None) -> tuple[str, str]:
    from ledger.keys import read_passphrase

    present = read_passphrase(old, what="Present passphrase")
    return present, read_passphrase(new, confirm=True, what="New passphrase", option="--new-passphrase-file")


def _say(address: str, path: Path, as_json: bool) -> None:
    say(as_json, address, address=address, keystore=str(path))
