"""An edge's member list: the keys whose updates may be in its sums, published before the job that names its digest.

    {"fedledger":"edge-members/1","members":["0x…",…]}

One raw block, so that its SHA-256 is its address (docs/spec/job.md, "Edges").
"""

from collections.abc import Iterable
from functools import cached_property
from itertools import pairwise
from typing import Literal

from ledger.errors import Malformed
from ledger.formats.digest import decode, parse_address
from ledger.formats.strict import Addressed

FORMAT: Literal["edge-members/1"] = "edge-members/1"
MAX_MEMBERS = 1 << 14
MAX_SIZE = 1 << 20


class EdgeMembers(Addressed, frozen=True):
    """Addresses in EIP-55 form, ascending by their 20 bytes. Raises Malformed for any others."""

    fedledger: Literal["edge-members/1"]
    members: tuple[str, ...]

    def __post_init__(self) -> None:
        if not 0 < len(self.members) <= MAX_MEMBERS:
            raise Malformed(
                "an edge has at least one child and not too many", actual=len(self.members), most=MAX_MEMBERS
            )
        check_ascending(self.members, "an edge's member list")

    @classmethod
    def of(cls, members: Iterable[str]) -> "EdgeMembers":
        """The list of these addresses, in any order. Raises Malformed where one is none, or is there twice."""
        return cls(fedledger=FORMAT, members=tuple(sorted(members, key=address_bytes)))

    @cached_property
    def known(self) -> frozenset[str]:
        return frozenset(self.members)


def parse(data: bytes) -> EdgeMembers:
    """Read a member list. Raises Malformed."""
    if len(data) > MAX_SIZE:
        raise Malformed("the edge's member list is too large", size=len(data), maximum=MAX_SIZE)
    return decode(data, EdgeMembers, "the edge's member list")


def address_bytes(address: str) -> bytes:
    """The 20 bytes of an address, by which lists are sorted. Raises Malformed for any other text."""
    parse_address(address, "a child's key")
    return bytes.fromhex(address[2:])


def check_ascending(addresses: tuple[str, ...], what: str) -> None:
    """Raise Malformed where addresses are not in EIP-55 form, ascending by their 20 bytes, each once."""
    found = [address_bytes(address) for address in addresses]
    for place, (before, after) in enumerate(pairwise(found), 1):
        if before == after:
            raise Malformed(f"a key is twice in {what}", key=addresses[place])
        if before > after:
            raise Malformed(
                f"keys are out of order in {what}", advice="sort by the address's bytes", key=addresses[place]
            )
