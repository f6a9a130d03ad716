"""A view on the network: the access log, the web server."""

import json
import socket
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from ledger.errors import Unavailable, UsageError
from ledger.http.listening import url_of

if TYPE_CHECKING:
    from uvicorn import Server

    from web.view import View


def require_installed() -> None:
    """Raises UsageError, with what to install, if the web server is missing."""
    try:
        import fastapi  # noqa: F401
        import jinja2  # noqa: F401
        import prometheus_client  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise UsageError("the pages need more than is installed", advice="pip install 'fedledger[web]'") from error


def open_log(path: Path | None) -> AbstractContextManager[TextIO]:
    """The file that the access log is appended to, or standard output. Raises Unavailable."""
    if path is None:
        return nullcontext(sys.stdout)
    try:
        return path.open("a", encoding="utf-8")
    except OSError as error:
        raise Unavailable(f"cannot write the access log: {error.strerror}", file=str(path)) from error


def announce(view: "View", listening: socket.socket, *, as_json: bool) -> None:
    """Print where the pages are."""
    url = url_of(listening)
    text = f"{view.network.name}: {url}  (Ctrl-C ends it)"
    click.echo(json.dumps({"url": url, "read": view.read}) if as_json else text)
    sys.stdout.flush()


def web_server(view: "View", log: TextIO | None, proxies: Sequence[str] = (), *, patience: float = 20.0) -> "Server":
    """The web server over a view; without a `log` it keeps none. It believes the `proxies`, addresses and networks, who
    their clients are, and hangs up on a client slower than `patience` seconds.
    """
    from ledger.http.connections import WebServer
    from web.app import create_app

    return WebServer(
        create_app(view, log=log, quiet=log is None),
        proxies=proxies,
        patience=patience,
        stopping=view.closing.set,
        stopped=view.content.close,
    )
