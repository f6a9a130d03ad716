"""A listening socket of a server of ours."""

import socket

from ledger.errors import Unavailable, UsageError


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


def url_of(listening: socket.socket) -> str:
    """The address by which it is reached on this machine."""
    name, port = listening.getsockname()[:2]
    return f"http://[{name}]:{port}" if listening.family == socket.AF_INET6 else f"http://{name}:{port}"
