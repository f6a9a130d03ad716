"""Admission: whether one update may enter its round's aggregate. A pure function of ledger, job and bytes.

Every aggregator, attesting member and auditor comes to the same verdict, and an update refused never stops the others.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeVar

import numpy as np

from ledger import kernel
from ledger.errors import Malformed, Unavailable
from ledger.formats.artifact import Buffer, Layout
from ledger.formats.header import Binding, explain
from ledger.formats.merkle import LEAF
from ledger.history.state import Update
from ledger.jobs.document import Admission
from ledger.rounds.inputs import Halted, Stream
from ledger.rounds.rules.arithmetic import Ints

T = TypeVar("T")


class Verdict(IntEnum):
    """The byte that stands on the ledger for an update. Numbers are never reused."""

    ADMITTED = 0
    HEADER = 1
    ROOT = 5
    WEIGHT = 6
    RANGE = 7
    NORM = 8
    UNAVAILABLE = 9
    CAST = 10
    SET = 11
    BUDGET = 12

    @property
    def meaning(self) -> str:
        return _MEANINGS[self]


_MEANINGS = {
    Verdict.ADMITTED: "admitted",
    Verdict.HEADER: "header or length not those of the round's artifact",
    Verdict.ROOT: "its integers do not have the tensor root that was registered",
    Verdict.WEIGHT: "weight above the member's cap",
    Verdict.RANGE: "a value above the job's bound",
    Verdict.NORM: "norm above the job's bound",
    Verdict.UNAVAILABLE: "too few members signed that they hold its bytes",
    Verdict.CAST: "its member is not in the cast of the segment: its masks would not go away",
    Verdict.SET: "not in the set that members agreed to sum",
    Verdict.BUDGET: "its member did not spend the round's cost before it committed",
}


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict and what led to it, in words.

    `squares` is the sum of squares of the update's integers, None where its bytes do not lead to the registered root.
    """

    verdict: Verdict
    message: str = ""
    squares: int | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """An update and the decision on it."""

    update: Update
    decision: Decision


Progress = Callable[[int], None]
"""Hears of more bytes that were read."""


def weigh(weight: int, cap: int) -> Decision:
    """The check that needs no bytes; `cap` is what the job allows the member (`Admission.cap`)."""
    if not 1 <= weight <= cap:
        return Decision(Verdict.WEIGHT, f"weight {weight} is not between 1 and {cap}")
    return Decision(Verdict.ADMITTED)


def settle(light: Decision, *, paid: bool) -> Decision:
    """The second check that needs no bytes: in a job with noise the round's cost was spent before the commitment."""
    return light if paid or light.verdict is not Verdict.ADMITTED else Decision(Verdict.BUDGET)


def judge_bytes(pieces: Iterator[Buffer], layout: Layout, binding: Binding, root: bytes, limits: Admission) -> Decision:
    """Judge the bytes of an update, which arrive in pieces: see `UpdateReading`. Raises as the pieces."""
    return UpdateReading(layout, binding, root, limits, lambda _: pieces).judge()


