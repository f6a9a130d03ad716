"""What custodians say of a sum, signed, and what everyone makes of it.

What everyone recomputes: who brought which ciphertexts, signed; the sum of them; that the opened values are those which
were signed, in their bounds; the mean. What nobody recomputes without the key: that they are what the sum decrypts to.
That is the custodian's word, and the second custodian's.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ledger.errors import Malformed, Refuted, Unavailable
from ledger.formats.digest import sha256
from ledger.formats.signatures import LENGTH, signer
from ledger.formats.typed import TypedData, Types, domain, typed_digest
from ledger.homomorphic.contributions import CiphertextSum
from ledger.homomorphic.plan import SumPlan
from ledger.rounds.rules.arithmetic import Mean, Sums

MAGIC = b"fedledger/bfvd/1"
SIZE = len(MAGIC) + 5 * 32 + LENGTH
"""Bytes of a statement's file."""
TYPES: Types = {
    "Decryption": [
        {"name": "plan", "type": "bytes32"},
        {"name": "set", "type": "uint256"},
        {"name": "contributions", "type": "bytes32"},
        {"name": "sum", "type": "bytes32"},
        {"name": "values", "type": "bytes32"},
    ]
}


class Decryption(NamedTuple):
    """Says "the sum of these contributions decrypts to these values". `values` is their SHA-256 as int64,
    little-endian."""

    plan: SumPlan
    set: int
    contributions: bytes
    sum: bytes
    values: bytes

    @classmethod
    def of(cls, plan: SumPlan, added: CiphertextSum, values: Sums) -> "Decryption":
        """What a custodian that opened a sum says."""
        return cls(plan, added.set, added.contributions, added.sum, digest_of(values))

    @property
    def unsigned(self) -> bytes:
        """Its file but for the signature."""
        return MAGIC + self.plan.digest + self.set.to_bytes(32, "big") + self.contributions + self.sum + self.values

    def to_sign(self) -> TypedData:
        """What the custodian signs, under RoundLedger's domain."""
        return domain(self.plan.chain, self.plan.ledger), TYPES, self.said()

    def said(self) -> dict[str, object]:
        """The fields of the signed message."""
        plan, rest = self.plan.digest, {"contributions": self.contributions, "sum": self.sum, "values": self.values}
        return {"plan": plan, "set": self.set, **rest}


def read_decryption(data: bytes, plan: SumPlan) -> tuple[Decryption, str]:
    """A statement and who signed it: the custodian, or the second custodian. Raises Malformed for anything else."""
    if len(data) != SIZE or data[:16] != MAGIC:
        raise Malformed("this is not a statement of what a sum decrypts to", expected=SIZE, actual=len(data))
    words = [data[at : at + 32] for at in range(16, SIZE - LENGTH, 32)]
    if words[0] != plan.digest:
        raise Malformed("a statement of another sum", expected=plan.digest, actual=words[0])
    said = Decryption(plan, int.from_bytes(words[1], "big"), *words[2:])
    author = signer(typed_digest(plan.chain, plan.ledger, TYPES, said.said()), data[-LENGTH:])
    if author not in (plan.custodian, plan.second):
        raise Malformed(
            "a statement that neither custodian signed",
            expected=f"{plan.custodian} or {plan.second}",
            actual=author,
        )
    return said, author


def digest_of(values: Sums) -> bytes:
    """The digest under which opened values are signed."""
    return sha256(values.astype("<i8", copy=False).tobytes())


def judge_sum(plan: SumPlan, added: CiphertextSum, values: Sums, statements: Sequence[tuple[Decryption, str]]) -> Mean:
    """The opened sum, and what it is divided by, once all that can be checked without the key was.

    1. Nobody said two things. Of the same contributions, custodian and second custodian say the same values; where they
       contradict each other, one of them lies. Of others they may: a member can have handed each another file.
    2. Each names the contributions at hand, and the sum that everyone makes of them.
    3. The values at hand are those that they signed.
    4. No value is larger in magnitude than weights and bounds allow.
    5. Both custodians said so.

    Raises Refuted with who signed the wrong statement (1, 2, 4), Malformed for a file of other values (3), and
    Unavailable where a custodian's statement is not at hand (5).
    """
    said = _by_author(statements)
    names, opened = ({(one.set, one.contributions) for one in said.values()}, {one.values for one in said.values()})
    if len(names) == 1 and len(opened) > 1:
        raise Refuted(
            "the two custodians contradict each other: one of them lies, and without the key nobody knows which",
            custodian=said[plan.custodian].values,
            second=said[plan.second].values,
            advice="have both open the sum again, and settle it outside of the protocol",
        )
    for author, one in sorted(said.items()):
        _check_names(one, author, added)
        if one.values != digest_of(values):
            raise Malformed("these are not the values that were signed", author=author, expected=one.values)
    if len(values) != plan.values:
        raise Malformed("the opened sum has another number of values", expected=plan.values, actual=len(values))
    bound = added.divisor * plan.max_value
    beyond = (values > bound) | (values < -bound)
    if said and beyond.any():
        at = int(np.argmax(beyond))
        raise Refuted(
            "an opened value is one that no contributions within their bounds have",
            authors=", ".join(sorted(said)),
            value=at,
            maximum=bound,
            actual=int(values[at]),
        )
    for custodian, key in (("custodian", plan.custodian), ("second custodian", plan.second)):
        if key not in said:
            raise Unavailable(
                f"the {custodian} has not said what the sum decrypts to: it is the other's word alone",
                advice=f"ask {key} for its statement",
                lacking=key,
            )
    return Mean(values, added.divisor)


def _by_author(statements: Sequence[tuple[Decryption, str]]) -> dict[str, Decryption]:
    said = dict[str, Decryption]()
    for one, author in statements:
        if said.setdefault(author, one) != one:
            raise Refuted(
                "a custodian signed two statements that differ, and a key opens one sum, once",
                advice="settle it outside of the protocol, and make no further sum with this custodian",
                author=author,
                sets=f"{said[author].set:#x}, {one.set:#x}",
            )
    return said


def _check_names(said: Decryption, author: str, added: CiphertextSum) -> None:
    if said.set != added.set or said.contributions != added.contributions:
        raise Malformed(
            "a statement is of other contributions than those at hand",
            advice="name the files of just the members in its set",
            author=author,
            expected=f"{said.set:#x}",
            actual=f"{added.set:#x}",
        )
    if said.sum != added.sum:
        raise Refuted(
            "a signed statement names another sum than its contributions have",
            author=author,
            expected=added.sum,
            actual=said.sum,
        )
