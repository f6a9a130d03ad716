"""Running an edge's service: what must be right before it serves, and what is put away after."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.config import Home
from ledger.errors import UsageError
from ledger.http.listening import listen, url_of
from ledger.party.connection import Connection
from ledger.party.journal import Journal
from ledger.party.posts import at_post
from participant.edge.collected import EdgeFolder
from participant.edge.desk import EdgeDesk
from participant.edge.watch import EdgeWatch

if TYPE_CHECKING:
    from uvicorn import Server

LOG, ROLE = "edge.jsonl", "edge"
PATIENCE = 20.0
"""Seconds that a client may take for the next step of a request."""


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """What the command line says about a run."""

    host: str = "127.0.0.1"
    port: int = 8300
    proxies: tuple[str, ...] = ()
    rate: float = 50.0
    uploads: int = 8
    poll: float = 2.0
    as_json: bool = False


def require_installed() -> None:
    """Raises UsageError, with what to install, where the web server is missing."""
    try:
        import fastapi  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise UsageError("an edge needs more than is installed", advice="pip install 'fedledger[edge]'") from error


def run(home: Home, passphrase_file: Path | None, options: ServiceOptions) -> None:
    """Serve an edge's clients until Ctrl-C.

    Raises UsageError where the home is not an edge's, its key speaks for no member, or it runs already, Unavailable for
    a port in use.
    """
    require_installed()
    folder, network = EdgeFolder(home.folder), home.network()
    if not folder.exists:
        raise UsageError("this home is not an edge's", advice=home.command("edge", "init"), home=str(home.folder))
    with at_post(home.folder, ROLE), listen(options.host, options.port) as listening:
        from ledger.keys import read_passphrase, unlock

        signer = unlock(home.keystore, read_passphrase(passphrase_file), chain_id=network.chain.id)
        folder.make()
        for left in folder.drafts.iterdir():
            left.unlink(missing_ok=True)  # of a process that was killed
        journal = Journal(home.folder / LOG, click.echo, as_json=options.as_json)
        with Connection.open(home) as connection:
            desk = EdgeDesk(folder, signer, journal, options.uploads)
            with watched(EdgeWatch(connection, signer.address, desk, journal, options.poll)):
                _serve(desk, connection, journal, listening, options)
        journal.note("stopped", "the edge's service ended")


@contextmanager
def watched(watch: EdgeWatch) -> Iterator[None]:
    """Look once, then go on looking beside."""
    watch.look()
    with watch.looking:
        yield


def _serve(
    desk: EdgeDesk, connection: Connection, journal: Journal, listening: socket.socket, options: ServiceOptions
) -> None:
    server, url = web_server(desk, connection, options.rate, options.proxies), url_of(listening)
    text = f"edge {desk.tasks.edge} collects at {url}  (Ctrl-C ends it)"
    journal.note("started", text, url=url, edge=desk.tasks.edge, key=desk.tasks.key)
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listening])


def web_server(desk: EdgeDesk, connection: Connection, rate: float, proxies: Sequence[str] = ()) -> "Server":
    """The web server. It believes the `proxies`, addresses and networks, who their clients are."""
    from ledger.http.connections import WebServer
    from participant.edge.app import create_app

    return WebServer(create_app(desk, connection, rate), proxies=proxies, patience=PATIENCE)
