"""An edge's side on a real chain: children sign what they bring, their edge answers, and registers the sum."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from support.consortia.synthetic import Party, artifact
from support.worlds.signing import key, sign_digest

from ledger.formats.cid import Cid
from ledger.formats.edges.children import ChildRecord, Children
from ledger.formats.edges.members import EdgeMembers
from ledger.formats.edges.receipts import EdgeReceipt
from ledger.formats.edges.signed import ChildUpdate, digest_of, receipt_for, receipt_to_sign
from ledger.formats.header import Binding
from ledger.formats.merkle import root_of
from ledger.jobs.hierarchy import Hierarchy
from ledger.rounds.admission import Verdict
from ledger.rounds.edges.children import child_binding, judge_child
from ledger.rounds.edges.lists import Rosters
from ledger.rounds.edges.making import MadeSum, make_sum
from ledger.rounds.facts import update_binding

CHILDREN = [key(2000 + number) for number in range(4)]
LIST = EdgeMembers.of(CHILDREN)


def edges(*indices: int, check: str = "children") -> Hierarchy:
    """A job's section in which these members are edges; only the first has children."""
    lists = [LIST, *(EdgeMembers.of([key(3000 + index)]) for index in indices[1:])]
    named = {str(index): one.digest.hex() for index, one in zip(indices, lists, strict=True)}
    return Hierarchy(edges=named, min_children=2, max_children=64, check=check)  # type: ignore[arg-type]


class Edge:
    """The first party of a trial as an edge."""

    def __init__(self, party: Party) -> None:
        self.party, self.job = party, party.trial.job
        party.connection.put([LIST.encode()], "edge")

    @property
    def binding(self) -> Binding:
        facts = self.party.facts
        return update_binding(facts.place, facts.round, self.party.sender.address, facts.base, "sum")

    def child(self, number: int, values: np.ndarray | None = None, *, weight: int = 10) -> ChildRecord:
        """What a child sends, stored at its edge."""
        party, facts, who = self.party, self.party.facts, CHILDREN[number]
        if values is None:
            random = np.random.default_rng([7, number, facts.round.number])
            values = random.integers(-(1 << 16), 1 << 16, self.job.layout.values).astype("<i4")
        binding = child_binding(self.binding, who).on(10, bytes(32))
        cid = party.connection.put([artifact(self.job.layout, binding, values)], f"child/{number}/{facts.round.number}")
        update = ChildUpdate(facts.round.job, facts.round.number, party.index, weight, root_of(values), cid.digest)
        place = party.connection.place
        return ChildRecord.of(who, update, sign_digest(who, digest_of(place.chain, place.contract, update)))

    def receive(self, child: ChildRecord) -> EdgeReceipt:
        """The edge's answer, once it has judged what the child sent."""
        party, facts, place = self.party, self.party.facts, self.party.connection.place
        said = (self.binding, self.job.layout, self.job.admission, party.connection.fetch)
        assert judge_child(child, party.index, *said).verdict is Verdict.ADMITTED
        update = child.update(facts.round.job, facts.round.number, party.index)
        typed = receipt_to_sign(place.chain, place.contract, receipt_for(update, child.party))
        signed = party.member.signer.sign_typed_data(*typed)
        return EdgeReceipt.of(place.chain, place.contract, update, child.party, bytes.fromhex(child.signature), signed)

    def make(self, children: Sequence[ChildRecord]) -> tuple[MadeSum, bytes]:
        """The sum, and its file."""
        connection, pieces, listed = self.party.connection, list[bytes](), Children.of(children)

        def keep(made: Any) -> Cid:
            pieces.extend(bytes(piece) for piece in made)
            return connection.put([b"".join(pieces)], f"sum/{self.party.facts.round.number}")

        rosters = Rosters(self.job.hierarchy, connection.fetch)
        made = make_sum(self.job, self.party.index, self.binding, listed, rosters, connection.fetch, keep)
        connection.put([listed.encode()], f"list/{self.party.facts.round.number}")
        return made, b"".join(pieces)

    def submit(self, children: Sequence[ChildRecord], *, add: int = 0) -> MadeSum:
        """Commit to the sum; with `add`, to one whose first value is false by so much."""
        made, data = self.make(children)
        head = self.job.layout.wide.header_size
        values = np.frombuffer(data[head:], "<i8").copy()
        values[0] += add
        self.party.submit(data=data[:head] + values.tobytes(), weight=made.weight, root=root_of(values))
        return made
