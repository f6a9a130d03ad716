"""Signatures of Ethereum's keys (secp256k1): who signed a digest. Each signature has one form that is accepted."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
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


def on_threads(work: Callable[[T], R], items: Sequence[T], threads: int) -> list[R]:
    """`work` done for each item, in the order of the items, by so many threads, of which the caller's is one.

    For work that is mostly `recover`, which leaves Python's lock. What `work` raises, this raises.
    """
    shares = [items[place::threads] for place in range(min(threads, len(items)))]
    if len(shares) < 2:
        return list(map(work, items))
    with ThreadPoolExecutor(len(shares) - 1, "signatures") as pool:
        others = [pool.submit(lambda share: list(map(work, share)), share) for share in shares[1:]]
        done = [list(map(work, shares[0])), *(other.result() for other in others)]
    return [done[place % threads][place // threads] for place in range(len(items))]


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
