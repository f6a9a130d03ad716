"""An edge's sum, made of the updates that it gave receipts for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ledger import kernel
from ledger.errors import Malformed
from ledger.formats.artifact import Buffer
from ledger.formats.cid import Cid
from ledger.formats.edges.children import Children
from ledger.formats.header import Binding
from ledger.formats.merkle import LEAF
from ledger.formats.unixfs import cid_of
from ledger.jobs.document import Job
from ledger.rounds.admission import Verdict, weigh
from ledger.rounds.edges.children import ChildrenSum
from ledger.rounds.edges.lists import Rosters, check_list
from ledger.rounds.inputs import Fetch
from ledger.rounds.rules import blocks_of

Keep = Callable[[Iterator[Buffer]], Cid]
"""Takes a file in pieces, as it is made, and returns its CID. The pieces may end in an error: nothing is kept then."""


@dataclass(frozen=True, slots=True)
class MadeSum:
    """A sum as its edge registers it: `root`, `cid` and `weight` are what `commitUpdate` takes, `binding` what its
    header says. Its list of children is to be stored under the list's own CID.
    """

    children: Children
    binding: Binding
    root: bytes
    cid: Cid
    weight: int


def make_sum(
    job: Job, index: int, edge: Binding, listed: Children, rosters: Rosters, fetch: Fetch, keep: Keep | None = None
) -> MadeSum:
    """The sum of the updates of a list, for the edge with this member index; its file goes to `keep` in pieces.

    `edge` is what everyone knows of the sum's header (`ledger.rounds.facts.update_binding` of kind `sum`). Memory does
    not grow with the model, nor with the number of children. Raises Malformed where the list is not in order or weighs
    too much, NotAdmitted where a child's update is none that the job admits, Unavailable where bytes cannot be had.
    """
    hierarchy = job.hierarchy
    if hierarchy is None or not hierarchy.is_edge(index):
        raise Malformed("the job names this member as no edge", member=index)
    binding = edge.over(len(listed.children), listed.digest, listed.root)
    check_list(listed.encode(), binding, index, listed.weight, hierarchy, rosters)
    heavy = weigh(listed.weight, job.admission.cap(index))
    if heavy.verdict is not Verdict.ADMITTED:
        raise Malformed(f"the sum is too heavy: {heavy.message}", advice="leave children out", weight=listed.weight)
    sums = ChildrenSum(listed, binding, job.layout, job.admission, fetch, blocks_of(job.aggregation))
    root = kernel.Stack()

    def pieces() -> Iterator[Buffer]:
        yield job.layout.wide.header(binding)
        for values in sums:
            root.add_leaves(values, LEAF)
            yield values.data.cast("B")

    cid = keep(pieces()) if keep is not None else cid_of(pieces())[0]
    return MadeSum(listed, binding, root.root(), cid, listed.weight)
