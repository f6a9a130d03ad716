"""Writes edges.json beside it: `python tests/vectors/make_edges.py`. A change of any byte is a new format.

Keys are the SHA-256 of "fedledger vector" and a number: for vectors alone. The edge has 0, children 10 to 13.
"""

import json
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from eth_account import Account
from eth_account.signers.local import LocalAccount

from ledger.formats.artifact import Layout, Tensor
from ledger.formats.cid import Cid, of_file
from ledger.formats.edges.children import ChildRecord, Children
from ledger.formats.edges.members import EdgeMembers
from ledger.formats.edges.receipts import EdgeReceipt
from ledger.formats.edges.signed import ChildUpdate, digest_of, receipt_for, receipt_to_sign, update_to_sign
from ledger.formats.header import Binding
from ledger.formats.merkle import root_of
from ledger.formats.unixfs import cid_of

FOLDER = Path(__file__).parent
FILE = "edges.json"
CHAIN, LEDGER, JOB, ROUND, EDGE = 31337, "0x5FbDB2315678afecb367f032d93F642f64180aa3", 1, 2, 0
BASE = bytes(range(32))
LAYOUT = Layout((Tensor("layer.bias", (2,)), Tensor("layer.weight", (2, 3))))
UPDATES = {
    10: (100, [1, -1, 0, 7, 2, -2, 50, -50]),
    11: (200, [0, 0, 1, 7, 3, -3, 49, -49]),
    12: (16_000_000, [2**31 - 1, -(2**31), 0, 1, -1, 5, 77, 78]),
}
"""Weight and integers, by child."""


def account(number: int) -> LocalAccount:
    """A key of these vectors."""
    made: LocalAccount = Account.from_key(sha256(b"fedledger vector" + bytes([number])).digest())
    return made


def signed(number: int, typed: tuple[Any, Any, Any]) -> bytes:
    """A signature r, s, v."""
    return bytes(account(number).sign_typed_data(*typed).signature)


def update_file(number: int) -> tuple[bytes, bytes, Cid]:
    """A child's file, tensor root and CID."""
    binding = Binding(
        kind="update",
        chain=CHAIN,
        contract=LEDGER,
        job=JOB,
        round=ROUND,
        party=account(number).address,
        base=BASE,
        rows=number,
        data=bytes([number]) * 32,
    )
    values = np.array(UPDATES[number][1], "<i4").tobytes()
    data = LAYOUT.header(binding) + values
    return data, root_of(values), cid_of([data])[0]


def said(number: int) -> ChildUpdate:
    """What a child signs."""
    _, root, cid = update_file(number)
    return ChildUpdate(JOB, ROUND, EDGE, UPDATES[number][0], root, cid.digest)


def child(number: int) -> tuple[ChildRecord, dict[str, Any]]:
    """A child's record, and how it comes about."""
    update = said(number)
    record = ChildRecord.of(account(number).address, update, signed(number, update_to_sign(CHAIN, LEDGER, update)))
    made = {
        "key": number,
        "party": record.party,
        "weight": record.weight,
        "values": UPDATES[number][1],
        "rows": number,
        "root": record.root,
        "cid": str(of_file(update.cid, LAYOUT.size)),
        "digest": digest_of(CHAIN, LEDGER, update).hex(),
        "record": record.encode().decode(),
    }
    return record, made


def text() -> str:
    """The file."""
    members = EdgeMembers.of([account(number).address for number in (10, 11, 12, 13)])
    records, children = zip(*(child(number) for number in UPDATES), strict=True)
    listed = Children.of(records)
    sums = sum(weight * np.array(values, np.int64) for weight, values in UPDATES.values()).astype("<i8")
    binding = Binding(
        kind="sum",
        chain=CHAIN,
        contract=LEDGER,
        job=JOB,
        round=ROUND,
        party=account(EDGE).address,
        base=BASE,
    ).over(len(records), listed.digest, listed.root)
    file = LAYOUT.wide.header(binding) + sums.tobytes()
    update = said(11)
    typed = receipt_to_sign(CHAIN, LEDGER, receipt_for(update, account(11).address))
    receipt = EdgeReceipt.of(
        CHAIN, LEDGER, update, account(11).address, bytes.fromhex(records[1].signature), signed(EDGE, typed)
    )
    whole = {
        "chain": CHAIN,
        "ledger": LEDGER,
        "job": JOB,
        "round": ROUND,
        "edge": EDGE,
        "base": BASE.hex(),
        "tensors": [{"name": one.name, "shape": list(one.shape)} for one in LAYOUT.tensors],
        "members": {"document": members.encode().decode(), "digest": members.digest.hex()},
        "children": list(children),
        "list": {
            "document": listed.encode().decode(),
            "digest": listed.digest.hex(),
            "root": listed.root.hex(),
            "proofs": [listed.prove(one.party).encode().decode() for one in listed.children],
        },
        "sum": {
            "values": [str(value) for value in sums.tolist()],
            "weight": listed.weight,
            "root": root_of(sums.tobytes()).hex(),
            "size": len(file),
            "header": file[8 : LAYOUT.wide.header_size].decode().rstrip(),
            "cid": str(cid_of([file])[0]),
        },
        "receipt": {
            "document": receipt.encode().decode(),
            "digest": digest_of(CHAIN, LEDGER, receipt.said).hex(),
            "signer": receipt.signer(),
        },
    }
    return json.dumps(whole, indent=1) + "\n"


if __name__ == "__main__":
    sys.exit((FOLDER / FILE).write_text(text(), encoding="utf-8") and 0)
