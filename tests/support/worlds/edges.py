"""A consortium in memory whose first members are edges, with children of their own."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
from support.worlds.chain import CHAIN, CONTRACT
from support.worlds.signing import key, sign_digest
from support.worlds.world import Files, Sent, World, artifact

from ledger.formats.edges.children import ChildRecord, Children
from ledger.formats.edges.members import EdgeMembers
from ledger.formats.edges.receipts import EdgeReceipt
from ledger.formats.edges.signed import ChildUpdate, digest_of, receipt_for
from ledger.formats.header import Binding
from ledger.formats.merkle import root_of
from ledger.jobs.hierarchy import Hierarchy
from ledger.rounds.edges.children import child_binding
from ledger.rounds.edges.lists import Rosters
from ledger.rounds.edges.making import MadeSum, make_sum
from ledger.rounds.facts import base_of, update_binding

FIRST_CHILD = 1000
"""Keys from this number on are children's, 100 for each edge."""


def child_key(edge: int, number: int) -> str:
    """The address of a child of an edge."""
    return key(FIRST_CHILD + 100 * edge + number)


class EdgesWorld(World):
    """Members 0 to `edges` - 1 are edges with `children` each; the others bring updates of their own."""

    def __init__(
        self,
        members: int = 4,
        *,
        edges: int = 2,
        children: int = 5,
        files: Files | None = None,
        lists: dict[int, Iterable[str]] | None = None,
        **options: Any,
    ) -> None:
        files = files or Files()
        terms = {"min_children": 2, "max_children": 64, "check": "children"} | options.pop("terms_of_edges", {})
        self.lists = {one: EdgeMembers.of([child_key(one, k) for k in range(children)]) for one in range(edges)}
        self.lists |= {one: EdgeMembers.of(list(keys)) for one, keys in (lists or {}).items()}
        for one in self.lists.values():
            files.put(one.encode())
        named = {str(one): roster.digest.hex() for one, roster in self.lists.items()}
        super().__init__(members, files=files, hierarchy=Hierarchy(edges=named, **terms), **options)

    @property
    def rosters(self) -> Rosters:
        return Rosters(self.job.hierarchy, self.files.fetch)

    def edge_binding(self, edge: int) -> Binding:
        """What everyone knows of the header of an edge's sum in the current round."""
        base = base_of(self.state, self.job, self.round.number)
        return update_binding(self.place, self.round, self.keys[edge], base, "sum")

    def binding(self, member: int) -> Binding:
        if not self.job.is_edge(member):
            return super().binding(member)
        return self.edge_binding(member)

    def child(
        self,
        edge: int,
        number: int,
        values: np.ndarray | None = None,
        *,
        weight: int = 10,
        stored: bool = True,
        **said: Any,
    ) -> ChildRecord:
        """A child's update, stored, and its record; `said` replaces parts of what it signs."""
        party = child_key(edge, number)
        if values is None:
            values = self.random.integers(-(1 << 16), 1 << 16, self.layout.values).astype("<i4")
        binding = child_binding(self.edge_binding(edge), party).on(10, bytes([number]) * 32)
        data = artifact(self.layout, binding, values)
        cid = self.files.put(data)
        if not stored:
            del self.files.files[cid]
        update = ChildUpdate(1, self.round.number, edge, weight, root_of(values), cid.digest)._replace(**said)
        return ChildRecord.of(party, update, sign_digest(party, digest_of(CHAIN, CONTRACT, update)))

    def receipt(self, edge: int, child: ChildRecord, signer: str = "") -> EdgeReceipt:
        """What an edge answers to a child."""
        update = child.update(1, self.round.number, edge)
        signature = sign_digest(signer or self.keys[edge], digest_of(CHAIN, CONTRACT, receipt_for(update, child.party)))
        return EdgeReceipt.of(CHAIN, CONTRACT, update, child.party, bytes.fromhex(child.signature), signature)

    def sum(self, edge: int, children: Sequence[ChildRecord]) -> tuple[MadeSum, bytes]:
        """An honest sum of children's updates, and its file; the list is stored."""
        listed, pieces = Children.of(children), list[bytes]()

        def keep(made: Any) -> Any:
            pieces.extend(bytes(piece) for piece in made)
            return self.files.put(b"".join(pieces))

        made = make_sum(self.job, edge, self.edge_binding(edge), listed, self.rosters, self.files.fetch, keep)
        self.files.put(listed.encode())
        return made, b"".join(pieces)

    def submit_sum(self, edge: int, children: Sequence[ChildRecord] = (), **lies: Any) -> MadeSum:
        """Commit to the honest sum of these children, by default of three random ones; `lies` as in `submit`."""
        made, data = self.sum(edge, children or [self.child(edge, number) for number in range(3)])
        said: dict[str, Any] = {"weight": made.weight, "data": data, "root": made.root} | lies
        self.submit(edge, np.zeros(0), **said)
        return made

    def submit_false(self, edge: int, children: Sequence[ChildRecord], values: np.ndarray, **lies: Any) -> Sent:
        """Commit to a sum that says other values or another list than honest ones."""
        listed = Children.of(children)
        if lies.pop("list_stored", True):
            self.files.put(listed.encode())
        honest = self.edge_binding(edge).over(len(listed.children), listed.digest, listed.root)
        binding = replace_binding(honest, **lies.pop("header", {}))
        data = self.job.layout.wide.header(binding) + values.astype("<i8").tobytes()
        said: dict[str, Any] = {"weight": listed.weight, "data": data, "root": root_of(values.astype("<i8"))} | lies
        return self.submit(edge, np.zeros(0), **said)

    def values_of(self, child: ChildRecord) -> np.ndarray:
        """The integers of a child's update."""
        digest = bytes.fromhex(child.cid)
        data = next(data for cid, data in self.files.files.items() if cid.digest == digest)
        return np.frombuffer(data[self.layout.header_size :], "<i4")

    def added(self, children: Sequence[ChildRecord]) -> np.ndarray:
        """Σ w·q by Python's own integers of any size."""
        total = np.zeros(self.layout.values, object)
        for one in children:
            total += self.values_of(one).astype(object) * one.weight
        return total


def replace_binding(binding: Binding, **said: Any) -> Binding:
    """A header's binding with other things in it."""
    return msgspec.structs.replace(binding, **said)
