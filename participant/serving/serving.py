"""Running a model's server: what must be right before it serves, and what is put away after."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.errors import UsageError
from ledger.http.hosts import LOOPBACK
from ledger.http.listening import listen, url_of
from participant.predicting.sources import OpenRelease
from participant.serving.desk import ServedModel, ServingDesk

if TYPE_CHECKING:
    from uvicorn import Server

    from participant.serving.log import PredictionLog
    from participant.serving.metrics import ServingMetrics

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What the command line says. `follows` is the title that is looked up again: NAME, or NAME@VERSION; `names` are
    those by which clients reach the server, besides this machine's own.
    """

    follows: str
    log: Path
    host: str = "127.0.0.1"
    port: int = 8200
    poll: float = 2.0
    stale: float = 600.0
    names: tuple[str, ...] = ()

    @property
    def hosts(self) -> tuple[str, ...]:
        """Host names that requests may give; of none any one."""
        return (*self.names, *LOOPBACK) if self.names or self.host in LOOPBACK else ()


def require_installed() -> None:
    """Raises UsageError, with what to install, where the server is missing."""
    try:
        import prometheus_client  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise UsageError("a server needs more than is installed", advice="pip install 'fedledger[serve]'") from error


def serve(source: OpenRelease, options: ServeOptions, say: Say, ready: Callable[[str], None]) -> None:
    """Serve an open release until Ctrl-C; `ready` is told the address.

    Raises as `Predictor.of`, Expired, UsageError for a log that another server has, Unavailable for a port in use.
    """
    require_installed()
    from participant.serving.log import PredictionLog
    from participant.serving.metrics import ServingMetrics

    source.require_permitted()
    chain = source.connection.network.chain if source.connection is not None else None
    stale, moves = None if chain is None else options.stale, chain is not None and chain.seals != "none"
    desk = ServingDesk(ServedModel.of(source.predictor), stale, moves=moves)
    with ExitStack() as stack:
        listening = stack.enter_context(listen(options.host, options.port))
        log = PredictionLog(options.log)
        stack.callback(log.close)
        if log.torn:
            say(f"{options.log}: a last line was torn off, and answered nothing; its {log.torn} bytes are cut away")
        stack.enter_context(_watched(source, options, desk, say))
        server = web_server(desk, log, ServingMetrics(), options.hosts)
        ready(url_of(listening))
        _run(server, listening)


def web_server(
    desk: ServingDesk, log: "PredictionLog", metrics: "ServingMetrics", hosts: tuple[str, ...] = ()
) -> "Server":
    """The web server over a desk, under these host names; under any where none is given."""
    from ledger.http.connections import WebServer
    from participant.serving.app import create_app

    return WebServer(create_app(desk, log, metrics, hosts), lifespan="off")


@contextmanager
def _watched(source: OpenRelease, options: ServeOptions, desk: ServingDesk, say: Say) -> Iterator[None]:
    if source.connection is None:
        yield
        return
    from participant.serving.watch import ReleaseWatch

    with ReleaseWatch(source.connection, options.follows, desk, say, options.poll).looking:
        yield


def _run(server: "Server", listening: socket.socket) -> None:
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listening])
