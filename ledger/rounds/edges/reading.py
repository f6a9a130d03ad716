"""The bytes of one edge's sum, read once and held to what they must be (docs/spec/round.md, "Edges")."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ledger.errors import Malformed
from ledger.formats.artifact import Buffer, Layout
from ledger.formats.edges.children import Children
from ledger.formats.header import Binding
from ledger.history.state import Update
from ledger.jobs.document import Admission
from ledger.jobs.hierarchy import Hierarchy
from ledger.rounds.admission import Decision, UpdateReading, Verdict
from ledger.rounds.edges.children import ChildrenSum, NotAdmitted
from ledger.rounds.edges.lists import Rosters, check_list, read_list
from ledger.rounds.inputs import Fetch
from ledger.rounds.masking.bounds import SumSurvey
from ledger.rounds.rules.arithmetic import Ints, Sums


@dataclass(frozen=True, slots=True)
class EdgeTask:
    """What else a sum is judged by: its edge's member index, the registered weight, the job's terms for edges, their
    member lists, and where its list and its children's updates are. `deep` is whether these are read.
    """

    index: int
    weight: int
    hierarchy: Hierarchy
    rosters: Rosters
    fetch: Fetch
    deep: bool

    @classmethod
    def of(
        cls, update: Update, hierarchy: Hierarchy, rosters: Rosters, fetch: Fetch, *, deep: bool = False
    ) -> "EdgeTask":
        """That of an edge's update; `deep` reads children's updates even where no verdict needs it."""
        return cls(update.index, update.weight, hierarchy, rosters, fetch, deep or hierarchy.reads_children)


class SumReading(UpdateReading):
    """As `UpdateReading`, of an edge's sum: int64, each value Σ w·q over its children's updates.

    1. The header is, byte for byte, the one that follows from ledger, job and its list of children (HEADER).
    2. The length is the layout's, and the blocks are a file of the profile (HEADER).
    3. The integers have the registered tensor root (ROOT).
    4. No value, nor the norm, is beyond what admissible updates of the registered weight add up to (RANGE, NORM).
    5. The list of children is in order (`check_list`; EDGE).
    6. Where the job checks children: each one's bytes are those of an admissible update, and they make the sum (EDGE).

    The first that fails is the verdict. Children's bands are read side by side and added up, so memory does not grow
    with the model.
    """

    width, dtype = 8, "<i8"

    def __init__(
        self,
        task: EdgeTask,
        layout: Layout,
        binding: Binding,
        root: bytes,
        limits: Admission,
        pieces: Callable[[int], Iterator[Buffer]],
        blocks: int = 1,
    ) -> None:
        super().__init__(layout, binding, root, limits, pieces, blocks)
        self._task, self._models, self._blocks = task, layout, blocks
        self._sum = SumSurvey()
        self._parts: ChildrenSum | None = None
        self._wrong = ""
        self.children: Children | None = None
        """Its list of children, once that was read and is in order."""

    @property
    def unfit(self) -> bool:
        """As `UpdateReading.unfit`."""
        if self.missing is not None or self._wrong:
            return True
        if self.decision is not None:
            return self.decision.verdict is not Verdict.ADMITTED
        return bool(self._sum.values) and self._bounds().verdict is not Verdict.ADMITTED

    def _open(self) -> None:
        super()._open()
        if self.whole is None or self.children is not None or self._wrong:
            return
        task = self._task
        try:
            data = read_list(self.whole, task.fetch)
            listed = check_list(data, self.whole, task.index, task.weight, task.hierarchy, task.rosters)
        except Malformed as error:
            self._wrong = str(error)
            return
        self.children = listed
        if task.deep:
            self._parts = ChildrenSum(listed, self.whole, self._models, self._limits, task.fetch, self._blocks)

    def _measure(self, values: Ints) -> None:
        sums: Sums = values.view("<i8")
        self._sum.add(sums)
        if not self._wrong:
            self._wrong = self._differs(sums)

    def _differs(self, sums: Sums) -> str:
        """Why a band is not what the children's make; nothing where it is. Raises Unavailable."""
        try:
            made = next(self._parts) if self._parts is not None else sums
        except NotAdmitted as error:
            return error.message
        if np.array_equal(made, sums):
            return ""
        at = int((made != sums).argmax())
        tensor, value = self._models.locate(self._sum.values - len(sums) + at)
        return f"value {value} of tensor {tensor!r} is {sums[at]}, its children's updates make {made[at]}"

    def _within(self) -> Decision:
        decision = self._bounds()
        if decision.verdict is Verdict.ADMITTED and self._wrong:
            return Decision(Verdict.EDGE, self._wrong)
        return decision

    def _bounds(self) -> Decision:
        return self._sum.judge([self._task.weight], self._limits)

    @staticmethod
    def _file(layout: Layout) -> Layout:
        return layout.wide
