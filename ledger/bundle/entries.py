"""Raw transactions as entries of a bundle: which of them show a statement, by whose key, and where the others leave a
gap (docs/spec/bundle.md, "Encoding")."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import coincurve

from ledger.bundle.broken import BrokenBundle
from ledger.bundle.calls import EntryOrder
from ledger.bundle.form import MAX_RAW, BundleEntry, Manifest
from ledger.bundle.statements import RelayedStatement
from ledger.chain.evidence.transaction import signed
from ledger.formats.digest import keccak
from ledger.formats.signatures import ORDER


class Mined(NamedTuple):
    """A transaction as a chain has it: number and time of its block, and its raw bytes."""

    block: int
    time: int
    raw: bytes


class Keys:
    """The public keys of signers, in the order of their first use."""

    def __init__(self) -> None:
        self._places: dict[bytes, int] = {}

    def place(self, point: bytes) -> int:
        """The place of a key; a new one is last."""
        return self._places.setdefault(point, len(self._places))

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._places)

    @property
    def points(self) -> tuple[bytes, ...]:
        """All of them."""
        return tuple(self._places)


def entries(mined: Iterable[Mined], manifest: Manifest, keys: Keys) -> Iterator[BundleEntry]:
    """The entries of transactions that changed the ledger, in chain order. `manifest` says which calls those are."""
    order = EntryOrder(manifest)
    for one in mined:
        try:
            call = order.read(0, BundleEntry(one.block, one.time, raw=one.raw), [""])
            yield entry(one, keys, call.statements)
        except (BrokenBundle, ValueError, OverflowError):
            yield BundleEntry(one.block, one.time, hash=keccak(one.raw))


def entry(one: Mined, keys: Keys, statements: Sequence[RelayedStatement] = ()) -> BundleEntry:
    """The entry of a transaction that can be read, in which this is signed.

    Raises ValueError where it is too long, or its signature is none.
    """
    said = signed(one.raw)
    if len(one.raw) > MAX_RAW or not 0 < said.s <= ORDER // 2 or said.parity > 1:
        raise ValueError("it is too long, or its signature is not in its one form")
    key, y = _recovered(said.digest, said.r, said.s, said.parity)
    place = keys.place(key)
    for statement in statements:
        point = bytes(32)
        if statement.digest is not None and statement.is_signed:
            key, point = _recovered(statement.digest, statement.r, statement.s, statement.v - 27)
            keys.place(key)
        y += point
    return BundleEntry(one.block, one.time, place, y, one.raw)


def _recovered(digest: bytes, r: int, s: int, parity: int) -> tuple[bytes, bytes]:
    """The public key that made a signature, and y of its point."""
    x = r.to_bytes(32, "big")
    signature = x + s.to_bytes(32, "big") + bytes([parity])
    key = coincurve.PublicKey.from_signature_and_message(signature, digest, hasher=None)
    point = coincurve.PublicKey(bytes([2 + parity]) + x).format(compressed=False)
    return key.format(compressed=False)[1:], point[33:]
