"""A child's receipt: its update as it signed it, and the edge's signature that it will be in the sum.

With the list that the edge then published it convicts an edge that left the child out (docs/spec/audit.md, "Edges").
"""

from typing import Literal

from ledger.errors import Malformed
from ledger.formats.digest import decode, encode, parse_address
from ledger.formats.edges.children import ChildRecord, check_digits, check_signature
from ledger.formats.edges.signed import ChildReceipt, ChildUpdate, receipt_for, signer_of
from ledger.formats.signatures import LENGTH
from ledger.formats.strict import Strict

FORMAT: Literal["edge-receipt/1"] = "edge-receipt/1"
MAX_SIZE = 4096


class EdgeReceipt(Strict, frozen=True):
    """`edge` is its member index; `signature` the child's, `receipt` the edge's, each r, s, v in hexadecimal."""

    fedledger: Literal["edge-receipt/1"]
    chain: int
    ledger: str
    job: int
    round: int
    edge: int
    party: str
    weight: int
    root: str
    cid: str
    signature: str
    receipt: str

    @classmethod
    def of(
        cls, chain: int, ledger: str, update: ChildUpdate, party: str, signature: bytes, receipt: bytes
    ) -> "EdgeReceipt":
        """What an edge answers to a child."""
        return cls(
            fedledger=FORMAT,
            chain=chain,
            ledger=ledger,
            job=update.job,
            round=update.round,
            edge=update.edge,
            party=party,
            weight=update.weight,
            root=update.root.hex(),
            cid=update.cid.hex(),
            signature=signature.hex(),
            receipt=receipt.hex(),
        )

    def encode(self) -> bytes:
        return encode(self)

    @property
    def child(self) -> ChildRecord:
        """The record that the edge's list must have. Raises Malformed."""
        said = {"root": self.root, "cid": self.cid, "signature": self.signature}
        return ChildRecord(party=self.party, weight=self.weight, **said)

    @property
    def update(self) -> ChildUpdate:
        """What the child signed."""
        return self.child.update(self.job, self.round, self.edge)

    @property
    def said(self) -> ChildReceipt:
        """What the edge signed."""
        return receipt_for(self.update, self.party)

    def signer(self) -> str:
        """The address whose key signed the receipt. Raises Malformed."""
        return signer_of(self.chain, self.ledger, self.said, bytes.fromhex(self.receipt))


def parse(data: bytes) -> EdgeReceipt:
    """Read a receipt, the child's signature checked; whose the edge's is, the ledger says. Raises Malformed.

    1. Small, and the one encoding of its document. 2. Addresses, numbers and digests in their form. 3. The child signed
    its update. 4. The edge's signature is in its one form.
    """
    if len(data) > MAX_SIZE:
        raise Malformed("the receipt is too large", size=len(data), maximum=MAX_SIZE)
    receipt = decode(data, EdgeReceipt, "the edge's receipt")
    parse_address(receipt.ledger, "the receipt's ledger")
    parse_address(receipt.party, "the receipt's party")
    numbers = (("chain", 63), ("job", 32), ("round", 24), ("edge", 8), ("weight", 32))
    for field, bits in numbers:
        if not 0 <= getattr(receipt, field) < 1 << bits:
            raise Malformed("a number of the receipt is out of range", field=field, actual=getattr(receipt, field))
    check_signature(receipt.chain, receipt.ledger, receipt.update, receipt.child)
    check_digits("receipt", receipt.receipt, LENGTH)
    receipt.signer()
    return receipt
