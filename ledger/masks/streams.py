"""Mask streams: the 64-bit words that a seed stands for (docs/spec/masks.md, "Arithmetic").

AES-256-CTR with the seed as key; any part of a stream is made without what stands before it. All sums are mod 2^64:
numpy's unsigned integers wrap, and here they are meant to.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ledger.masks.secret import Secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import CipherContext

Words = NDArray[np.uint64]
"""Values of a masked update, or a sum of such: uint64, one dimension, to be read mod 2^64."""

WORD, BLOCK = 8, 16
"""Bytes of a word, and of a block of AES."""
_SLICE = 1 << 15
"""Words made at a time: as many as stay in a core's cache."""
_ZEROS = memoryview(bytes(_SLICE * WORD))


def words(seed: Secret, start: int, count: int) -> Words:
    """Words `start` to `start + count` of a seed's stream."""
    made = np.zeros(count, np.uint64)
    add_streams(made, [seed], [], start)
    return made


def add_streams(total: Words, plus: Iterable[Secret], minus: Iterable[Secret], start: int) -> None:
    """Add the streams of `plus`, and take away those of `minus`, in place; `total` begins at word `start`.

    Memory does not grow with `total`: each slice goes through one buffer.
    """
    added = [_stream(seed, start) for seed in plus]
    taken = [_stream(seed, start) for seed in minus]
    buffer = memoryview(bytearray(min(_SLICE, len(total)) * WORD + BLOCK))
    for at in range(0, len(total), _SLICE):
        part = total[at : at + _SLICE]
        zeros, made = _ZEROS[: len(part) * WORD], np.frombuffer(buffer, "<u8", len(part))
        for stream in added:
            stream.update_into(zeros, buffer)
            np.add(part, made, out=part)
        for stream in taken:
            stream.update_into(zeros, buffer)
            np.subtract(part, made, out=part)


def add_streams_on(threads: int, total: Words, plus: Sequence[Secret], minus: Sequence[Secret], start: int) -> None:
    """The same by several threads, each with a run of `total` of its own."""
    run = -(-len(total) // max(threads, 1))
    if threads < 2 or run < _SLICE:
        add_streams(total, plus, minus, start)
        return
    with ThreadPoolExecutor(threads, thread_name_prefix="masks") as pool:
        for done in [
            pool.submit(add_streams, total[at : at + run], plus, minus, start + at) for at in range(0, len(total), run)
        ]:
            done.result()


def counted(key: bytes, block: int) -> "CipherContext":
    """The stream of AES-256-CTR under a key, from block number `block` on."""
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES256
    from cryptography.hazmat.primitives.ciphers.modes import CTR

    return Cipher(AES256(key), CTR(block.to_bytes(BLOCK, "big"))).encryptor()


def _stream(seed: Secret, start: int) -> "CipherContext":
    """A seed's stream, from word `start` on."""
    block, rest = divmod(start * WORD, BLOCK)
    stream = counted(seed.reveal(), block)
    stream.update(bytes(rest))
    return stream
