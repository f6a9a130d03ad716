"""What members bring to a sum: files of ciphertexts, signed, read side by side and added up by everyone alike.

File (docs/spec/encrypted-sums.md): magic 16, plan 32, party 20, weight u32, blocks of packed residues, signature 65.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ledger.errors import Malformed
from ledger.formats.artifact import Buffer
from ledger.formats.digest import checksum_address, sha256
from ledger.formats.signatures import LENGTH, signer
from ledger.formats.typed import TypedData, Types, domain, typed_digest
from ledger.homomorphic.parameters import BLOCK, DEGREE, MODULI, POLYNOMIALS, blocks_of
from ledger.homomorphic.plan import SumPlan
from ledger.homomorphic.residues import Residues, add, packed, unpacked
from ledger.rounds.inputs import Stream

MAGIC = b"fedledger/bfvc/1"
HEAD = len(MAGIC) + 32 + 20 + 4
TYPES: Types = {
    "Contribution": [
        {"name": "plan", "type": "bytes32"},
        {"name": "weight", "type": "uint32"},
        {"name": "ciphertexts", "type": "bytes32"},
    ]
}


def contribution_size(plan: SumPlan) -> int:
    """Bytes of every contribution to a sum."""
    return HEAD + blocks_of(plan.values) * BLOCK + LENGTH


def contribution_head(plan: SumPlan, party: str, weight: int) -> bytes:
    """The first bytes of a contribution."""
    return MAGIC + plan.digest + bytes.fromhex(party[2:]) + weight.to_bytes(4, "big")


class Contributed(NamedTuple):
    """Who brought ciphertexts, with which weight; `ciphertexts` is the SHA-256 of the blocks in its file."""

    plan: SumPlan
    party: str
    weight: int
    ciphertexts: bytes

    def to_sign(self) -> TypedData:
        """What the member signs, under RoundLedger's domain."""
        return domain(self.plan.chain, self.plan.ledger), TYPES, self._said()

    def check(self, signature: bytes) -> None:
        """Raises Malformed where its party did not sign it."""
        author = signer(typed_digest(self.plan.chain, self.plan.ledger, TYPES, self._said()), signature)
        if author != self.party:
            raise Malformed(
                "a contribution that its party did not sign: it was damaged or made up on the way",
                expected=self.party,
                actual=author,
            )

    def _said(self) -> dict[str, object]:
        return {"plan": self.plan.digest, "weight": self.weight, "ciphertexts": self.ciphertexts}


class CiphertextSum(NamedTuple):
    """What was added up. `sum` is the SHA-256 of the sum's blocks: the same for everyone who has the same files."""

    contributed: tuple[Contributed, ...]
    sum: bytes

    @property
    def set(self) -> int:
        """Whose values are in it: a bitmap by place among the plan's members."""
        return sum(1 << one.plan.members.index(one.party) for one in self.contributed)

    @property
    def contributions(self) -> bytes:
        """A digest of what each brought, in the order of members, and with which weight."""
        return sha256(b"".join(one.ciphertexts + one.weight.to_bytes(4, "big") for one in self.contributed))

    @property
    def divisor(self) -> int:
        """The sum of weights."""
        return sum(one.weight for one in self.contributed)


class ContributionReading:
    """One contribution, read once from front to back; `check` says in the end whether its party signed it."""

    def __init__(self, plan: SumPlan, pieces: Iterator[Buffer]) -> None:
        """Reads the head. Raises Malformed where it is another plan's, or its weight is out of bounds."""
        self._plan, self._stream, self._hash = plan, Stream(pieces), hashlib.sha256()
        head = bytes(self._stream.take(HEAD))
        if len(head) != HEAD or head[:16] != MAGIC:
            raise Malformed("this is not a contribution to a sum", expected=MAGIC.decode(), actual=head[:16])
        if head[16:48] != plan.digest:
            raise Malformed("a contribution to another sum", expected=plan.digest, actual=head[16:48])
        self.party, self.weight = checksum_address(head[48:68]), int.from_bytes(head[68:], "big")
        self.index = plan.index_of(self.party)
        if not 1 <= self.weight <= plan.max_weight:
            raise Malformed(
                "a contribution's weight is out of bounds",
                party=self.party,
                minimum=1,
                maximum=plan.max_weight,
                actual=self.weight,
            )

    def next_block(self) -> Residues:
        """The next ciphertext. Raises Malformed for one that is short, or has a residue not below its modulus."""
        data = self._stream.take(BLOCK)
        self._hash.update(data)
        return unpacked(data, POLYNOMIALS, MODULI, f"the contribution of {self.party}")

    def check(self) -> Contributed:
        """What it is, once all of its blocks were read. Raises Malformed for a longer file, and as `Contributed`."""
        tail = bytes(self._stream.take(LENGTH + 1))
        if len(tail) != LENGTH:
            raise Malformed(
                "a contribution has another length", party=self.party, expected=contribution_size(self._plan)
            )
        said = Contributed(self._plan, self.party, self.weight, self._hash.digest())
        said.check(tail)
        return said


class Summing:
    """Adds up contributions block by block, so that memory does not grow with the number of values."""

    def __init__(self, plan: SumPlan, sources: Sequence[Iterator[Buffer]]) -> None:
        """`sources` are files in pieces.

        Raises Malformed as `ContributionReading`, and where one member has two, or there are too few.
        """
        self.plan = plan
        self.readings = sorted((ContributionReading(plan, pieces) for pieces in sources), key=lambda one: one.index)
        parties = [one.party for one in self.readings]
        twice = sorted({party for party in parties if parties.count(party) > 1})
        if twice:
            raise Malformed("two contributions of one member", advice="name one of them", party=", ".join(twice))
        if len(parties) < plan.smallest:
            raise Malformed(
                "too few contributions for a sum", advice="name more files", minimum=plan.smallest, actual=len(parties)
            )
        self._hash = hashlib.sha256()

    def blocks(self) -> Iterator[tuple[list[Residues], Residues]]:
        """For each block the members' ciphertexts, in order, and the sum of them. Raises as `ContributionReading`."""
        for _ in range(blocks_of(self.plan.values)):
            each = [one.next_block() for one in self.readings]
            total = np.zeros((POLYNOMIALS, len(MODULI), DEGREE), np.uint64)
            for one in each:
                add(total, one, MODULI)
            self._hash.update(packed(total))
            yield each, total

    def done(self) -> CiphertextSum:
        """What was added up, once all blocks were read.

        Raises as `ContributionReading.check`, and Malformed where two members brought the same ciphertexts: no two
        encryptions are alike.
        """
        brought = tuple(one.check() for one in self.readings)
        whose = {one.ciphertexts: one.party for one in brought}
        for one in brought:
            if whose[one.ciphertexts] != one.party:
                both = f"{one.party}, {whose[one.ciphertexts]}"
                advice = "have both encrypt again: one of them copied the other's"
                raise Malformed("two members brought the same ciphertexts", advice=advice, parties=both)
        return CiphertextSum(brought, self._hash.digest())


def summed(plan: SumPlan, sources: Sequence[Iterator[Buffer]]) -> CiphertextSum:
    """The sum of contributions, which needs no key and no library of encryption. Raises Malformed as `Summing`."""
    summing = Summing(plan, sources)
    for _ in summing.blocks():
        pass
    return summing.done()
