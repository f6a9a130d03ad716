"""Receipts as a node shows them, encoded as a block's receipts root covers them. Pure."""

import re
from typing import Any, NamedTuple

from ledger.chain import rlp
from ledger.chain.quantities import data

TYPES = range(5)
"""Of transactions and their receipts (EIP-2718): legacy, 2930, 1559, 4844, 7702, which share one form of receipt."""
_HASH, _ADDRESS, _BLOOM, _TOPICS = 32, 20, 256, 4
_NUMBER = re.compile("0x[0-9a-fA-F]{1,16}")


class ShownLog(NamedTuple):
    """A log in a receipt: the contract (20 bytes), its topics and data."""

    contract: bytes
    topics: list[bytes]
    data: bytes


class LoggedReceipt(NamedTuple):
    """A receipt's one encoding, and the logs in it."""

    encoded: bytes
    logs: list[ShownLog]


def read_receipt(shown: Any) -> LoggedReceipt:
    """A receipt from what a node shows. Raises ValueError where it is not one, or of a type that is not known."""
    try:
        kind = _quantity(shown.get("type") or "0x0")
        if kind not in TYPES:
            raise ValueError(f"a receipt is of type {kind}, which is not known")
        logs = [_log(one) for one in shown["logs"]]
        body = rlp.encode([_status(shown), _spent(shown), data(shown["logsBloom"], _BLOOM), [_plain(o) for o in logs]])
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("what is shown is not a receipt") from error
    return LoggedReceipt((bytes([kind]) if kind else b"") + body, logs)


def _status(shown: dict[str, Any]) -> bytes:
    """Whether it succeeded; the root of the state after it, before Byzantium."""
    if shown.get("status") is None:
        return data(shown["root"], _HASH)
    status = _quantity(shown["status"])
    if status not in (0, 1):
        raise ValueError("a receipt's status is not one")
    return rlp.number(status)


def _spent(shown: dict[str, Any]) -> bytes:
    return rlp.number(_quantity(shown["cumulativeGasUsed"]))


def _log(shown: dict[str, Any]) -> ShownLog:
    topics = [data(topic, _HASH) for topic in shown["topics"]]
    if len(topics) > _TOPICS:
        raise ValueError("a log has too many topics")
    return ShownLog(data(shown["address"], _ADDRESS), topics, data(shown["data"]))


def _plain(log: ShownLog) -> rlp.Item:
    return [log.contract, list(log.topics), log.data]


def _quantity(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise ValueError("a number is not one")
    return int(text, 16)
