"""The oracle of a round: whole files, update after update, first every verdict, then the model. Plain, slow."""

from collections.abc import Collection
from typing import NamedTuple

import msgspec
import numpy as np
from support.vectors import script

from ledger.errors import Malformed
from ledger.formats.cid import Cid
from ledger.formats.digest import NOTHING
from ledger.formats.merkle import leaf_hashes, root, root_of
from ledger.formats.unixfs import cid_of
from ledger.jobs.document import Admission
from ledger.jobs.rules import ByShares, CentredClipping, Median, Rule, TrimmedMean
from ledger.rounds.admission import Verdict
from ledger.rounds.facts import Entry, RoundFacts, base_of
from ledger.rounds.inputs import Fetch

PLAIN = script("make_shares")


class Expected(NamedTuple):
    """What a round comes to; `file` is the model's, empty where there is none. `scalars` are its factors and shares."""

    verdicts: bytes
    root: bytes = NOTHING
    cid: bytes = NOTHING
    sums: bytes = NOTHING
    file: bytes = b""
    scalars: tuple[int, ...] = ()


def expected(facts: RoundFacts, fetch: Fetch, certified: Collection[int]) -> Expected:
    """The outcome by the letter of docs/spec/round.md. Raises Unavailable, and Malformed for a base too short."""
    verdicts, admitted = [], []
    for entry in facts.entries:
        verdict, values = _judged(facts, fetch, entry) if entry.update.index in certified else (Verdict.UNAVAILABLE, [])
        verdicts.append(verdict)
        if verdict is Verdict.ADMITTED:
            admitted.append((entry.update.weight, [int(value) for value in values]))
    factors = [PLAIN.factor_of(values, facts.job.admission.max_norm) for _, values in admitted]
    if facts.job.admission.clips:
        admitted = [(w, PLAIN.clipped(q, factor)) for (w, q), factor in zip(admitted, factors, strict=True)]
    if len(admitted) < facts.job.admission.min_updates:
        return Expected(bytes(verdicts))
    layout, rule, shares = facts.job.layout, facts.job.aggregation, list[int]()
    if isinstance(rule, ByShares):
        shares, admitted = _shared(facts, fetch, rule, [values for _, values in admitted])
    divided = _means(rule, admitted)
    base = _bytes(fetch, facts.base.cid, layout.size)[layout.header_size :]
    if len(base) != 4 * layout.values:
        raise Malformed("the base is truncated")
    model = [int(value) + _rounded(*mean) for value, mean in zip(np.frombuffer(base, "<i4"), divided, strict=True)]
    if not all(-(1 << 31) <= value < 1 << 31 for value in model):
        return Expected(bytes(verdicts))
    body = np.array(model, "<i4").tobytes()
    file = layout.header(facts.binding) + body
    sums = root(leaf_hashes(np.array([total for total, _ in divided], "<i8").tobytes()))
    scalars = (*(factors if facts.job.admission.clips else ()), *shares)
    return Expected(bytes(verdicts), root_of(body), cid_of([file])[0].digest, sums, file, scalars)


def _shared(
    facts: RoundFacts, fetch: Fetch, rule: ByShares, updates: list[list[int]]
) -> tuple[list[int], list[tuple[int, list[int]]]]:
    """The shares of the updates, and what is summed by which."""
    said, layout, centre = msgspec.to_builtins(rule), facts.job.layout, [0] * facts.job.layout.values
    if facts.base.round and isinstance(rule, CentredClipping):
        before = base_of(facts.state, facts.job, facts.base.round).cid
        now, then = (_bytes(fetch, cid, layout.size)[layout.header_size :] for cid in (facts.base.cid, before))
        pairs = zip(np.frombuffer(now, "<i4"), np.frombuffer(then, "<i4"), strict=True)
        centre = [int(value) - int(earlier) for value, earlier in pairs]
    shares = PLAIN.shares_of(said, updates, centre)
    return shares[: len(updates)], list(zip(shares, PLAIN.summed(said, updates, centre), strict=True))


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
    long = sum(int(value) ** 2 for value in values) > limits.max_norm**2
    return Verdict.NORM if long and not limits.clips else Verdict.ADMITTED


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
