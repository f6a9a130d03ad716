"""Writes head.json beside it: `python tests/vectors/make_head.py`. A change of any byte is a new format.

A founding, 70 events as the chain logs them, and the head over the first 0, 1, 2, 3, 7, 8 and 70 of them.
"""

import json
from pathlib import Path
from typing import Any

from ledger.formats.digest import checksum_address, sha256
from ledger.formats.head import FoundingRecord, HeadTree, LogRecord, leaf

SIZES = (0, 1, 2, 3, 7, 8, 70)
CONTRACTS = tuple(checksum_address(sha256(b"contract %d" % place)[:20]) for place in range(8))
FOUNDING = FoundingRecord(31337, 7, sha256(b"founding block"), *CONTRACTS)


def record(number: int) -> LogRecord:
    """Event `number`, from 0: two of each block, with 0 to 4 topics and data of any length."""
    contract = bytes.fromhex(CONTRACTS[number % 7][2:])
    topics = [sha256(b"topic %d %d" % (number, place)) for place in range(number * 3 % 5)]
    data = sha256(b"data %d" % number) * 3
    return LogRecord(7 + number // 2, sha256(b"transaction %d" % number), contract, topics, data[: number * 5 % 97])


def text() -> str:
    """What the file must hold."""
    records = [record(number) for number in range(max(SIZES))]
    tree = HeadTree(FOUNDING.leaf, map(leaf, records))
    events = [_said(one) for one in records]
    heads = [{"events": n, "root": tree.root(n).hex(), "head": tree.head(n).hex()} for n in SIZES]
    founding = {**FOUNDING._asdict(), "hash": FOUNDING.hash.hex(), "leaf": FOUNDING.leaf.hex()}
    return json.dumps({"founding": founding, "events": events, "heads": heads}, indent=1) + "\n"


def _said(one: LogRecord) -> dict[str, Any]:
    words = {"tx": one.tx.hex(), "contract": one.contract.hex(), "topics": [topic.hex() for topic in one.topics]}
    return {"block": one.block, **words, "data": one.data.hex(), "leaf": leaf(one).hex()}


if __name__ == "__main__":
    Path(__file__).with_name("head.json").write_text(text(), encoding="utf-8")
