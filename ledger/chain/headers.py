"""A block's header, made again from what a node shows of it. Its hash covers all of its fields. Pure.

Chains of QBFT and IBFT 2.0 hash a header without the seals in it: which rule holds is seen from the hash itself. Only
`extraData` is read differently by these rules, so every other field is covered, whatever a node shows.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from ledger.chain import rlp
from ledger.chain.bft_extra import ON_CHAIN, read_extra
from ledger.chain.quantities import data
from ledger.formats.digest import keccak

FIRST = (
    *("parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom"),
    *("difficulty", "number", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce"),
)
LATER = (
    *("baseFeePerGas", "withdrawalsRoot", "blobGasUsed", "excessBlobGas"),
    *("parentBeaconBlockRoot", "requestsHash"),
)
"""What forks added, in this order (EIP-1559, 4895, 4844, 4788, 7685): a header ends with the last it has."""
BESIDE = {"hash", "size", "totalDifficulty", "transactions", "uncles", "withdrawals"}
"""What a node shows of a block beside its header."""
NUMBERS = {"difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas", "blobGasUsed", "excessBlobGas"}
LARGEST_EXTRA = 1 << 16
"""Bytes of `extraData`: a seal and an address of each of 700 validators."""
KEPT = 512
"""Blocks whose headers are kept, 3 KB each, at most."""
_known: dict[str | None, tuple[dict[str, Any], "BlockHeader"]] = {}
_HASH, _BLOOM = 32, 256
_QUANTITY = re.compile("0x[0-9a-fA-F]{1,64}")
_SIZES = {"miner": 20, "logsBloom": _BLOOM, "nonce": 8}
_PLACES = {name: place for place, name in enumerate((*FIRST, *LATER))}


class BlockHeader(NamedTuple):
    """A header whose fields its `hash` covers: the bytes of each, in the order of `FIRST` and `LATER`."""

    hash: bytes
    fields: tuple[bytes, ...]

    def field(self, name: str) -> bytes:
        """One of the fields in `FIRST`, as its bytes; a number without zeros in front."""
        return self.fields[_PLACES[name]]

    @property
    def number(self) -> int:
        return int.from_bytes(self.field("number"))

    @property
    def time(self) -> int:
        """In seconds since 1970."""
        return int.from_bytes(self.field("timestamp"))

    @property
    def parent(self) -> bytes:
        return self.field("parentHash")

    @property
    def extra(self) -> bytes:
        return self.field("extraData")

    def hash_with(self, extra: bytes) -> bytes:
        """The hash of the header with another `extraData`: what validators sign."""
        return _hash(self.fields, extra)

    def may_log(self, addresses: Iterable[bytes]) -> bool:
        """Whether the block may hold a log of any of these contracts: where its bloom filter says no, it holds none."""
        bloom = int.from_bytes(self.field("logsBloom"))
        return any(bloom & bits == bits for bits in map(_bits, addresses))


@lru_cache(maxsize=256)
def _bits(address: bytes) -> int:
    """Those of a contract in a bloom filter."""
    digest, bits = keccak(address), 0
    for at in (0, 2, 4):
        bits |= 1 << int.from_bytes(digest[at : at + 2]) % (_BLOOM * 8)
    return bits


def read_header(shown: Any) -> BlockHeader | None:
    """The header in a block as a node shows it; None where it is not one, or does not hash to the hash shown.

    The latter holds for chains whose headers have fields, or hashes, that are not known here. What was shown a moment
    ago, all of it, is not hashed again: a member reads each block as it comes, and again before it signs.
    """
    name = shown.get("hash") if isinstance(shown, dict) else None
    known = _known.get(name) if isinstance(name, str) else None
    if known is not None and known[0] == shown:
        return known[1]
    header = _read(shown)
    if header is None or header.hash not in _hashes(header.fields):
        return None
    if len(_known) >= KEPT:
        _known.clear()
    _known[name] = shown, header
    return header


def is_contradicted(shown: Any) -> bool:
    """Whether a block as a node shows it has all fields of a header known here and no others, but another hash."""
    header = _read(shown)
    if header is None or header.hash in _hashes(header.fields):
        return False
    return {name for name, one in shown.items() if one is not None} <= {*FIRST, *LATER} | BESIDE


def state_root(shown: Any, hash_: bytes) -> bytes | None:
    """The root of the state after a block, where the header that a node shows hashes to the block's hash."""
    header = read_header(shown)
    return header.field("stateRoot") if header is not None and header.hash == hash_ else None


def _read(shown: Any) -> BlockHeader | None:
    """The fields and the hash as a node shows them, whether they fit or not; None where the form is another."""
    try:
        names = (*FIRST, *[one for one in LATER if shown.get(one) is not None])
        return BlockHeader(data(shown["hash"], _HASH), tuple([_field(name, shown[name]) for name in names]))
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _hashes(fields: tuple[bytes, ...]) -> Iterator[bytes]:
    """The header's hash, by each rule that there is."""
    extra = fields[_PLACES["extraData"]]
    yield _hash(fields, extra)
    try:
        parts = read_extra(extra)
    except ValueError:
        return
    for rule in ON_CHAIN.values():
        yield _hash(fields, rule(parts))


def _hash(fields: tuple[bytes, ...], extra: bytes) -> bytes:
    place = _PLACES["extraData"]
    return keccak(rlp.encode([*fields[:place], extra, *fields[place + 1 :]]))


def _field(name: str, text: str) -> bytes:
    if name in NUMBERS:
        if not _QUANTITY.fullmatch(text):
            raise ValueError("a number is not one")
        return rlp.number(int(text, 16))
    if name == "extraData":
        if len(text) > 2 + 2 * LARGEST_EXTRA:
            raise ValueError("bytes are too many")
        return data(text)
    return data(text, _SIZES.get(name, _HASH))
