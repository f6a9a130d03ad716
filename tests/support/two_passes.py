"""The oracle of a round: whole files, update after update, first every verdict, then the model. Plain, slow."""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from ledger.errors import Malformed
from ledger.formats.cid import Cid
from ledger.formats.digest import NOTHING
from ledger.formats.merkle import leaf_hashes, root, root_of
from ledger.formats.unixfs import cid_of
from ledger.jobs.document import Admission, Median, Rule, TrimmedMean
from ledger.rounds.admission import Verdict
from ledger.rounds.facts import Entry, RoundFacts
from ledger.rounds.inputs import Fetch


class Expected(NamedTuple):
    """What a round comes to; `file` is the model's, empty where there is none."""

    verdicts: bytes
    root: bytes = NOTHING
    cid: bytes = NOTHING
    sums: bytes = NOTHING
    file: bytes = b""


def expected(facts: RoundFacts, fetch: Fetch, certified: Collection[int]) -> Expected:
    """The outcome by the letter of docs/spec/round.md. Raises Unavailable, and Malformed for a base too short."""
    verdicts, admitted = [], []
    for entry in facts.entries:
        verdict, values = _judged(facts, fetch, entry) if entry.update.index in certified else (Verdict.UNAVAILABLE, [])
        verdicts.append(verdict)
        if verdict is Verdict.ADMITTED:
            admitted.append((entry.update.weight, [int(value) for value in values]))
    if len(admitted) < facts.job.admission.min_updates:
        return Expected(bytes(verdicts))
    layout, divided = facts.job.layout, _means(facts.job.aggregation, admitted)
    base = _bytes(fetch, facts.base.cid, layout.size)[layout.header_size :]
    if len(base) != 4 * layout.values:
        raise Malformed("the base is truncated")
    model = [int(value) + _rounded(*mean) for value, mean in zip(np.frombuffer(base, "<i4"), divided, strict=True)]
    if not all(-(1 << 31) <= value < 1 << 31 for value in model):
        return Expected(bytes(verdicts))
    body = np.array(model, "<i4").tobytes()
    file = layout.header(facts.binding) + body
    sums = root(leaf_hashes(np.array([total for total, _ in divided], "<i8").tobytes()))
    return Expected(bytes(verdicts), root_of(body), cid_of([file])[0].digest, sums, file)


def _judged(facts: RoundFacts, fetch: Fetch, entry: Entry) -> tuple[Verdict, np.ndarray]:
    job, layout, nothing = facts.job, facts.job.layout, np.zeros(0, "<i4")
    if not 1 <= entry.update.weight <= job.admission.cap(entry.update.index):
        return Verdict.WEIGHT, nothing
    try:
        data = _bytes(fetch, entry.cid, layout.size + 1)
    except Malformed:
        return Verdict.HEADER, nothing
    if len(data) != layout.size or layout.bound(data[: layout.header_size], entry.binding) is None:
        return Verdict.HEADER, nothing
    values = np.frombuffer(data, "<i4", offset=layout.header_size)
    return _bounded(values, entry.update.root, job.admission), values


def _bounded(values: np.ndarray, registered: bytes, limits: Admission) -> Verdict:
    if root_of(values.tobytes()) != registered:
        return Verdict.ROOT
    if max(abs(int(value)) for value in values) > limits.max_value:
        return Verdict.RANGE
    return Verdict.NORM if sum(int(value) ** 2 for value in values) > limits.max_norm**2 else Verdict.ADMITTED


def _bytes(fetch: Fetch, cid: Cid, stop: int) -> bytes:
    return b"".join(bytes(piece) for piece in fetch(cid, 0, stop))


def _means(rule: Rule, admitted: list[tuple[int, list[int]]]) -> list[tuple[int, int]]:
    """For each value the sum, and what it is divided by."""
    weights, columns = [weight for weight, _ in admitted], zip(*(values for _, values in admitted), strict=True)
    if isinstance(rule, Median | TrimmedMean):
        trim = rule.trim if isinstance(rule, TrimmedMean) else (len(weights) - 1) // 2
        kept = [sorted(column)[trim : len(weights) - trim] for column in columns]
        return [(sum(middle), len(middle)) for middle in kept]
    return [(sum(w * q for w, q in zip(weights, column, strict=True)), sum(weights)) for column in columns]


def _rounded(total: int, divisor: int) -> int:
    """Half away from zero."""
    half = (2 * abs(total) + divisor) // (2 * divisor)
    return half if total >= 0 else -half
