"""Whether members' gateways answer this server: dialled in the background, for members that look at their desk."""

import logging
import time
from threading import Event, Lock, Thread
from types import MappingProxyType
from typing import Self

from msgspec.structs import replace

from ledger.config import Network
from ledger.errors import FedledgerError
from ledger.party.named_gateways import NamedGateway, announced_gateways, ask_health
from web.documents.desk import GatewayCheck
from web.reading.latest import Latest

SECONDS = 5.0
REST = 60.0
"""A gateway is dialled once in so many seconds at most, however often its member asks."""
MOST = 64
"""So many members wait at most; what more is asked for is asked for again by the next look."""
_log = logging.getLogger("fedledger.web")


class Gateways:
    """Dials what members announced, by the rules for what members announced, while it is open."""

    def __init__(self, latest: Latest, network: Network) -> None:
        self._latest, self._network = latest, network
        self._wanted: dict[int, None] = {}
        self._dialled: dict[str, float] = {}
        self._lock, self._wake, self._stop = Lock(), Event(), Event()
        self._thread = Thread(target=self._forever, name="gateways", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._wake.set()
        self._thread.join(SECONDS + 1)

    def want(self, index: int) -> None:
        """A member looks at its desk: dial its gateway, unless that was done a moment ago. Never waits."""
        with self._lock:
            if len(self._wanted) < MOST:
                self._wanted[index] = None
        self._wake.set()

    def _forever(self) -> None:
        while not self._stop.is_set():
            self._wake.wait()
            self._wake.clear()
            while (index := self._next()) is not None and not self._stop.is_set():
                try:
                    self._look_at(index)
                except Exception:  # noqa: BLE001  the edge of the thread
                    _log.exception("a defect in a background thread")

    def _next(self) -> int | None:
        with self._lock:
            index = next(iter(self._wanted), None)
            if index is not None:
                del self._wanted[index]
            return index

    def _look_at(self, index: int) -> None:
        snapshot = self._latest.state.snapshot
        member = snapshot.members.get(index) if snapshot else None
        gateway = next(iter(announced_gateways(self._network, [member] if member else [])), None)
        if gateway is None or self._dialled.get(gateway.url, -REST) > time.monotonic() - REST:
            return
        self._dialled = {gateway.url: time.monotonic()} | self._recent()
        trouble = _trouble(gateway)
        made = GatewayCheck(url=gateway.url, at=int(time.time()), answers=not trouble, trouble=trouble)
        known = self._latest.state.gateways
        same = index in known and replace(known[index], at=made.at) == made
        (self._latest.keep if same else self._latest.post)(gateways=MappingProxyType({**known, index: made}))

    def _recent(self) -> dict[str, float]:
        """What must not be dialled again yet: the rest is forgotten."""
        since = time.monotonic() - REST
        return {url: at for url, at in self._dialled.items() if at > since}


def _trouble(gateway: NamedGateway) -> str:
    """Why a gateway does not answer; empty where it does."""
    try:
        answer = ask_health(gateway, SECONDS)
    except FedledgerError as error:
        return error.message
    return "" if answer.status == 200 else f"status {answer.status}"
