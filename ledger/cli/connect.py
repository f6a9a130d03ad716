"""Opening a connection for a command: to look, as a party or as anyone with the network file, or to act as a member."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.config import Home, at_node, load_network
from ledger.formats.digest import sha256
from ledger.party.connection import Connection

if TYPE_CHECKING:
    from ledger.chain.sender import Sender
    from ledger.keys import LocalSigner


def look(network_file: Path | None, home: Home, rpc: str | None = None) -> Connection:
    """With a network file given, look as an outsider, with a cache of one's own; else as the party at home.

    `rpc` names a chain node to ask instead of the network file's; a party at home sets its own in node.toml.
    """
    if network_file is None:
        return Connection.open(home)
    network = load_network(network_file)
    cache = home.folder / "visits" / sha256(network_file.read_bytes()).hex()[:16]
    return Connection.visit(at_node(home.reached(network), rpc), cache)


@contextmanager
def act(home: Home, passphrase_file: Path | None) -> Iterator[tuple[Connection, "Sender"]]:
    """Connect as the member whose key is in the home's keystore, ready to send."""
    with unlocked(home, passphrase_file) as (connection, signer):
        yield connection, connection.sender(signer)


@contextmanager
def unlocked(home: Home, passphrase_file: Path | None) -> Iterator[tuple[Connection, "LocalSigner"]]:
    """Connect as the member whose key is in the home's keystore, ready to sign."""
    from ledger.keys import read_passphrase, unlock

    with Connection.open(home) as connection:
        connection.refresh()
        yield connection, unlock(home.keystore, read_passphrase(passphrase_file), chain_id=connection.network.chain.id)


@contextmanager
def pay(
    network_file: Path | None, home: Home, keystore: Path | None, passphrase_file: Path | None
) -> Iterator[tuple[Connection, "Sender"]]:
    """Connect with any key, ready to send what anyone may send. What the key has on its way lies beside it."""
    from ledger.chain.sender import Sender
    from ledger.keys import read_passphrase, unlock

    with look(network_file, home) as connection:
        connection.refresh()
        paying = keystore or home.keystore
        signer = unlock(paying, read_passphrase(passphrase_file), chain_id=connection.network.chain.id)
        yield connection, Sender(connection.client, signer, paying.parent / "outbox")
