"""Opening a connection for a command: to look, as a party or as anyone with the network file, or to act as a member."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.config import Home, at_node, load_network
from ledger.errors import UsageError
from ledger.files.foreign import read_named
from ledger.formats.digest import sha256
from ledger.party.connection import Connection

if TYPE_CHECKING:
    from ledger.chain.sender import Sender
    from ledger.keys import Signer


def look(network_file: Path | None, home: Home, rpc: str | None = None) -> Connection:
    """With a network file given, look as an outsider, with a cache of one's own; else as the party at home.

    `rpc` names a chain node to ask instead of the network file's; a party at home sets its own in node.toml.
    """
    if network_file is None:
        if not home.keystore.exists() and not home.network_file.exists():
            lacking = "this home has no key" if home.folder.exists() else "there is no home here"
            raise UsageError(
                f"{lacking}, and no network file is named; an outsider adds --network NETWORK.toml, and needs no more",
                advice=home.command("node", "init"),
                home=str(home.folder),
            )
        return Connection.open(home)
    network = load_network(network_file)
    cache = home.folder / "visits" / sha256(read_named(network_file)).hex()[:16]
    return Connection.visit(at_node(home.reached(network), rpc), cache)


@contextmanager
def act(home: Home, passphrase_file: Path | None) -> Iterator[tuple[Connection, "Sender"]]:
    """Connect as the member whose key is in the home's keystore, ready to send."""
    with unlocked(home, passphrase_file) as (connection, signer):
        yield connection, connection.sender(signer)


@contextmanager
def unlocked(
    home: Home, passphrase_file: Path | None, *, lasting: bool = False
) -> Iterator[tuple[Connection, "Signer"]]:
    """Connect as the member whose key is in the home's keystore, ready to sign.

    What is `lasting` opens the key itself: a keys agent would forget it in the middle.
    """
    with Connection.open(home) as connection:
        connection.refresh()
        chain = connection.network.chain.id
        yield connection, signer_of(home.keystore, passphrase_file, chain, agent=not lasting)


def signer_of(keystore: Path, passphrase_file: Path | None, chain_id: int, *, agent: bool = True) -> "Signer":
    """The key of a file: in the keys agent that holds it, unless a passphrase file is named; else decrypted here."""
    from ledger.keys import find_agent, read_passphrase, unlock

    held = find_agent(keystore, chain_id) if agent and passphrase_file is None else None
    return held or unlock(keystore, read_passphrase(passphrase_file), chain_id=chain_id)


@contextmanager
def pay(
    network_file: Path | None, home: Home, keystore: Path | None, passphrase_file: Path | None
) -> Iterator[tuple[Connection, "Sender"]]:
    """Connect with any key, ready to send what anyone may send. What the key has on its way lies beside it."""
    from ledger.chain.sender import Sender

    with look(network_file, home) as connection:
        connection.refresh()
        paying = keystore or home.keystore
        signer = signer_of(paying, passphrase_file, connection.network.chain.id)
        yield connection, Sender(connection.client, signer, paying.parent / "outbox")
