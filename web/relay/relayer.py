"""The relayer: sends what members signed, and pays for it, in a thread. Its key has no rights."""

import logging
import time
from collections.abc import Callable, Container, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Self

from filelock import FileLock, Timeout

from ledger.config import LOCAL_CHAIN, Network
from ledger.errors import FedledgerError, Unavailable
from web.access.metrics import RelayerStatus
from web.documents.refusals import RelayersKey
from web.reading.latest import Latest
from web.relay.delivery import Delivery
from web.relay.queue import Message, Queue

if TYPE_CHECKING:
    from ledger.chain.client import Client
    from ledger.keys import Signer

POLL, LOCAL_POLL = 1.0, 0.25
FIRST_RETRY, LAST_RETRY = 0.5, 30.0
BLOCK_SECONDS = 60.0
_log = logging.getLogger("fedledger.web")


class Relayer:
    """Relays what waits in its queue while it is open. `home` keeps the queue, the transactions on their way, and a
    lock: one server at a time.

    `settled` is called with the kind and the outcome of every message that is done or refused.
    """

    def __init__(self, network: Network, latest: Latest, signer: "Signer", home: Path) -> None:
        self._network, self._latest, self._signer, self._home = network, latest, signer, home
        self.address = signer.address
        self.queue = Queue(home / f"queue-{network.chain.id}-{network.contracts.ballots.address[2:10].lower()}.sqlite")
        self.settled: Callable[[str, str], None] = lambda _kind, _outcome: None
        self.balance = 0
        self.trouble: FedledgerError | None = None
        self._ahead = 0
        self._stop, self._wake = Event(), Event()
        self._thread = Thread(target=self._forever, name="relay", daemon=True)
        self._lock = FileLock(home / "lock")

    def __enter__(self) -> Self:
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            advice = "use another home for this one: --home"
            raise Unavailable("another server relays from this home", advice=advice, home=self._home) from error
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._wake.set()
        self._thread.join(5)
        self._lock.release()

    @property
    def now(self) -> int:
        """Seconds since 1970 by the chain's clock, as it was when the chain was last read."""
        return int(time.time()) + self._ahead

    def status(self) -> RelayerStatus:
        """What its metrics show."""
        return RelayerStatus(self.trouble is None, len(self.queue.waiting()), self.balance)

    def wake(self) -> None:
        """Look at the queue now: there is something new in it."""
        self._wake.set()

    def check_key(self) -> None:
        """Raises RelayersKey if its key is or was a member's: it then sends nothing."""
        snapshot = self._latest.state.snapshot
        if snapshot is not None:
            require_apart(self.address, snapshot.owners)

    def _forever(self) -> None:
        """Start again after any error, more and more slowly while nothing works."""
        rest = FIRST_RETRY
        while not self._stop.is_set():
            try:
                for _ in self._passes():
                    self.trouble, rest = None, FIRST_RETRY
            except FedledgerError as error:
                self.trouble = error
            except Exception as error:  # noqa: BLE001  the edge of the thread
                _log.exception("a defect in the relayer")
                self.trouble = Unavailable(f"a defect of fedledger: {type(error).__name__}")
            self._stop.wait(rest)
            rest = min(2 * rest, LAST_RETRY)

    def _passes(self) -> Iterator[None]:
        """Deliver what waits again and again, on one connection; yields after every time that went well."""
        from ledger.chain.client import Client
        from ledger.chain.sender import Sender

        with Client.connect(self._network) as client:
            sender = Sender(client, self._signer, self._home / "outbox", timeout=BLOCK_SECONDS)
            delivery = Delivery(self.queue, client, sender, self._count)
            while not self._stop.is_set():
                self._wake.clear()
                self._observe(client)
                self.check_key()
                if self._latest.state.snapshot is not None:
                    delivery.deliver()
                yield None
                self._wake.wait(LOCAL_POLL if self._network.chain.id == LOCAL_CHAIN else POLL)

    def _observe(self, client: "Client") -> None:
        """Read the chain's clock and the balance."""
        began = int(time.time())
        self._ahead = client.time() - began
        self.balance = int(str(client.rpc.call("eth_getBalance", self.address, "latest")), 16)

    def _count(self, message: Message, outcome: str) -> None:
        self.settled(message.kind, outcome)


def require_apart(address: str, members: Container[str]) -> None:
    """Raises RelayersKey if the relayer's key is one of those that members have or ever had."""
    if address in members:
        raise RelayersKey(
            "the relayer's key is a member's, or was one",
            advice="make one for the relayer alone: fedledger web relayer",
            key=address,
        )
