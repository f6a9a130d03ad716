"""Admission: whether one update may enter its round's aggregate. A pure function of ledger, job and bytes.

Every aggregator, attesting member and auditor comes to the same verdict, and an update refused never stops the others.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from ledger.errors import Malformed
from ledger.formats import merkle
from ledger.formats.artifact import Buffer, Layout
from ledger.formats.header import Binding
from ledger.history.state import Update
from ledger.jobs.document import Admission
from ledger.rounds.facts import Entry, RoundFacts
from ledger.rounds.inputs import Fetch


class Verdict(IntEnum):
    """The byte that stands on the ledger for an update. Numbers are never reused."""

    ADMITTED = 0
    HEADER = 1
    ROOT = 5
    WEIGHT = 6
    RANGE = 7
    NORM = 8
    UNAVAILABLE = 9

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
}


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict and what led to it, in words."""

    verdict: Verdict
    message: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """An update and the decision on it."""

    update: Update
    decision: Decision


_SURVEYED = 1 << 18
"""Values that `sum_of_squares` takes at a time, at most."""

Progress = Callable[[int], None]
"""Hears of more bytes that were read."""


def judge(facts: RoundFacts, entry: Entry, fetch: Fetch) -> Decision:
    """Admission of one update: `weigh`, then `inspect`. Raises Unavailable where its bytes cannot be had."""
    layout, limits, update = facts.job.layout, facts.job.admission, entry.update
    decision = weigh(update.weight, limits.cap(update.index))
    if decision.verdict is not Verdict.ADMITTED:
        return decision
    pieces = fetch(entry.cid, 0, layout.size + 1)
    return judge_bytes(pieces, layout, entry.binding, update.root, limits)


def judge_all(
    facts: RoundFacts, fetch: Fetch, certified: Collection[int], *, progress: Progress = lambda _: None
) -> tuple[Judged, ...]:
    """Admission of every update of a round, by ascending member index.

    `certified` are the members whose updates have a certificate in the attempt's receipts file (`ledger.rounds.
    receipts`): the others are UNAVAILABLE, whatever their bytes, and are not read.
    """
    judged = []
    for entry in facts.entries:
        known = entry.update.index in certified
        decision = judge(facts, entry, fetch) if known else Decision(Verdict.UNAVAILABLE)
        judged.append(Judged(entry.update, decision))
        progress(facts.size)
    return tuple(judged)


def weigh(weight: int, cap: int) -> Decision:
    """The check that needs no bytes; `cap` is what the job allows the member (`Admission.cap`)."""
    if not 1 <= weight <= cap:
        return Decision(Verdict.WEIGHT, f"weight {weight} is not between 1 and {cap}")
    return Decision(Verdict.ADMITTED)


def judge_bytes(pieces: Iterator[Buffer], layout: Layout, binding: Binding, root: bytes, limits: Admission) -> Decision:
    """Judge the bytes of an update, which arrive in pieces and are read once.

    1. The header is, byte for byte, the one that follows from ledger, job and what its party alone knows (HEADER).
    2. The length is the layout's, and the blocks are a file of the profile (HEADER).
    3. The integers have the registered tensor root (ROOT).
    4. No value exceeds the job's bound (RANGE).
    5. The Euclidean norm does not either, computed exactly (NORM).
    """
    survey = _Survey()
    try:
        for piece in layout.body(pieces, binding):
            survey.add(piece)
    except Malformed as error:
        return Decision(Verdict.HEADER, str(error))
    return survey.judge(root, limits)


class _Survey:
    """What one pass over the integers gathers: leaf hashes, largest magnitude, exact sum of squares."""

    def __init__(self) -> None:
        self.leaves: list[bytes] = []
        self.largest = 0
        self.squares = 0

    def add(self, piece: Buffer) -> None:
        self.leaves += merkle.leaf_hashes(piece)
        values = np.frombuffer(piece, dtype="<i4")
        largest = max(int(values.max()), -int(values.min()))
        self.largest = max(self.largest, largest)
        self.squares += sum_of_squares(values, largest)

    def judge(self, root: bytes, limits: Admission) -> Decision:
        actual = merkle.root(self.leaves)
        if actual != root:
            return Decision(Verdict.ROOT, f"registered root {root.hex()}, the bytes' root {actual.hex()}")
        return within(self.largest, self.squares, limits)


def judge_values(values: np.ndarray, limits: Admission) -> Decision:
    """The last two checks alone, for int32 values that this process made itself."""
    largest = squares = 0
    for start in range(0, len(values), _SURVEYED):
        piece = values[start : start + _SURVEYED]
        highest = max(int(piece.max()), -int(piece.min()))
        largest = max(largest, highest)
        squares += sum_of_squares(piece, highest)
    return within(largest, squares, limits)


def within(largest: int, squares: int, limits: Admission) -> Decision:
    """The last two checks (RANGE, NORM), by an update's largest magnitude and its exact sum of squares."""
    if largest > limits.max_value:
        return Decision(Verdict.RANGE, f"a value of magnitude {largest}, at most {limits.max_value} allowed")
    if squares > limits.max_norm**2:
        return Decision(Verdict.NORM, f"squared norm {squares}, at most {limits.max_norm**2} allowed")
    return Decision(Verdict.ADMITTED)


def sum_of_squares(values: np.ndarray, largest: int) -> int:
    """The exact sum of squares of at most 2^18 int32 values, none larger in magnitude than `largest`.

    In int64: directly where the bound allows, else with each value split as high · 2^16 + low. Never in floats, whose
    products numpy hands to a BLAS: its threads cost a hundred times the work where other processes want the cores.
    """
    if largest * largest * values.size < 1 << 63:
        direct = values.astype(np.int64)
        return int(direct @ direct)
    low, high = values.view("<u2")[0::2].astype(np.int64), values.view("<i2")[1::2].astype(np.int64)
    return (int(high @ high) << 32) + (int(high @ low) << 17) + int(low @ low)
