"""Messages on a pipe, each after its length in eight bytes, big-endian."""

from typing import IO

_LENGTH = 8
LARGEST = 1 << 32
"""Bytes of what the audit sends, at most: a history, and parts of its rounds."""
LARGEST_ANSWER = 1 << 26
"""Bytes of an answer, at most."""
BEAT = b""
"""The message of a worker that goes on with its part."""


def send(target: IO[bytes], message: bytes) -> None:
    """Write a message. Raises OSError where nobody reads."""
    target.write(len(message).to_bytes(_LENGTH) + message)
    target.flush()


def receive(source: IO[bytes], largest: int = LARGEST) -> bytes | None:
    """The next message; None where no whole one of at most so many bytes comes any more. Raises OSError."""
    length = source.read(_LENGTH)
    size = int.from_bytes(length)
    if len(length) != _LENGTH or size > largest:
        return None
    message = source.read(size)
    return message if len(message) == size else None
