"""The plan of an encrypted sum: who adds up what, and who can open it (docs/spec/encrypted-sums.md, "Plan")."""

import re
from functools import cached_property
from typing import Literal

from ledger.errors import Malformed
from ledger.formats.digest import decode, encode, parse_address, sha256
from ledger.formats.grammar import check_text
from ledger.formats.header import MAX_VALUES
from ledger.formats.strict import Strict
from ledger.homomorphic.parameters import MOST_MEMBERS, PLAIN, largest_sum
from ledger.jobs.bounds import within

FORMAT: Literal["sum/1"] = "sum/1"
LARGEST = 1 << 16
"""Bytes of a plan, at most."""
FEWEST = 3
"""Members of the least sum: of two, each would know what the other brought."""
LARGEST_WEIGHT = (1 << 24) - 1


class SumPlan(Strict, frozen=True, dict=True):
    """What is added up: `values` integers of each member, times its weight. `parse_plan` raises Malformed.

    `members`, `custodian` and `second` are addresses (EIP-55) of keys that sign: the last two hold the secret key, and
    both say what the sum decrypts to. `key` is the SHA-256 of the public key's file, in hexadecimal. At least
    `smallest` members' values are in a sum. Equal weights are a `max_weight` of 1.
    """

    fedledger: Literal["sum/1"]
    name: str
    chain: int
    ledger: str
    members: tuple[str, ...]
    custodian: str
    second: str
    key: str
    values: int
    smallest: int
    max_weight: int
    max_value: int

    def encode(self) -> bytes:
        return encode(self)

    @cached_property
    def digest(self) -> bytes:
        """Its SHA-256: what contributions and statements name."""
        return sha256(self.encode())

    def index_of(self, party: str) -> int:
        """A member's place among the members. Raises Malformed for others."""
        if party not in self.members:
            advice = "use the key of a member that the plan names, or make another plan"
            raise Malformed("this key is not that of a member of the sum", advice=advice, actual=party, sum=self.name)
        return self.members.index(party)


def parse_plan(data: bytes) -> SumPlan:
    """Read a plan. Raises Malformed, naming the field."""
    if len(data) > LARGEST:
        raise Malformed("the plan of a sum is too large", maximum=LARGEST, actual=len(data))
    plan = decode(data, SumPlan, "the plan of a sum")
    check_plan(plan)
    return plan


def check_plan(plan: SumPlan) -> None:
    """Refuse a plan whose sum cannot be, or could wrap. Raises Malformed, naming the field.

    1. Names and addresses are in their one form, members ascend, each once.
    2. The custodian and the second custodian are two.
    3. Numbers are within their bounds; a sum has at least 3 members' values.
    4. No sum reaches half of the plain modulus: members · max_weight · max_value is below it.
    """
    check_text(plan.name, "name")
    for field, address in (("ledger", plan.ledger), ("custodian", plan.custodian), ("second", plan.second)):
        parse_address(address, field)
    for address in plan.members:
        parse_address(address, "members")
    twice = next((one for one in plan.members if plan.members.count(one) > 1), None)
    if twice is not None:
        raise Malformed("a member is named twice", advice="name each member once", actual=twice)
    if list(plan.members) != sorted(plan.members, key=str.lower):
        raise Malformed("members are not ascending", advice="sort their addresses by their digits")
    if plan.custodian == plan.second:
        raise Malformed("custodian and second are one key", advice="name another second custodian", actual=plan.second)
    if not re.fullmatch("[0-9a-f]{64}", plan.key):
        raise Malformed("key is not 64 hexadecimal digits", actual=plan.key[:80])
    within("chain", plan.chain, 1, (1 << 53) - 1)
    within("the number of members", len(plan.members), FEWEST, MOST_MEMBERS)
    within("smallest", plan.smallest, FEWEST, len(plan.members))
    within("values", plan.values, 1, MAX_VALUES)
    within("max_weight", plan.max_weight, 1, LARGEST_WEIGHT)
    within("max_value", plan.max_value, 1, (1 << 31) - 1)
    largest = largest_sum(len(plan.members), plan.max_weight, plan.max_value)
    if largest > PLAIN // 2:
        raise Malformed(
            "a sum could be too large to be read: members · max_weight · max_value",
            advice="lower max_weight or max_value",
            maximum=PLAIN // 2,
            actual=largest,
        )
