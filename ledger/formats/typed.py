"""EIP-712: what members sign at home, under one domain for each contract."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ledger.formats.digest import keccak

Types = dict[str, list[dict[str, str]]]
"""One struct of EIP-712: its name, and its fields in order."""
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
    """The digest of a flat message whose fields are `said`, by name; bytes are bytes or hexadecimal."""
    ((name, fields),) = types.items()
    return keccak(b"\x19\x01" + _place(chain, contract) + _struct(name, fields, said))


@lru_cache(maxsize=16)
def _place(chain: int, contract: str) -> bytes:
    """The domain, hashed."""
    return _struct("EIP712Domain", _DOMAIN, domain(chain, contract))


def _struct(name: str, fields: list[dict[str, str]], said: Mapping[str, Any]) -> bytes:
    kind = f"{name}({','.join(field['type'] + ' ' + field['name'] for field in fields)})"
    words = (_word(field["type"], said[field["name"]]) for field in fields)
    return keccak(_type_hash(kind) + b"".join(words))


@lru_cache(maxsize=16)
def _type_hash(kind: str) -> bytes:
    return keccak(kind.encode())


def _word(kind: str, value: Any) -> bytes:
    if kind == "string":
        return keccak(value.encode())
    if kind.startswith("uint"):
        return int(value).to_bytes(32, "big")
    data = value if isinstance(value, bytes) else bytes.fromhex(value.removeprefix("0x"))
    return keccak(data) if kind == "bytes" else data.rjust(32, b"\x00")
