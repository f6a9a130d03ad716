"""Ports of 127.0.0.1 for servers that have to be told theirs."""

import random
import socket
from contextlib import suppress


def free_ports(count: int) -> list[int]:
    """Ports below those that systems give to connections, and to servers that name none, and that are free now: until
    the server listens, hardly anything else is given one.
    """
    found: set[int] = set()
    while len(found) < count:
        port = random.SystemRandom().randrange(10_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.add(port)
    return list(found)
