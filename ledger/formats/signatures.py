"""Signatures of Ethereum's keys (secp256k1): who signed a digest. Each signature has one form that is accepted."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

import coincurve

from ledger.errors import Malformed
from ledger.formats.digest import checksum_address, keccak

T = TypeVar("T")
R = TypeVar("R")
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
LENGTH = 65
"""Bytes of a signature: r, s, v."""
_V = 27


def recover(digest: bytes, r: int, s: int, parity: int) -> str:
    """The address whose key signed `digest`. Raises ValueError where the signature is not canonical."""
    if not 0 < r < ORDER or not 0 < s <= ORDER // 2 or parity not in (0, 1):
        raise ValueError("the signature is not in its one form")
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([parity])
    try:
        key = coincurve.PublicKey.from_signature_and_message(signature, digest, hasher=None)
    except ValueError as error:
        raise ValueError("the signature is of no key") from error
    return _address(key.format(compressed=False))


def worked_ahead(work: Callable[[T], R], items: Iterable[T], ahead: int, threads: int) -> Iterator[R]:
    """`work` done for each item, in order: `ahead` items are taken before they are needed, for other threads to begin.

    For work that is mostly `recover`, which leaves Python's lock. The caller is one of the threads: it takes all items,
    and works while it would wait. What `work` raises, this raises. An iterator that is given up lets its threads end by
    themselves: who collects garbage may hold the lock that the end of a thread takes.
    """
    pool = ThreadPoolExecutor(threads - 1, "signatures") if threads > 1 else None
    begun = deque[tuple[T, Future[R]]]()

    def helped() -> bool:
        """Do the first item that no thread has begun; whether there was one."""
        for place, (item, future) in enumerate(begun):
            if future.cancel():
                begun[place] = item, _done(work, item)
                return True
        return False

    def first() -> R:
        while not begun[0][1].done() and helped():
            pass
        return begun.popleft()[1].result()

    try:
        for item in items:
            begun.append((item, pool.submit(work, item) if pool else Future()))
            if len(begun) > ahead:
                yield first()
        while begun:
            yield first()
    finally:
        if pool:
            pool.shutdown(wait=False, cancel_futures=True)


def _done(work: Callable[[T], R], item: T) -> Future[R]:
    """Work that was done here."""
    future = Future[R]()
    future.set_result(work(item))
    return future


@lru_cache(maxsize=4096)
def _address(key: bytes) -> str:
    """The address of a public key, uncompressed: few keys sign all that is read."""
    return checksum_address(keccak(key[1:])[-20:])


def signer(digest: bytes, signature: bytes) -> str:
    """The address whose key signed `digest`, from the 65 bytes r, s, v. Raises Malformed for any other form."""
    if len(signature) != LENGTH:
        raise Malformed("a signature has 65 bytes", actual=len(signature))
    try:
        return recover(digest, int.from_bytes(signature[:32]), int.from_bytes(signature[32:64]), signature[64] - _V)
    except ValueError as error:
        raise Malformed(str(error), signature=signature.hex()) from error
