"""A sum's list of children: whose updates are in it, with what weight, under whose signature.

    {"children":[{"cid":"…","party":"0x…","root":"…","signature":"…","weight":100},…],"fedledger":"children/1"}

One raw block, so that its SHA-256 is its address. A sum's header names that digest, how many children there are, and
the RFC 6962 root over their records: a child shows with log₂ n hashes that it is there (docs/spec/artifact.md, "Sums").
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Literal

from ledger.errors import Malformed, Refuted
from ledger.formats import merkle
from ledger.formats.digest import decode, encode, parse_address
from ledger.formats.edges.members import check_ascending
from ledger.formats.edges.signed import ChildUpdate, signer_of
from ledger.formats.signatures import LENGTH
from ledger.formats.strict import Addressed, Strict

FORMAT: Literal["children/1"] = "children/1"
MAX_CHILDREN = 1 << 11
MAX_SIZE = 1 << 20
MAX_PATH = MAX_CHILDREN.bit_length() - 1
MAX_PROOF = 1 << 14
_DIGEST = 32
_MOST = (1 << 32) - 1


class ChildRecord(Strict, frozen=True):
    """A record: a child, its weight, tensor root and CID's digest of its update, and its signature r, s, v.

    Bytes are hexadecimal, lower case. Raises Malformed for a record that breaks its form; whether the signature is the
    child's own is another matter (`check_signature`).
    """

    party: str
    weight: int
    root: str
    cid: str
    signature: str

    def __post_init__(self) -> None:
        for field, digits, size in (
            ("root", self.root, 32),
            ("cid", self.cid, 32),
            ("signature", self.signature, LENGTH),
        ):
            check_digits(field, digits, size)
        if not 0 < self.weight <= _MOST:
            raise Malformed("a child's weight is out of range", party=self.party[:80], actual=self.weight)

    @classmethod
    def of(cls, party: str, update: ChildUpdate, signature: bytes) -> "ChildRecord":
        """The record of an update that a child signed."""
        digits = {"root": update.root.hex(), "cid": update.cid.hex(), "signature": signature.hex()}
        return cls(party=party, weight=update.weight, **digits)

    def encode(self) -> bytes:
        """The record's bytes: a leaf of the list's tree."""
        return encode(self)

    def update(self, job: int, round_: int, edge: int) -> ChildUpdate:
        """What its signature is of, in this round, for this edge."""
        return ChildUpdate(job, round_, edge, self.weight, bytes.fromhex(self.root), bytes.fromhex(self.cid))


class Children(Addressed, frozen=True):
    """The list, ascending by the children's 20 bytes. Raises Malformed for one that breaks its form."""

    fedledger: Literal["children/1"]
    children: tuple[ChildRecord, ...]

    def __post_init__(self) -> None:
        if not 0 < len(self.children) <= MAX_CHILDREN:
            raise Malformed(
                "a sum has at least one child and not too many", actual=len(self.children), most=MAX_CHILDREN
            )
        check_ascending(tuple(one.party for one in self.children), "a list of children")

    @classmethod
    def of(cls, children: Sequence[ChildRecord]) -> "Children":
        """The list of these children, in any order. Raises Malformed as the class."""
        return cls(fedledger=FORMAT, children=tuple(sorted(children, key=lambda one: bytes.fromhex(one.party[2:]))))

    @cached_property
    def _leaves(self) -> list[bytes]:
        return [merkle.leaf_hash(one.encode()) for one in self.children]

    @cached_property
    def root(self) -> bytes:
        """The RFC 6962 root over the records."""
        return merkle.root(self._leaves)

    @cached_property
    def weight(self) -> int:
        """What the sum weighs."""
        return sum(one.weight for one in self.children)

    def find(self, party: str) -> int | None:
        """A child's place in the list; None where it is not there."""
        return next((place for place, one in enumerate(self.children) if one.party == party), None)

    def prove(self, party: str) -> "InclusionProof":
        """What shows that a child is in the list. Raises Malformed where it is not."""
        place = self.find(party)
        if place is None:
            raise Malformed("this key is not in the list of children", party=party)
        path = tuple(node.hex() for node in merkle.proof(self._leaves, place))
        return InclusionProof(fedledger="child-proof/1", child=self.children[place], place=place, path=path)


class InclusionProof(Strict, frozen=True):
    """A child's record, its place from 0, and the way up to the list's root, lowest first; hexadecimal."""

    fedledger: Literal["child-proof/1"]
    child: ChildRecord
    place: int
    path: tuple[str, ...]

    def encode(self) -> bytes:
        return encode(self)

    def check_form(self) -> None:
        """Raise Malformed where the child is not an address, or the way up is not one."""
        parse_address(self.child.party, "the proof's child")
        if len(self.path) > MAX_PATH:
            raise Malformed("the proof is too long", hashes=len(self.path), most=MAX_PATH)
        for node in self.path:
            check_digits("path", node, _DIGEST)

    def check(self, count: int, root: bytes) -> None:
        """Hold it against what a sum's header names. Raises Malformed for a broken form, Refuted for another root."""
        self.check_form()
        path = [bytes.fromhex(node) for node in self.path]
        found = merkle.root_from_proof(self.child.encode(), self.place, count, path)
        if found != root:
            raise Refuted("the child is not in the sum's list", expected=root.hex(), actual=found.hex())


def parse(data: bytes) -> Children:
    """Read a list of children. Raises Malformed."""
    if len(data) > MAX_SIZE:
        raise Malformed("the list of children is too large", size=len(data), maximum=MAX_SIZE)
    return decode(data, Children, "the list of children")


def parse_proof(data: bytes) -> InclusionProof:
    """Read a proof. Raises Malformed."""
    if len(data) > MAX_PROOF:
        raise Malformed("the proof is too large", size=len(data), maximum=MAX_PROOF)
    proof = decode(data, InclusionProof, "the child's proof")
    proof.check_form()
    return proof


def check_signature(chain: int, ledger: str, update: ChildUpdate, child: ChildRecord) -> None:
    """Raise Malformed where a record is not signed, as `update`, by its own child."""
    signer = signer_of(chain, ledger, update, bytes.fromhex(child.signature))
    if signer != child.party:
        raise Malformed("a child's signature is another's, or of something else", expected=child.party, actual=signer)


def check_digits(field: str, digits: str, size: int) -> None:
    """Raise Malformed for what is not so many bytes in hexadecimal digits, lower case."""
    try:
        data = bytes.fromhex(digits)
    except ValueError:
        data = b""
    if len(data) != size or data.hex() != digits:
        raise Malformed(f"a child's {field} is not {size} bytes in hexadecimal digits", actual=digits[:80])
