"""Opening a connection for a command that only looks: as a party, or as anyone with the network file."""

from pathlib import Path

from ledger.config import Home, load_network
from ledger.connection import Connection
from ledger.digest import sha256


def look(network_file: Path | None, home: Home) -> Connection:
    """With a network file given, look as an outsider, with a cache of one's own; else as the party at home."""
    if network_file is None:
        return Connection.open(home)
    network = load_network(network_file)
    cache = home.folder / "visits" / sha256(network_file.read_bytes()).hex()[:16]
    return Connection.visit(network, cache)
