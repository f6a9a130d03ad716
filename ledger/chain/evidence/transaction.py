"""A signed transaction, read from its raw bytes: what was signed, and by which key."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ledger.chain import rlp
from ledger.chain.quantities import quantity
from ledger.errors import Malformed
from ledger.formats.digest import checksum_address, keccak
from ledger.formats.signatures import recover

LARGEST = 1 << 20
_EIP155 = 35
_TYPED = {1: 11, 2: 12, 3: 14, 4: 13}
"""Number of fields of a typed transaction (EIP-2930, EIP-1559, EIP-4844, EIP-7702): the chain first, then nonce."""
_LEGACY = 9
_SIGNATURE = 3
"""Of its fields the last ones: the signature, over all before them."""
_UNSIGNED = rlp.encode(b"") * 2
"""Stands for r and s in what is signed of a transaction that is not typed (EIP-155)."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """A call that a key signed: for which chain, to which contract (EIP-55), with which data."""

    chain: int
    to: str
    data: bytes
    signer: str


class UncheckedCall(NamedTuple):
    """A transaction before its signature is looked at: for which chain, with which nonce, to which contract (20 bytes),
    with which data; the digest that was signed, and the signature.
    """

    chain: int
    nonce: int
    to: bytes
    data: bytes
    digest: bytes
    r: int
    s: int
    parity: int


def read(raw: bytes) -> Transaction:
    """Read a raw transaction of type 0 (with EIP-155's chain) to 4.

    Raises Malformed for any other, for one that creates a contract, and where a signature is not the canonical one.
    """
    try:
        return _read(raw)
    except ValueError as error:
        raise Malformed(f"this is not a signed transaction: {error}", raw="0x" + raw[:64].hex()) from error


def rebuild(shown: Mapping[str, Any]) -> bytes:
    """The raw form of a transaction that a node shows as JSON, for nodes that lack the raw one.

    It is the caller's to compare its hash. Raises Malformed where a field is missing or is not one.
    """
    try:
        kind = quantity(shown.get("type") or "0x0")
        names = _FIELDS[kind]
        fields: list[rlp.Item] = [_field(name, shown) for name in names]
        return (bytes([kind]) if kind else b"") + rlp.encode(fields)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise Malformed(f"the node does not show the whole transaction: {error}") from error


def _read(raw: bytes) -> Transaction:
    said = signed(raw)
    return Transaction(
        said.chain, checksum_address(said.to), said.data, recover(said.digest, said.r, said.s, said.parity)
    )


def signed(raw: bytes) -> UncheckedCall:
    """The same without asking whose signature it is, nor whether it is one.

    Raises ValueError, too where it sends ether: no contract of the ledger takes any, so it failed.
    """
    if not 0 < len(raw) <= LARGEST:
        raise ValueError("it is empty or too large")
    kind = raw[0] if raw[0] in _TYPED else 0
    body = raw[1:] if kind else raw
    fields = rlp.decode(body)
    if not isinstance(fields, list) or len(fields) != _TYPED.get(kind, _LEGACY):
        raise ValueError("it is not of type 0 to 4")
    numbers = [_number(fields[place]) for place in _NUMBERS[kind]]
    lists = zip(_FIELDS[kind], fields, strict=True)
    if not all(_LISTS[name](field) for name, field in lists if name in _LISTS):
        raise ValueError("a list in it is not in its form")
    signature = numbers[-_SIGNATURE:]
    parity, r, s = map(int.from_bytes, signature)
    if kind:
        chain, nonce, more = int.from_bytes(numbers[0]), int.from_bytes(numbers[1]), b""
    else:
        if parity < _EIP155:
            raise ValueError("it is not bound to a chain")
        chain, parity = divmod(parity - _EIP155, 2)
        nonce, more = int.from_bytes(numbers[0]), rlp.encode(rlp.number(chain)) + _UNSIGNED
    content = rlp.content(body)[: -sum(map(rlp.length, signature))]
    digest = keccak(raw[: len(raw) - len(body)] + rlp.enclose(content, more))
    to, value, data = (fields[place] for place in _CALL_PLACES[kind])
    if value != b"":
        raise ValueError("it sends ether, which no contract of the ledger takes: it failed")
    if not isinstance(to, bytes) or len(to) != 20 or not isinstance(data, bytes):
        raise ValueError("it does not call a contract")
    return UncheckedCall(chain, nonce, to, data, digest, r, s, parity)


def _is_access_list(item: rlp.Item) -> bool:
    """Whether it is a list of pairs (EIP-2930): an address, and storage keys of 32 bytes."""
    return isinstance(item, list) and all(
        isinstance(pair, list)
        and len(pair) == 2
        and _has_length(pair[0], 20)
        and isinstance(pair[1], list)
        and all(_has_length(key, 32) for key in pair[1])
        for pair in item
    )


def _is_grants(item: rlp.Item) -> bool:
    """Whether it is a list of authorisations (EIP-7702): chain, address, nonce, and a signature of three numbers."""
    return isinstance(item, list) and all(isinstance(one, list) and len(one) == 6 and _is_grant(one) for one in item)


def _is_grant(fields: list[rlp.Item]) -> bool:
    chain, address, *numbers = fields
    return _has_length(address, 20) and all(_is_number(one) for one in (chain, *numbers))


def _is_hashes(item: rlp.Item) -> bool:
    """Whether it is a list of digests (EIP-4844)."""
    return isinstance(item, list) and all(_has_length(one, 32) for one in item)


def _has_length(item: rlp.Item, length: int) -> bool:
    return isinstance(item, bytes) and len(item) == length


def _number(item: rlp.Item) -> bytes:
    """A number's bytes. Raises ValueError where they are not in its one form."""
    if not isinstance(item, bytes) or not _is_number(item):
        raise ValueError("a number is not in its one form")
    return item


def _is_number(item: rlp.Item) -> bool:
    return isinstance(item, bytes) and item[:1] != b"\x00" and len(item) <= 32


_CALL = ("gas", "to", "value", "input")
_FEES = ("chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas")
_SIGNED = ("yParity", "r", "s")
_FIELDS: dict[int, tuple[str, ...]] = {
    0: ("nonce", "gasPrice", *_CALL, "v", "r", "s"),
    1: ("chainId", "nonce", "gasPrice", *_CALL, "accessList", *_SIGNED),
    2: (*_FEES, *_CALL, "accessList", *_SIGNED),
    3: (*_FEES, *_CALL, "accessList", "maxFeePerBlobGas", "blobVersionedHashes", *_SIGNED),
    4: (*_FEES, *_CALL, "accessList", "authorizationList", *_SIGNED),
}
_LISTS: Mapping[str, Callable[[rlp.Item], bool]] = {
    "accessList": _is_access_list,
    "blobVersionedHashes": _is_hashes,
    "authorizationList": _is_grants,
}
_CALLED = ("to", "value", "input")
_NUMBERS = {
    kind: [place for place, name in enumerate(_FIELDS[kind]) if name not in (*_CALLED, *_LISTS)]
    for kind in (0, *_TYPED)
}
_CALL_PLACES = {kind: [_FIELDS[kind].index(name) for name in _CALLED] for kind in _NUMBERS}
_AUTHORISED = ("chainId", "address", "nonce", "yParity", "r", "s")


def _field(name: str, shown: Mapping[str, Any]) -> rlp.Item:
    if name == "accessList":
        return [
            [_bytes(entry["address"]), [_bytes(key) for key in entry["storageKeys"]]] for entry in shown.get(name) or ()
        ]
    if name == "authorizationList":
        return [[_field(part, entry) for part in _AUTHORISED] for entry in shown[name]]
    if name == "blobVersionedHashes":
        return [_bytes(one) for one in shown[name]]
    if name in ("to", "input", "address"):
        return _bytes(shown[name] or "0x")
    value = shown["v"] if name == "yParity" and "yParity" not in shown else shown[name]
    return rlp.number(quantity(value))


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
