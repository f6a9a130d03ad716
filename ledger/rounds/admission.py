"""Admission: whether one update may enter its round's aggregate. A pure function of ledger, job and bytes.

Every aggregator, attesting member and auditor comes to the same verdict, and an update refused never stops the others.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TypeVar

import numpy as np

from ledger import kernel
from ledger.errors import Malformed, Unavailable
from ledger.formats.artifact import Buffer, Layout
from ledger.formats.compressed.leaves import WholeLeaves
from ledger.formats.compressed.packing import Packing
from ledger.formats.compressed.unpacking import UnpackedBands
from ledger.formats.header import Binding, explain
from ledger.formats.merkle import LEAF
from ledger.history.state import Update
from ledger.jobs.document import Admission
from ledger.kernel.rooms import leaves_of
from ledger.rounds.inputs import Halted, Stream
from ledger.rounds.rules.arithmetic import Ints
from ledger.rounds.rules.clipping import factor_of
from ledger.rounds.rules.distances import WHOLE
from ledger.rounds.staleness import Ages

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
    EDGE = 13
    STALE = 14

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
    Verdict.EDGE: "an edge's sum is not what its children's updates make, or its list of them is not in order",
    Verdict.STALE: "builds on a model older than the job allows",
}


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict and what led to it, in words.

    `squares` is the sum of squares of the update's integers, None where its bytes do not lead to the registered root.
    `factor` is what an admitted update is multiplied by, out of 2^16: the whole, but for one that is clipped.
    `staleness` is how many models were finalised after the one that an update of a buffered round builds on, where its
    header is right.
    """

    verdict: Verdict
    message: str = ""
    squares: int | None = None
    factor: int = WHOLE
    staleness: int = 0


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


class StaleBase(Malformed):
    """The header is right, but for the age of the model that it names."""


