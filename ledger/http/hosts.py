"""Under which names a server is asked: a page of another server that points its name here is not served (DNS
rebinding).
"""

import re
from collections.abc import Collection, Iterable

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_HOST = re.compile(rb"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


def host_of(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The host of a request's Host header, without its port; empty where there is none, and None if it could be read as
    another, or as more than a host.
    """
    said = b",".join(value for name, value in headers if name == b"host")
    if not said:
        return ""
    found = _HOST.fullmatch(said)
    return found[1].decode().strip("[]").lower() if found else None


def is_ours(headers: Iterable[tuple[bytes, bytes]], hosts: Collection[str]) -> bool:
    """Whether a request names one of these hosts; of none of them any one host will do."""
    host = host_of(headers)
    return host is not None and (not hosts or host in hosts)
