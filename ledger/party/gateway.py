"""A party's gateway: one process of its home serves the own store, takes in what others push, and the chain knows under
what address.

A member's node and its aggregator share one home and one store, and an address on chain is a member's, not a process's.
So the process that holds the home's gateway lock serves; the other takes over when that process is gone.
"""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ledger.config import Home, HomeSettings
from ledger.errors import Unavailable, UsageError
from ledger.history.state import Member
from ledger.http import addresses
from ledger.party.connection import Connection
from ledger.party.sharing.desk import Desk
from ledger.party.sharing.duties import Duties, Roster
from ledger.party.sharing.haves import Haves
from ledger.party.sharing.openings import Openings
from ledger.party.sharing.slips import DrawerDesk
from ledger.store.arrivals import Arrivals
from ledger.store.gateway_server import GatewayServer, serve

if TYPE_CHECKING:
    from ledger.chain.sender import Sender
    from ledger.keys import Signer

EVERYWHERE = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  addresses to listen on, by which nobody can reach us


def serve_and_announce(
    connection: Connection,
    sender: "Sender",
    settings: HomeSettings,
    signer: "Signer | None" = None,
    *,
    counts: bool = True,
) -> "Serving":
    """Serve this home's store and put its address on chain if it changed. Call `check` from time to time.

    With `signer` it signs for what others push; `counts` is as for `Exchange`. A store that is not `reachable` is not
    served: an address that was announced for it is withdrawn.

    The connection's history must be fresh. Raises UsageError where the settings make no address or the key does
    not belong to a member, Unavailable where the port is taken, Rejected where the contract refuses the address.
    """
    serving = Serving(connection, sender, settings, signer, counts=counts)
    serving.check()
    return serving


class Serving:
    """The home's gateway, as far as this process serves it; `close` ends that."""

    def __init__(
        self,
        connection: Connection,
        sender: "Sender",
        settings: HomeSettings,
        signer: "Signer | None" = None,
        *,
        counts: bool = True,
    ) -> None:
        from filelock import FileLock

        gateway, self._reachable = settings.gateway, settings.store.reachable
        if self._reachable and gateway.host in EVERYWHERE and not gateway.public_url:
            raise UsageError(
                "a gateway that listens on every address must say by which one others reach it",
                advice="set gateway.public_url in the home's node.toml",
                host=gateway.host,
            )
        if self._reachable and gateway.public_url:
            addresses.gateway(gateway.public_url, "gateway.public_url in node.toml")
        self._connection, self._sender, self._settings = connection, sender, gateway
        home, self._roster = Home(connection.folder), Roster(connection)
        self._arrivals = Arrivals(home.arrivals, connection.store) if connection.store is not None else None
        nudge = connection.follower.nudge
        kept = Openings(home.folder), Haves(home.haves, signer), self._arrivals
        self._desk = Desk(*kept, nudge, DrawerDesk(home.folder), nudge if counts else lambda: None)
        self._lock = FileLock(str(connection.folder / "gateway.lock"), timeout=0, thread_local=False)
        self._gateway: GatewayServer | None = None

    @property
    def here(self) -> bool:
        """Whether this process serves; if not, another process of the same home does."""
        return self._gateway is not None

    @property
    def url(self) -> str:
        """The address by which others reach this home's store; empty where they do not."""
        if not self._reachable:
            return ""
        if self._gateway is None:
            return self._member().gateway
        return self._settings.public_url or self._gateway.url

    def check(self) -> None:
        """Take over where no process of this home serves any more; announce where that failed before, or where the
        chain went back to a time before it.

        Raises as `serve_and_announce`; calling it again is then right.
        """
        if self._reachable:
            if self._gateway is None and not self._start():
                return
            self._take_note(self._roster.now())
            if self._gateway is not None:
                self._gateway.expect(len(self._connection.history.members))
        if self._member().gateway != self.url:
            self._sender.send("consortium", "announce", self.url)
            self._connection.refresh()

    def _take_note(self, duties: Duties) -> None:
        """Take in what is owed as of now, and forget what came of files that no longer are."""
        before, self._desk.duties = self._desk.duties, duties
        if duties.files is before.files or self._arrivals is None:
            return
        owed, known = ({one.file for one in files.values()} for files in (duties.files, before.files))
        if owed != known:
            self._arrivals.sweep(owed)

    def close(self) -> None:
        """Stop serving; calling it again is harmless."""
        if self._gateway is not None:
            self._gateway.close()
            self._gateway = None
            self._lock.release()

    def _start(self) -> bool:
        from filelock import Timeout

        try:
            self._lock.acquire()
        except Timeout:
            return False
        except OSError as error:
            raise Unavailable(f"the gateway cannot be locked: {error}", file=self._lock.lock_file) from error
        try:
            self._gateway = self._serve()
        except BaseException:
            self._lock.release()
            raise
        return True

    def _serve(self) -> GatewayServer:
        store, host, port = self._connection.store, self._settings.host, self._settings.port
        if store is None:
            raise UsageError("there is no own store to serve", home=str(self._connection.folder))
        before = last_port(self._member().gateway, host)
        if port == 0 and before and not self._settings.public_url:
            try:
                return serve(store, host, before, desk=self._desk)
            except Unavailable:
                pass
        return serve(store, host, port, desk=self._desk)

    def _member(self) -> Member:
        member = self._connection.history.member_of(self._sender.address)
        if member is None or member.key != self._sender.address:
            raise UsageError(
                "this key does not speak for a member of the consortium",
                advice="ask the consortium to admit it, or use the member's present key",
                key=self._sender.address,
            )
        return member


def last_port(announced: str, host: str) -> int:
    """The port of an address announced for `host`, so that a restart need not announce another; 0 where it has none."""
    try:
        parts = urlsplit(announced)
        return parts.port or 0 if parts.hostname == host else 0
    except ValueError:
        return 0
