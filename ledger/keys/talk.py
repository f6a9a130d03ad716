"""How a command and a keys agent talk: one line of JSON each way, over a Unix socket of this user alone."""

import json
import os
import socket
import stat
import struct
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ledger.errors import Malformed, Unavailable
from ledger.formats.digest import sha256
from ledger.formats.grammar import check_depth

MAXIMUM = 1 << 20
"""Bytes of a request or an answer."""
SECONDS = 10.0
"""For a request or an answer to be complete."""


def socket_path(keystore: Path) -> Path:
    """Where the agent of a key file listens: in the user's runtime folder, mode 0700. Raises Unavailable.

    The folder is made where there is none; one of another user, a link, or one that others may enter is refused.
    """
    named = os.environ.get("XDG_RUNTIME_DIR", "")
    folder = Path(named, "fedledger") if named else Path(tempfile.gettempdir(), f"fedledger-{os.geteuid()}")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise Unavailable(f"there is no folder for the keys agent: {error}", folder=str(folder)) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise Unavailable(
            "the keys agent's folder is not this user's alone",
            advice="remove it, or let XDG_RUNTIME_DIR name another",
            folder=str(folder),
        )
    return folder / f"{sha256(str(keystore.resolve()).encode()).hex()[:16]}.sock"


def check_peer(connection: socket.socket) -> None:
    """Raise Unavailable where the other end belongs to another user. Where the system does not say, the folder does."""
    if not hasattr(socket, "SO_PEERCRED"):
        return
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    uid = struct.unpack("3i", credentials)[1]
    if uid != os.geteuid():
        raise Unavailable("the other end of the keys agent's socket belongs to another user", actual=uid)


def send(connection: socket.socket, message: Mapping[str, Any]) -> None:
    """Send one message. Bytes in it are kept as bytes; anything else that JSON does not have raises Malformed."""
    try:
        data = json.dumps(message, default=_bytes).encode() + b"\n"
    except (TypeError, ValueError) as error:
        raise Malformed(f"this is not a message for a keys agent: {error}") from error
    if len(data) > MAXIMUM:
        raise Malformed("the message to the keys agent is too large", size=len(data), maximum=MAXIMUM)
    connection.sendall(data)


def receive(connection: socket.socket, seconds: float = SECONDS) -> dict[str, Any]:
    """One message, whole. Raises Malformed for anything else, OSError where it is not there after so many seconds."""
    until = time.monotonic() + seconds
    data = b""
    while not data.endswith(b"\n"):
        if (left := until - time.monotonic()) <= 0:
            raise TimeoutError("the message is not whole in time")
        connection.settimeout(left)  # a caller that drips bytes does not begin it again
        piece = connection.recv(1 << 16)
        data += piece
        if not piece or len(data) > MAXIMUM:
            raise Malformed("the message over the keys agent's socket is not whole", size=len(data))
    try:
        check_depth(data)
        message = json.loads(data, object_hook=_named_bytes)
    except ValueError as error:
        raise Malformed("the message over the keys agent's socket is not JSON") from error
    if not isinstance(message, dict):
        raise Malformed("the message over the keys agent's socket is not an object")
    return message


def _bytes(value: object) -> dict[str, str]:
    if isinstance(value, bytes | bytearray):
        return {"bytes": bytes(value).hex()}
    raise TypeError(f"{type(value).__name__} has no place in it")


def _named_bytes(value: dict[str, Any]) -> Any:
    if value.keys() == {"bytes"} and isinstance(value["bytes"], str):
        return bytes.fromhex(value["bytes"])
    return value
