"""EIP-712: what members sign at home, under one domain for each contract."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ledger.formats.digest import keccak

Types = dict[str, list[dict[str, str]]]
"""Structs of EIP-712: by name, their fields in order. The first is what is signed; others may stand in it."""
TypedData = tuple[dict[str, Any], dict[str, Any], dict[str, Any]]
"""Domain, types and message, as eth_account's `encode_typed_data` takes them."""
_DOMAIN = [
    {"name": "name", "type": "string"},
    {"name": "version", "type": "string"},
    {"name": "chainId", "type": "uint256"},
    {"name": "verifyingContract", "type": "address"},
]


def domain(chain: int, contract: str) -> dict[str, Any]:
    """The domain of what is signed for a contract of ours, by its address."""
    return {"name": "fedledger", "version": "1", "chainId": chain, "verifyingContract": contract}


def typed_digest(chain: int, contract: str, types: Types, said: Mapping[str, Any]) -> bytes:
    """The digest of a message whose fields are `said`, by name; bytes are bytes or hexadecimal.

    A struct in it is its fields, or its hash.
    """
    return keccak(b"\x19\x01" + _place(chain, contract) + hash_struct(types, next(iter(types)), said))


def hash_struct(types: Types, name: str, said: Mapping[str, Any]) -> bytes:
    """The hash of one struct of `types`, which are those that stand in it, too."""
    fields = types[name]
    inner = sorted({field["type"] for field in fields} & types.keys())
    kind = "".join(_declared(one, types[one]) for one in (name, *inner))
    words = (_word(types, field["type"], said[field["name"]]) for field in fields)
    return keccak(_type_hash(kind) + b"".join(words))


@lru_cache(maxsize=16)
def _place(chain: int, contract: str) -> bytes:
    """The domain, hashed."""
    return hash_struct({"EIP712Domain": _DOMAIN}, "EIP712Domain", domain(chain, contract))


def _declared(name: str, fields: list[dict[str, str]]) -> str:
    return f"{name}({','.join(field['type'] + ' ' + field['name'] for field in fields)})"


@lru_cache(maxsize=64)
def _type_hash(kind: str) -> bytes:
    return keccak(kind.encode())


def _word(types: Types, kind: str, value: Any) -> bytes:
    if isinstance(value, Mapping):
        return hash_struct(types, kind, value)
    if kind == "string":
        return keccak(value if isinstance(value, bytes) else value.encode())
    if kind.startswith("uint"):
        return int(value).to_bytes(32, "big")
    data = value if isinstance(value, bytes) else bytes.fromhex(value.removeprefix("0x"))
    return keccak(data) if kind == "bytes" else data.rjust(32, b"\x00")