class UpdateReading:
    """The bytes of one update, read once, from front to back, and held to what they must be.

    1. The header is, byte for byte, the one that follows from ledger, job and what its party alone knows (HEADER). With
       `ages` it names a model of the job, and not too old a one (STALE).
    2. The length is the layout's, and the blocks are a file of the profile; a compressed one is in its one encoding
       (HEADER).
    3. The integers have the registered tensor root (ROOT).
    4. No value exceeds the job's bound (RANGE).
    5. The Euclidean norm does not either, computed exactly (NORM); where the job clips, such an update is admitted by
       its factor.

    An iterator of the values in the layout's bands of so many `blocks`, of which it keeps none: the memory of a round
    is not its updates' blocks. After the last band the verdict is known. Not for several threads at once. `pieces`
    returns the file's bytes from an offset on, as `Fetch`, up to one more than the file has. `layout` is the job's,
    `packing` where its updates are compressed theirs.
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
        packing: Packing | None = None,
        ages: Ages | None = None,
    ) -> None:
        self._layout, self._binding, self._root, self._ages = packing or self._file(layout), binding, root, ages
        self._packing, self._last = packing, layout.values
        self._limits, self._pieces, self._bands = limits, pieces, layout.bands(blocks)
        self._stream: Stream | None = None
        self._opened = False
        self._stack, self._largest, self._squares = kernel.Stack(), 0, 0
        self._unpacked: UnpackedBands | None = None
        self._leaves = WholeLeaves()
        self.whole: Binding | None = None
        """What its header says, once that was read and is right."""
        self.decision: Decision | None = None
        self.missing: Unavailable | None = None
        self.staleness = self.read = 0

    @property
    def unfit(self) -> bool:
        """Whether it is known by now that the update does not count as it is, if not yet why, or cannot be judged."""
        if self.missing is not None or self._largest > self._limits.max_value:
            return True
        if self.decision is not None:
            return self.decision.verdict is not Verdict.ADMITTED or self.decision.factor != WHOLE
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
        """The next band. Raises Halted as soon as the update is `unfit`."""
        values = None if self.decision else self._checked(self._next)
        if self.unfit:
            raise Halted
        if values is None:
            raise StopIteration
        return values

    def _checked(self, step: Callable[[], T]) -> T | None:
        try:
            return step()
        except StaleBase as error:
            self.decision = Decision(Verdict.STALE, str(error), staleness=self.staleness)
        except Malformed as error:
            self.decision = Decision(Verdict.HEADER, str(error))
        except Unavailable as error:
            self.missing = error
        return None

    def _open(self) -> None:
        self._stream, self._opened = Stream(self._pieces(0)), True
        head = bytes(self._stream.take(self._layout.header_size))
        self.read = len(head)
        self.whole = self._layout.bound(head, self._binding)
        if self.whole is None:
            raise explain(head, self._binding, self._layout.entries())
        if self._ages is not None:
            self._age(self.whole.base, self._ages)

    def _age(self, base: bytes, ages: Ages) -> None:
        age = ages.of(base)
        if age is None:
            raise Malformed("the artifact has another base: none of the job's models", actual=base.hex())
        self.staleness = age
        if age > ages.most:
            raise StaleBase("the update builds on too old a model", maximum=ages.most, actual=age)

    def _next(self) -> Ints:
        """The next band, surveyed; with the last, the verdict."""
        if not self._opened:
            self._open()
        start, stop = next(self._bands)
        values = self._values(start, stop)
        if stop == self._last:
            if self._stream is not None and len(self._stream.take(1)):
                raise Malformed("the artifact is longer than its tensors", expected=self._layout.size)
            self.decision = self._verdict()
        return values

    def _values(self, start: int, stop: int) -> Ints:
        """The values of a band, read, hashed and measured."""
        if self._packing is None:
            data = self._take(self.width * (stop - start))
            self._grow(data)
            values = np.frombuffer(data, dtype=self.dtype)
            self._measure(values)
            return values
        self._unpacked = self._unpacked or UnpackedBands(self._packing, self._take_leaves, whole=True)
        values = self._unpacked.values(start, stop)
        if stop == self._last:
            self._hash(self._leaves.end())
        self._measure(values)
        return values

    def _take_leaves(self, size: int) -> Buffer:
        """The next bytes of a compressed update, whose leaves end elsewhere than its bands; hashed as far as they are
        whole.
        """
        data = self._take(size)
        self._hash(self._leaves.add(data))
        return data

    def _take(self, size: int) -> Buffer:
        """The next bytes of the file behind its header."""
        if self._stream is None:
            self._stream = Stream(self._pieces(self._layout.header_size))
        data = self._stream.take(size)
        self.read += len(data)
        if len(data) < size:
            raise Malformed("the artifact is truncated", expected=self._layout.size, actual=self.read)
        return data

    def _hash(self, runs: Iterable[Buffer]) -> None:
        for run in runs:
            self._grow(run)

    def _measure(self, values: Ints) -> None:
        largest, squares = kernel.survey(values)
        self._largest, self._squares = max(self._largest, largest), self._squares + squares

    def _grow(self, data: Buffer) -> None:
        """Add a run of leaves, whole but for the very last, to the tree; its store may have made their hashes."""
        if hashes := leaves_of(data):
            self._stack.add(hashes)
        else:
            self._stack.add_leaves(data, LEAF)

    def _verdict(self) -> Decision:
        root = self._stack.root()
        if root != self._root:
            return Decision(Verdict.ROOT, f"registered root {self._root.hex()}, the bytes' root {root.hex()}")
        return replace(self._within(), staleness=self.staleness)

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
        if limits.clips:
            return Decision(Verdict.ADMITTED, squares=squares, factor=factor_of(squares, limits.max_norm))
        return Decision(Verdict.NORM, f"squared norm {squares}, at most {limits.max_norm**2} allowed", squares)
    return Decision(Verdict.ADMITTED, squares=squares)
