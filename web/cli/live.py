"""The view that a server shows, kept up to date by threads while it is open."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.config import Home, Network, at_node, load_network
from web.cli.access import Access
from web.cli.relayer import unlock_payer

if TYPE_CHECKING:
    from ledger.party.connection import Connection
    from web.view import View


@dataclass(frozen=True, slots=True)
class LedgerReader:
    """As whom the consortium is read: as the party at home or, with a network file, as anyone."""

    network_file: Path | None
    home: Home
    rpc: str | None

    def network(self) -> Network:
        if self.network_file is None:
            return self.home.network()
        return at_node(self.home.reached(load_network(self.network_file)), self.rpc)

    def look(self) -> "Connection":
        """A connection to chain and content."""
        from ledger.cli.connect import look

        return look(self.network_file, self.home, self.rpc)

    def visit(self) -> "Connection":
        """A connection to the chain alone."""
        from ledger.party.connection import Connection

        return self.look() if self.network_file else Connection.visit(self.home.network(), self.home.folder)


@dataclass(frozen=True, slots=True)
class Payment:
    """The keystore of the key that pays, and the file of its passphrase: None to ask for it at the terminal."""

    keystore: Path
    passphrase_file: Path | None


@contextmanager
def live_view(
    reader: LedgerReader, access: Access, payment: Payment | None, *, rate: float, source: bool
) -> Iterator["View"]:
    """The view of a consortium, up to date while it is open; with a relayer if there is a key that pays.

    `rate` is in requests a second for one address, 0 for any number; `source`: whether audits compile the contracts.
    """
    from ledger.store.home import open_store
    from web.reading.background import Live
    from web.reading.latest import Latest
    from web.reading.library import Library
    from web.relay.relayer import Relayer
    from web.view import View

    network, home, latest, relayer = reader.network(), reader.home, Latest(), None
    with ExitStack() as stack:
        if payment is not None:
            signer = unlock_payer(payment.keystore, payment.passphrase_file, network, reader.visit)
            relayer = Relayer(network, latest, signer, home.folder / "relay")
        store = open_store(home) if reader.network_file is None else None
        if store is not None:
            stack.callback(store.close)
        library = Library(latest, network, store, public=access.read == "public")
        stack.enter_context(Live(latest, library, reader.visit, reader.look, source=source))
        if relayer is not None:
            stack.enter_context(relayer)
        sessions = home.folder / "sessions.json"
        yield View(network, latest, library, rate, access.hosts, access.read, access.origin, sessions, relayer)
