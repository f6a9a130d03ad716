"""Erasures: what a party signs when it deletes the key of its own update (docs/spec/seals.md, "Adding, removing,
erasing"). A statement, and no proof: an audit repeats it as the reason of what it cannot look at.
"""

from typing import NamedTuple

from ledger.errors import Malformed
from ledger.formats.signatures import LENGTH, signer
from ledger.formats.typed import TypedData, Types, domain, typed_digest
from ledger.seals.keys import NAME, UpdateName, unpack_name

MAGIC = b"fedledger/gone/1"
SIZE = len(MAGIC) + NAME + 32 + LENGTH
"""Bytes of an erasure's file."""
ERASURE_TYPES: Types = {
    "Erasure": [
        {"name": "job", "type": "uint32"},
        {"name": "round", "type": "uint32"},
        {"name": "party", "type": "address"},
        {"name": "cid", "type": "bytes32"},
    ]
}


class Erasure(NamedTuple):
    """Says "I deleted the key of my update": `cid` is the digest in the sealed file's CID."""

    name: UpdateName
    cid: bytes

    def encode(self, signature: bytes) -> bytes:
        """Its file."""
        return MAGIC + self.name.packed + self.cid + signature

    def to_sign(self) -> TypedData:
        """What the party signs, under RoundLedger's domain."""
        return domain(self.name.round.chain, self.name.round.ledger), ERASURE_TYPES, self._said()

    def _said(self) -> dict[str, object]:
        _, _, job, number = self.name.round
        return {"job": job, "round": number, "party": self.name.party, "cid": self.cid}


def read_erasure(data: bytes) -> Erasure:
    """An erasure, from its file. Raises Malformed for any other bytes, and where its party did not sign it."""
    if len(data) != SIZE or data[: len(MAGIC)] != MAGIC:
        raise Malformed("this is not an erasure", expected=SIZE, actual=len(data))
    at = len(MAGIC) + NAME
    said = Erasure(unpack_name(data[len(MAGIC) : at]), data[at : at + 32])
    chain, ledger, _, _ = said.name.round
    author = signer(typed_digest(chain, ledger, ERASURE_TYPES, said._said()), data[-LENGTH:])
    if author != said.name.party:
        raise Malformed("an erasure that its party did not sign", expected=said.name.party, actual=author)
    return said
