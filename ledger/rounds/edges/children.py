"""Children's updates, judged as every update is, and added up: by their edge, and by all that check its sum."""

from collections.abc import Iterator

import numpy as np

from ledger import kernel
from ledger.errors import FedledgerError, Malformed
from ledger.formats.artifact import Buffer, Layout
from ledger.formats.cid import of_file
from ledger.formats.edges.children import ChildRecord, Children, check_signature
from ledger.formats.header import Binding
from ledger.jobs.document import Admission
from ledger.rounds.admission import Decision, UpdateReading, Verdict, weigh
from ledger.rounds.inputs import Fetch, Halted
from ledger.rounds.rules.arithmetic import Sums


class NotAdmitted(FedledgerError):
    """A child's update is none that the job admits, so no sum is made of it."""

    exit_code = 1

    def __init__(self, child: ChildRecord, decision: Decision) -> None:
        why = f"{decision.verdict.name}: {decision.message}"
        super().__init__(f"the update of child {child.party} is not admitted: {why}", party=child.party)
        self.child, self.decision = child, decision


def child_binding(edge: Binding, party: str) -> Binding:
    """What the header of a child's update must say, by that of its edge's sum: chain, contract, job, round and base are
    the same.
    """
    return Binding(
        kind="update",
        chain=edge.chain,
        contract=edge.contract,
        job=edge.job,
        round=edge.round,
        party=party,
        base=edge.base,
    )


def child_reading(
    child: ChildRecord, edge: Binding, layout: Layout, limits: Admission, fetch: Fetch, blocks: int = 1
) -> UpdateReading:
    """The bytes of a child's update, to be read once and judged (`UpdateReading`). `layout` is the job's."""
    cid = of_file(bytes.fromhex(child.cid), layout.size)

    def pieces(start: int) -> Iterator[Buffer]:
        return fetch(cid, start, layout.size + 1)

    return UpdateReading(layout, child_binding(edge, child.party), bytes.fromhex(child.root), limits, pieces, blocks)


def judge_child(
    child: ChildRecord, index: int, edge: Binding, layout: Layout, limits: Admission, fetch: Fetch
) -> Decision:
    """The decision on a child's update, before its edge promises that it is in the sum.

    1. The child signed it, for this edge and this round (EDGE). 2. Its weight is within the edge's cap (WEIGHT). 3. Its
    bytes are those of an update that the job admits (`UpdateReading`). Whether it is a child of this edge, its edge
    knows. `edge` is the binding of the edge's sum, whole or not. Raises Unavailable where bytes cannot be had.
    """
    light = weigh(child.weight, limits.cap(index))
    if light.verdict is not Verdict.ADMITTED:
        return light
    try:
        check_signature(edge.chain, edge.contract, child.update(edge.job, edge.round, index), child)
    except Malformed as error:
        return Decision(Verdict.EDGE, str(error))
    return child_reading(child, edge, layout, limits, fetch).judge()


class ChildrenSum:
    """Σ w·q over the updates of a list, band by band: an iterator of int64 sums in the bands of the job's layout.

    Each update is read once, from front to back, side by side with the others, and judged on the way; after the last
    band all of them are. Raises NotAdmitted as soon as one is refused, Unavailable where bytes cannot be had. `said` is
    the binding of the edge's sum, `layout` the job's.
    """

    def __init__(
        self, listed: Children, said: Binding, layout: Layout, limits: Admission, fetch: Fetch, blocks: int = 1
    ) -> None:
        beside = (said, layout, limits, fetch, blocks)
        self._parts = [(one, child_reading(one, *beside)) for one in listed.children]
        self._bands = layout.bands(blocks)

    def __iter__(self) -> Iterator[Sums]:
        return self

    def __next__(self) -> Sums:
        start, stop = next(self._bands)
        made: Sums = np.zeros(stop - start, "<i8")
        for child, reading in self._parts:
            try:
                kernel.add_weighted(made, next(reading), child.weight)
            except Halted:
                raise NotAdmitted(child, reading.judge()) from None
        return made
