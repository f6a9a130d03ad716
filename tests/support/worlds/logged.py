"""Events as the chain logs them, encoded by another library: the raw words behind every record, and their leaves."""

from collections.abc import Mapping
from enum import IntEnum
from functools import cache
from typing import Any

import msgspec
from eth_abi.abi import encode

from ledger.chain.build import SOLIDITY_NAMES, ContractName, committed
from ledger.chain.codec import signature
from ledger.chain.logs import snake
from ledger.events import records
from ledger.formats.digest import keccak
from ledger.formats.head import LogRecord, leaf


def log_of(event: records.Event, addresses: Mapping[ContractName, str]) -> LogRecord:
    """The log that the contract writes for an event, where the contracts stand at these addresses."""
    contract, entry = _entries()[type(event).__name__]
    topics, rest = [keccak(signature(entry).encode())], []
    for field in entry["inputs"]:
        value = _plain(getattr(event, snake(field["name"])))
        if field["indexed"]:
            topics.append(encode([field["type"]], [value]))
        else:
            rest.append((_kind(field), value))
    data = encode([kind for kind, _ in rest], [value for _, value in rest])
    return LogRecord(event.block, event.tx, bytes.fromhex(addresses[contract][2:]), topics, data)


def logged(event: records.Event, addresses: Mapping[ContractName, str]) -> records.Event:
    """The event with the leaf of its log."""
    return msgspec.structs.replace(event, leaf=leaf(log_of(event, addresses)))


@cache
def _entries() -> dict[str, tuple[ContractName, dict[str, Any]]]:
    """The contract and the ABI's entry of each event."""
    abis = {name: committed(name).abi for name in SOLIDITY_NAMES}
    return {entry["name"]: (name, entry) for name, abi in abis.items() for entry in abi if entry["type"] == "event"}


def _kind(field: dict[str, Any]) -> str:
    parts = field.get("components")
    if not parts:
        return str(field["type"])
    return f"({','.join(_kind(part) for part in parts)}){field['type'].removeprefix('tuple')}"


def _plain(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return tuple(_plain(part) for part in msgspec.structs.astuple(value))
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return int(value) if isinstance(value, IntEnum) else value
