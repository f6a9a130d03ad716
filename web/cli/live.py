"""The view that a server shows, kept up to date by threads while it is open."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ledger.config import Home, Network, at_node, load_network
from web.cli.access import Access
from web.cli.relayer import unlock_payer

if TYPE_CHECKING:
    from ledger.party.connection import Connection
    from web.notify.hook import Hook
    from web.view import View


@dataclass(frozen=True, slots=True)
class LedgerReader:
    """As whom the consortium is read: as the party at home or, with a network file, as anyone."""

    network_file: Path | None
    home: Home
    rpc: str | None

    @classmethod
    def of(cls, network_file: Path | None, home: Home, rpc: str | None) -> Self:
        """As the party at home, too, where the network file is of the consortium that the home has joined, and no other
        chain node is asked for: its own store has what others may not have.
        """
        if network_file is not None and rpc is None and home.network_file.exists():
            named, joined = load_network(network_file), load_network(home.network_file)
            if (named.chain.id, named.founding, named.contracts) == (
                joined.chain.id,
                joined.founding,
                joined.contracts,
            ):
                return cls(None, home, None)
        return cls(network_file, home, rpc)

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
    reader: LedgerReader,
    access: Access,
    payment: Payment | None,
    *,
    source: bool,
    reports: Path | None = None,
    hook: "Hook | None" = None,
    **settings: Any,
) -> Iterator["View"]:
    """The view of a consortium, up to date while it is open; with a relayer if there is a key that pays.

    `source`: whether audits compile the contracts; `reports`: a folder of other auditors' signed reports; `hook`: where
    news are posted; `settings` are the view's own.
    """
    from ledger.http.outgoing import outgoing_of
    from ledger.store.home import open_store
    from web.notify.webhook import Webhook
    from web.reading.audits.auditors import Auditors
    from web.reading.audits.history import AuditHistory
    from web.reading.background import Live
    from web.reading.desk.gateways import Gateways
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
        audits = AuditHistory(network, home.folder / "audits.json")
        auditors = Auditors(reports, network) if reports else None
        live = Live(latest, library, reader.visit, reader.look, source=source, audits=audits, auditors=auditors)
        stack.enter_context(live)
        if relayer is not None:
            stack.enter_context(relayer)
        if hook is not None:
            stack.enter_context(Webhook(hook, latest, network, outgoing_of(network), home.folder / "webhook.json"))
        settings["gateways"] = stack.enter_context(Gateways(latest, network))
        settings |= {"hosts": access.hosts, "read": access.read, "origin": access.origin}
        yield View(network, latest, library, sessions=home.folder / "sessions.json", relayer=relayer, **settings)
