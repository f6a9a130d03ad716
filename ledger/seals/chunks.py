"""Sealed files: an artifact's bytes under AES-256-GCM, chunk by chunk (docs/spec/seals.md, "Sealed file").

The STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015): a chunk's nonce has its number and whether it is the
last, so none is moved, repeated or left out, and the end is the end. A chunk is a block of the stored file, so any part
is read without the rest.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from ledger.errors import Malformed, Unavailable
from ledger.formats.artifact import Buffer
from ledger.formats.cid import CHUNK
from ledger.formats.sealed import HEAD, ROOM, TAG, count_of, sealed_size
from ledger.formats.unixfs import chunks as blocks_of
from ledger.seals.keys import ContentKey, commitment_in

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

GROUP = 4
"""Blocks sealed before they are handed on: several are hashed side by side."""


def sealed(pieces: Iterable[Buffer], key: ContentKey, size: int) -> Iterator[memoryview]:
    """The sealed file of an artifact that comes in pieces, whole blocks at a time but for the last.

    What it yields is overwritten once the next is asked for. Raises Malformed where the artifact has not `size` bytes.
    """
    take, cipher, head = _taker(pieces), _cipher(key), key.head
    room, filled, last, left = memoryview(bytearray(min(GROUP * CHUNK, sealed_size(size)))), 0, count_of(size) - 1, size
    for number in range(last + 1):
        start = len(head) if number == 0 else 0
        plain = take(min(ROOM - start, left))
        left -= len(plain)
        if left and len(plain) != ROOM - start:
            raise Malformed("the artifact is truncated", expected=size, actual=size - left)
        if start:
            room[:start] = head
        stop = filled + start + len(plain) + TAG
        cipher.encrypt_into(_nonce(number, last), plain, head, room[filled + start : stop])
        filled = stop
        if number == last and len(take(1)):
            raise Malformed("the artifact is longer than its tensors", expected=size)
        if number == last or filled == len(room):
            yield room[:filled]
            filled = 0


def opened(pieces: Iterable[Buffer], key: ContentKey, size: int, first: int = 0) -> Iterator[memoryview]:
    """The bytes of an artifact of `size` bytes from chunk `first` on; `pieces` are the sealed file's from there on.

    Raises Malformed, which is its author's doing where the pieces are those under its CID: the head is another
    update's, a chunk does not open, or there are fewer or more. Raises Unavailable for another key than the head's.
    """
    from cryptography.exceptions import InvalidTag

    cipher, head, last = _cipher(key), key.head, count_of(size) - 1
    blocks = blocks_of(pieces)
    for number in range(first, last + 1):
        block = memoryview(next(blocks, b""))
        start = HEAD if number == 0 else 0
        if start and commitment_in(bytes(block[:HEAD]), key.name) != key.commitment:
            raise Unavailable("the sealed file has another key", advice="look for its slip: fedledger seal show")
        due = CHUNK if number < last else sealed_size(size) - last * CHUNK
        if len(block) < due:
            actual = number * CHUNK + len(block)
            raise Malformed("the sealed file is truncated", expected=sealed_size(size), actual=actual)
        plain = np.empty(due - start - TAG, np.uint8).data
        try:
            cipher.decrypt_into(_nonce(number, last), block[start:due], head, plain)
        except InvalidTag as error:
            raise Malformed(f"chunk {number} of the sealed file does not open", chunks=last + 1) from error
        yield plain
        if number == last and (len(block) > due or len(next(blocks, b""))):
            raise Malformed("the sealed file is longer than its artifact", expected=sealed_size(size))


def _cipher(key: ContentKey) -> "AESGCM":
    """What a content key's chunks are sealed with; the library is loaded by who has one."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key.derived(b"chunks"))


def _nonce(number: int, last: int) -> bytes:
    return number.to_bytes(11, "big") + bytes([number == last])


def _taker(pieces: Iterable[Buffer]) -> Callable[[int], memoryview]:
    """Takes runs of bytes off pieces, fewer at their end; what straddles pieces is copied to where the last one was."""
    source, rest, room = iter(pieces), memoryview(b""), memoryview(bytearray(ROOM))

    def take(size: int) -> memoryview:
        nonlocal rest
        if len(rest) < size:
            filled = 0
            for piece in chain([rest], source):
                view = memoryview(piece).cast("B")
                some = min(len(view), size - filled)
                room[filled : filled + some] = view[:some]
                filled, rest = filled + some, view[some:]
                if filled == size:
                    break
            return room[:filled]
        taken, rest = rest[:size], rest[size:]
        return taken

    return take
