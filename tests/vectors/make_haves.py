"""Writes haves.json beside it: `python tests/vectors/make_haves.py`. A change of any byte is a new format.

Keys are the SHA-256 of "fedledger vector" and the member's index: for vectors alone.
"""

import json
import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from ledger.events.haves import Have, Push, content_of, digest_of, have_to_sign, push_to_sign
from ledger.formats.signatures import ORDER
from ledger.rounds.receipts import Roll, SignedHave, certified, cid_of, encode, held, marks, merged

FOLDER = Path(__file__).parent
FILE = "haves.json"
CHAIN, LEDGER, JOB, ROUND = 31337, "0x5FbDB2315678afecb367f032d93F642f64180aa3", 1, 2
MEMBERS = 5
OPENED = {index: sha256(b"update %d" % index).digest() for index in (0, 1, 3, 4)}
"""Digests of CIDs. Member 2 opened nothing."""
GONE = OPENED | {3: sha256(b"another update of member 3").digest()}
"""What was open on a branch of the chain that was given up."""


def account(index: int) -> LocalAccount:
    """The key of member `index`."""
    made: LocalAccount = Account.from_key(sha256(b"fedledger vector" + bytes([index])).digest())
    return made


def have(updates: int, block: int, *, round_: int = ROUND, opened: Mapping[int, bytes] = OPENED) -> Have:
    """What is said of updates; what one that was not opened consists of is made up."""
    held = {index: opened.get(index, bytes(32)) for index in marks(updates)}
    return Have(JOB, round_, updates, content_of(held), block)


def receipt(member: int, updates: int, block: int, *, signer: int | None = None, **about: Any) -> SignedHave:
    """A message of this member's, signed by it or by another."""
    domain, types, message = have_to_sign(CHAIN, LEDGER, have(updates, block, **about))
    signed = account(member if signer is None else signer).sign_typed_data(domain, types, message)
    return SignedHave(member, updates, block, bytes(signed.signature))


def roll() -> Roll:
    """What the receipts are judged by."""
    keys = {index: account(index).address for index in range(MEMBERS)}
    return Roll(CHAIN, LEDGER, JOB, ROUND, MEMBERS, keys, OPENED)


FILES: dict[str, list[SignedHave]] = {
    "none": [],
    "two signed for all": [receipt(0, 0b11011, 110), receipt(1, 0b11011, 110)],
    "three signed for all": [receipt(index, 0b11011, 110 + index) for index in (4, 2, 0)],
    "later ones add": [
        receipt(0, 0b01, 101),
        receipt(0, 0b1011, 105),
        receipt(1, 0b11, 102),
        receipt(2, 0b1010, 103),
        receipt(3, 0b10000, 104),
        receipt(3, 0b11000, 109),
    ],
    "an update that was not opened": [receipt(index, 0b00101, 110) for index in range(5)],
    "another update of member 3": [receipt(index, 0b11011, 110, opened=GONE) for index in range(5)],
    "what else was said on that branch": [receipt(index, 0b10011, 110, opened=GONE) for index in range(3)],
    "said again on the one that stayed": [
        receipt(0, 0b01011, 109, opened=GONE),
        receipt(0, 0b11011, 110),
        receipt(1, 0b00011, 109, opened=GONE),
        receipt(1, 0b11000, 110),
        receipt(2, 0b00001, 109),
        receipt(2, 0b01000, 110, opened=GONE),
    ],
    "another member's signature": [receipt(0, 0b1, 110), receipt(1, 0b1, 110), receipt(2, 0b1, 110, signer=1)],
    "of another round": [receipt(index, 0b1, 110, round_=1) for index in range(5)],
    "one member, thrice": [receipt(0, 0b1, 110), receipt(0, 0b10, 111), receipt(0, 0b1000, 112)],
    "a stranger": [receipt(0, 0b1, 110), receipt(1, 0b1, 110), receipt(9, 0b1, 110)],
}


def refused() -> dict[str, bytes]:
    """Files that are not in the one form."""
    one, two = receipt(0, 0b11, 110), receipt(1, 0b11, 110)
    flipped = bytearray(one.encode())
    s = ORDER - int.from_bytes(flipped[-33:-1], "big")
    flipped[-33:-1], flipped[-1] = s.to_bytes(32, "big"), 55 - flipped[-1]
    return {
        "cut": one.encode()[:-1],
        "longer": one.encode() + b"\0",
        "not sorted": encode([two, one]),
        "twice the same": encode([one, one]),
        "adds nothing": encode([one, receipt(0, 0b01, 111)]),
        "blocks fall": encode([receipt(0, 0b01, 111), receipt(0, 0b10, 110)]),
        "no update": one._replace(updates=0).encode(),
        "bit 255": one._replace(updates=1 << 255).encode(),
        "member 255": one._replace(member=255).encode(),
        "s in the upper half": bytes(flipped),
        "r of zero": one._replace(signature=bytes(32) + one.signature[32:]).encode(),
        "v of 0": one._replace(signature=one.signature[:64] + b"\0").encode(),
    }


def _file(name: str, receipts: list[SignedHave]) -> dict[str, Any]:
    data = encode(merged(receipts))
    found = {str(member): marks(updates) for member, updates in sorted(held(receipts, roll()).items())}
    outcome = {"held": found, "certified": sorted(certified(receipts, roll()))}
    return {"name": name, "file": data.hex(), "digest": cid_of(data).digest.hex(), "cid": str(cid_of(data)), **outcome}


def _message(signed: SignedHave) -> dict[str, Any]:
    about = have(signed.updates, signed.block)
    said = {"member": signed.member, "updates": hex(about.updates), "block": about.block}
    digest = digest_of(CHAIN, LEDGER, about).hex()
    content = {"content": about.content.hex(), "digest": digest}
    return said | content | {"signature": signed.signature.hex(), "entry": signed.encode().hex()}


def _push() -> dict[str, Any]:
    push = Push(JOB, ROUND, bytes([7]) * 32)
    signed = account(0).sign_typed_data(*push_to_sign(CHAIN, LEDGER, push))
    digest = digest_of(CHAIN, LEDGER, push).hex()
    return {"file": push.file.hex(), "digest": digest, "signature": bytes(signed.signature).hex()}


def text() -> str:
    """The vectors as the file has them."""
    about = roll()
    whole = {
        "place": {"chain": CHAIN, "ledger": LEDGER, "job": JOB, "round": ROUND},
        "members": MEMBERS,
        "keys": list(about.keys.values()),
        "opened": {str(index): cid.hex() for index, cid in OPENED.items()},
        "messages": [_message(receipt(0, 0b11011, 110)), _message(receipt(4, 1 << 254, (1 << 40) - 1))],
        "push": _push(),
        "files": [_file(name, receipts) for name, receipts in FILES.items()],
        "refused": [{"name": name, "file": data.hex()} for name, data in refused().items()],
    }
    return json.dumps(whole, indent=1) + "\n"


if __name__ == "__main__":
    (FOLDER / FILE).write_text(text(), encoding="utf-8")
    sys.stdout.write(f"{FILE}\n")
