"""`fedledger web`: the consortium's pages, for whoever may look."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from ledger.cli.options import home_option, json_option, network_option, rpc_option
from ledger.config import Home
from ledger.errors import Unavailable, UsageError
from web.cli_relayer import KEYSTORE, LOOPBACK, Access, payer, relayer

if TYPE_CHECKING:
    from web.view import Read, View

GRACE_SECONDS = 2


@click.group()
def web() -> None:
    """Pages and a JSON interface of a consortium; the process holds no member's key."""


web.add_command(relayer)


@web.command()
@click.option("--host", default=LOOPBACK[0], show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one.")
@click.option(
    "--read",
    type=click.Choice(["local", "members", "public"]),
    default="local",
    show_default=True,
    help="Who may read: this machine; members, who sign in with their keys; or whoever reaches the address, who then "
    "gets no updates and no models.",
)
@click.option("--origin", help="Address by which people reach a server that is not on their own machine: https://NAME.")
@click.option(
    "--relayer",
    "keystore",
    type=click.Path(path_type=Path),
    help=f"Keystore of the key that pays for members' signed messages, or a folder with {KEYSTORE}.",
)
@click.option(
    "--relayer-passphrase-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File whose first line is that keystore's passphrase.  [default: ask]",
)
@click.option(
    "--rate",
    type=click.FloatRange(min=0),
    default=50.0,
    show_default=True,
    help="Requests a second for one address; 0: any number.",
)
@click.option("--source/--no-source", default=True, help="Let the audit compile the contracts' sources (needs solc).")
@click.option(
    "--access-log",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File that the access log is appended to.  [default: standard output]",
)
@network_option
@rpc_option
@home_option
@json_option
def run(
    host: str,
    port: int,
    read: "Read",
    origin: str | None,
    keystore: Path | None,
    relayer_passphrase_file: Path | None,
    rate: float,
    source: bool,
    access_log: Path | None,
    network_file: Path | None,
    rpc: str | None,
    home: Home,
    as_json: bool,
) -> None:
    """Serve the pages until Ctrl-C.

    With --network it looks as anyone can; without, as the party at home, whose store it then reads from. Pages show the
    last reading: a chain or a store that is away never keeps a reader waiting. With --relayer it sends what members
    sign, and pays for it with a key that has no rights (`fedledger web relayer` makes one).
    """
    import json
    import sys
    from contextlib import ExitStack, suppress

    uvicorn = _installed()
    from web.app import create_app

    access = Access.of(read, host, origin)
    with ExitStack() as stack:
        paying = (keystore, relayer_passphrase_file) if keystore else None
        view = stack.enter_context(_live(network_file, home, rpc, access, paying, rate=rate, source=source))
        log = sys.stdout if access_log is None else stack.enter_context(_append(access_log))
        config = uvicorn.Config(
            create_app(view, log=log),
            access_log=False,
            log_level="warning",
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            timeout_keep_alive=20,
            limit_concurrency=1000,
        )
        listening = stack.enter_context(_listen(host, port))
        url = _url(listening)
        shown = f"{view.network.name}: {url}  (Ctrl-C ends it)"
        click.echo(json.dumps({"url": url, "read": read}) if as_json else shown)
        sys.stdout.flush()
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listening])


@contextmanager
def _live(
    network_file: Path | None,
    home: Home,
    rpc: str | None,
    access: Access,
    paying: tuple[Path, Path | None] | None,
    *,
    rate: float,
    source: bool,
) -> Iterator["View"]:
    """The view of a consortium, kept up to date by threads while it is open; with a relayer where `paying` names its
    keystore and the file of its passphrase."""
    from contextlib import ExitStack

    from ledger.cli.connect import look
    from ledger.config import at_node, load_network
    from ledger.party.connection import Connection
    from ledger.store.opening import open_store
    from web.reading.background import Live
    from web.reading.latest import Latest
    from web.reading.library import Library
    from web.relay.relayer import Relayer
    from web.view import View

    network = home.network() if network_file is None else at_node(load_network(network_file), rpc)
    latest, relaying = Latest(), None

    def visit() -> Connection:
        return look(network_file, home, rpc) if network_file else Connection.visit(network, home.folder)

    with ExitStack() as stack:
        if paying:
            relaying = Relayer(network, latest, payer(*paying, network, visit), home.folder / "relay")
        store = open_store(home) if network_file is None else None
        if store is not None:
            stack.callback(store.close)
        library = Library(latest, network, store, public=access.read == "public")
        stack.enter_context(Live(latest, library, visit, lambda: look(network_file, home, rpc), source=source))
        if relaying is not None:
            stack.enter_context(relaying)
        sessions = home.folder / "sessions.json"
        yield View(network, latest, library, rate, access.hosts, access.read, access.origin, sessions, relaying)


def _installed() -> Any:
    """The web server, or what to install. Raises UsageError."""
    try:
        import fastapi  # noqa: F401
        import jinja2  # noqa: F401
        import prometheus_client  # noqa: F401
        import uvicorn
    except ImportError as error:
        raise UsageError("the pages need more than is installed", advice="pip install 'fedledger[web]'") from error
    return uvicorn


def _append(path: Path) -> TextIO:
    try:
        return path.open("a", encoding="utf-8")
    except OSError as error:
        raise Unavailable(f"cannot write the access log: {error.strerror}", file=str(path)) from error


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket: a taken port is told before anything else starts. Raises Unavailable, UsageError."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError) as error:
        raise UsageError(f"cannot listen on {host}: {error}", host=host) from error
    try:
        return socket.create_server((str(address[0]), port), family=family, backlog=512)
    except OSError as error:
        raise Unavailable(
            f"cannot listen on {host}:{port}: {error.strerror}",
            advice="choose another port: --port, 0 for any free one",
        ) from error


def _url(listening: socket.socket) -> str:
    name, port = listening.getsockname()[:2]
    return f"http://[{name}]:{port}" if listening.family == socket.AF_INET6 else f"http://{name}:{port}"
