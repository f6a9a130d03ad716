"""A view on the network: the listening socket, the access log, the web server."""

import json
import socket
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from ledger.errors import Unavailable, UsageError

if TYPE_CHECKING:
    from uvicorn import Server

    from web.view import View

GRACE_SECONDS = 2


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


def listen(host: str, port: int) -> socket.socket:
    """A listening socket, opened before anything else starts. Raises Unavailable for a port in use, UsageError."""
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


def announce(view: "View", listening: socket.socket, *, as_json: bool) -> None:
    """Print where the pages are."""
    name, port = listening.getsockname()[:2]
    url = f"http://[{name}]:{port}" if listening.family == socket.AF_INET6 else f"http://{name}:{port}"
    text = f"{view.network.name}: {url}  (Ctrl-C ends it)"
    click.echo(json.dumps({"url": url, "read": view.read}) if as_json else text)
    sys.stdout.flush()


def web_server(view: "View", log: TextIO) -> "Server":
    """The web server over a view."""
    import uvicorn

    from web.app import create_app

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
    return uvicorn.Server(config)
