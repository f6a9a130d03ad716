"""Messages on a pipe, each after its length in eight bytes, big-endian."""

from typing import IO

_LENGTH = 8
LARGEST = 1 << 32
"""Bytes of a message, at most."""


def send(target: IO[bytes], message: bytes) -> None:
    """Write a message. Raises OSError where nobody reads."""
    target.write(len(message).to_bytes(_LENGTH) + message)
    target.flush()


def receive(source: IO[bytes]) -> bytes | None:
    """The next message; None where no whole one comes any more. Raises OSError."""
    size = int.from_bytes(source.read(_LENGTH))
    if not 0 < size <= LARGEST:
        return None
    message = source.read(size)
    return message if len(message) == size else None