class UpdateReading:
    """The bytes of one update, read once, from front to back, and held to what they must be.

    1. The header is, byte for byte, the one that follows from ledger, job and what its party alone knows (HEADER).
    2. The length is the layout's, and the blocks are a file of the profile (HEADER).
    3. The integers have the registered tensor root (ROOT).
    4. No value exceeds the job's bound (RANGE).
    5. The Euclidean norm does not either, computed exactly (NORM).

    An iterator of the values in the layout's bands of so many `blocks`, of which it keeps none: the memory of a round
    is not its updates' blocks. After the last band the verdict is known. Not for several threads at once. `pieces`
    returns the file's bytes from an offset on, as `Fetch`, up to one more than the file has. `layout` is the job's.
    """

    width, dtype = 4, "<i4"
    """Bytes of a value in the file, and their type."""

    def __init__(
        self,
        layout: Layout,
        binding: Binding,
        root: bytes,
        limits: Admission,
        pieces: Callable[[int], Iterator[Buffer]],
        blocks: int = 1,
    ) -> None:
        self._layout, self._binding, self._root = self._file(layout), binding, root
        self._limits, self._pieces, self._bands = limits, pieces, layout.bands(blocks)
        self._stream: Stream | None = None
        self._opened = False
        self._stack, self._largest, self._squares = kernel.Stack(), 0, 0
        self.decision: Decision | None = None
        self.missing: Unavailable | None = None
        self.read = 0

    @property
    def refused(self) -> bool:
        """Whether it is known by now that the update is not admitted, if not yet why, or that it cannot be judged."""
        if self.missing is not None or self._largest > self._limits.max_value:
            return True
        if self.decision is not None:
            return self.decision.verdict is not Verdict.ADMITTED
        return self._squares > self._limits.max_norm**2

    def open(self, *, hold: bool) -> None:
        """Judge the header. What came with it stays in memory with `hold`, else it is read again."""
        self._checked(self._open)
        if not hold:
            self._stream = None

    def judge(self) -> Decision:
        """The verdict, once all that is left was read. Raises Unavailable where bytes cannot be had."""
        while self.decision is None:
            if self.missing is not None:
                raise self.missing
            self._checked(self._next)
        return self.decision

    def __iter__(self) -> Iterator[Ints]:
        return self

    def __next__(self) -> Ints:
        """The next band. Raises Halted as soon as the update is `refused`."""
        values = None if self.decision else self._checked(self._next)
        if self.refused:
            raise Halted
        if values is None:
            raise StopIteration
        return values

    def _checked(self, step: Callable[[], T]) -> T | None:
        try:
            return step()
        except Malformed as error:
            self.decision = Decision(Verdict.HEADER, str(error))
        except Unavailable as error:
            self.missing = error
        return None

    def _open(self) -> None:
        self._stream, self._opened = Stream(self._pieces(0)), True
        head = bytes(self._stream.take(self._layout.header_size))
        if self._layout.bound(head, self._binding) is None:
            raise explain(head, self._binding, self._layout.entries())

    def _next(self) -> Ints:
        """The next band, surveyed; with the last, the verdict."""
        layout = self._layout
        if not self._opened:
            self._open()
        if self._stream is None:
            self._stream = Stream(self._pieces(layout.header_size))
        start, stop = next(self._bands)
        data = self._stream.take(self.width * (stop - start))
        self.read = layout.header_size + self.width * start + len(data)
        if len(data) < self.width * (stop - start):
            raise Malformed("the artifact is truncated", expected=layout.size, actual=self.read)
        values = np.frombuffer(data, dtype=self.dtype)
        self._survey(values)
        if stop == layout.values:
            if len(self._stream.take(1)):
                raise Malformed("the artifact is longer than its tensors", expected=layout.size)
            self.decision = self._verdict()
        return values

    def _survey(self, values: Ints) -> None:
        self._stack.add(self._hashes(values))
        largest, squares = kernel.survey(values)
        self._largest, self._squares = max(self._largest, largest), self._squares + squares

    def _hashes(self, values: Ints) -> bytes:
        """The leaf hashes of a band, joined."""
        return kernel.leaf_hashes(values, LEAF)

    def _verdict(self) -> Decision:
        root = self._stack.root()
        if root != self._root:
            return Decision(Verdict.ROOT, f"registered root {self._root.hex()}, the bytes' root {root.hex()}")
        return self._within()

    def _within(self) -> Decision:
        return within(self._largest, self._squares, self._limits)

    @staticmethod
    def _file(layout: Layout) -> Layout:
        """The layout of the file, by the job's."""
        return layout


def judge_values(values: Ints, limits: Admission) -> Decision:
    """The last two checks alone, for int32 values that this process made itself."""
    return within(*kernel.survey(values), limits)


def within(largest: int, squares: int, limits: Admission) -> Decision:
    """The last two checks (RANGE, NORM), by an update's largest magnitude and its exact sum of squares."""
    if largest > limits.max_value:
        return Decision(Verdict.RANGE, f"a value of magnitude {largest}, at most {limits.max_value} allowed", squares)
    if squares > limits.max_norm**2:
        return Decision(Verdict.NORM, f"squared norm {squares}, at most {limits.max_norm**2} allowed", squares)
    return Decision(Verdict.ADMITTED, squares=squares)
