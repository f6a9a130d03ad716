"""What the application shows: one consortium, and the latest state that the background threads fill."""

from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Literal

from ledger.config import Network
from web.reading.desk.gateways import Gateways
from web.reading.latest import Latest
from web.reading.library import Library
from web.relay.relayer import Relayer

Read = Literal["local", "members", "public"]


@dataclass(frozen=True, slots=True)
class View:
    """A consortium, its latest state, and the content that may be served.

    `rate` is how many requests a second one address may make in the long run, 0 any number. `hosts` are the names that
    this server has, empty for any name; without them a page elsewhere could read a local server under a name of
    its own. `read` says who may read; `origin` is the address by which people reach the server, empty where it is the
    host's name. `sessions` is the file that keeps sessions, None for memory alone. Without a `relayer` nothing is sent
    to the chain, and without `gateways` no member's gateway is dialled for its desk. With `open_metrics` everyone may
    read the counts; `contact` is where to report a fault in security, empty for none. `closing` is set when the server
    stops: streams end then.
    """

    network: Network
    latest: Latest
    content: Library
    rate: float = 50.0
    hosts: tuple[str, ...] = ()
    read: Read = "local"
    origin: str = ""
    sessions: Path | None = None
    relayer: Relayer | None = None
    gateways: Gateways | None = None
    open_metrics: bool = False
    contact: str = ""
    closing: Event = field(default_factory=Event)
