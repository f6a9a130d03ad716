"""The evaluation report: what parties measured of one model, each on data of its own (docs/spec/release.md).

Nobody can recompute it: a party vouches for its figures. A release names its SHA-256, which is the digest of its CID.
"""

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from typing import Literal

from ledger.errors import Malformed, UsageError
from ledger.formats.cid import CHUNK, RAW, Cid
from ledger.formats.digest import checksum_address, decode
from ledger.formats.grammar import check_text
from ledger.formats.row_proofs import OpenedRows
from ledger.formats.strict import Addressed, Strict
from ledger.releases.comparison import Comparison
from ledger.releases.comparison import check as check_comparisons
from ledger.releases.counts import Counts, add, check_stated, decimal, figures_of
from ledger.releases.counts import check as check_counts
from ledger.releases.intervals import Spread, spread
from ledger.releases.personal import PersonalFigures, check_personal
from ledger.releases.sums import NOT_MEANS as NO_MEANS_OF_SUMS
from ledger.releases.sums import Sums
from ledger.releases.sums import add as add_sums
from ledger.releases.sums import check as check_sums
from ledger.releases.sums import check_stated as check_sums_stated
from ledger.releases.sums import figures_of as figures_of_sums

FORMAT: Literal["evaluation/1"] = "evaluation/1"
MAX_SIZE = CHUNK
MAX_PARTIES = 255
MAX_METRICS = 32
MAX_ROUNDS = 10_000
MAX_SAMPLES = (1 << 53) - 1
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?", re.ASCII)
_METRIC = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_LICENSE = re.compile(r"([a-z0-9][a-z0-9.-]{0,39})?", re.ASCII)

Metrics = Mapping[str, str]
Rows = Literal["held_out", "trained_on", "own_file"]
"""Which rows were measured: those that the job keeps from training, those trained on, or a file of the party's own."""
ROWS: Mapping[str, str] = {"held_out": "held out", "trained_on": "trained on", "own_file": "own file"}
NOT_MEANS = NO_MEANS_OF_SUMS | frozenset(
    {"auc", "balanced_accuracy", "calibration_error", "f1", "precision", "recall", "specificity"}
)
"""Figures of which a mean over several parties' samples is not the figure of all samples."""


class HeldOutRows(Strict, frozen=True):
    """What opens the root in the header of the party's update of a round: it says how many rows were held out."""

    round: int
    opening: OpenedRows


class RoundFigures(Strict, frozen=True):
    """What was measured of a round's model."""

    round: int
    metrics: dict[str, str]


class PartyFigures(Strict, frozen=True, omit_defaults=True):
    """What one party measured on its data; decimals as text, which has one spelling where a float has many.

    `rows` says which rows; where they were held out, `held_out` shows that the party's own update says so. `counts`, of
    classes, and `sums`, of numbers or times, are left out where the task makes none. `rounds` are earlier models,
    measured on the same rows; `personal` are models that the party alone has (`ledger.releases.personal`).
    """

    party: str
    key: str
    samples: int
    rows: Rows
    metrics: dict[str, str]
    counts: Counts | None = None
    sums: Sums | None = None
    held_out: HeldOutRows | None = None
    rounds: tuple[RoundFigures, ...] = ()
    personal: tuple[PersonalFigures, ...] = ()


class Evaluation(Addressed, frozen=True, omit_defaults=True):
    """The report on the model of one round. Parties by name and key, their rounds ascending: `check` holds it.

    `comparisons` set the model beside others that were trained without the ledger, each vouched for by its party.
    `license` is what the model may be used under, as the Hugging Face Hub spells licences; left out where it is empty.
    """

    fedledger: Literal["evaluation/1"]
    chain: int
    ledger: str
    job: int
    round: int
    root: str
    parties: tuple[PartyFigures, ...]
    comparisons: tuple[Comparison, ...] = ()
    license: str = ""

    @property
    def samples(self) -> int:
        """How many samples all parties measured on."""
        return sum(party.samples for party in self.parties)

    @cached_property
    def mean(self) -> dict[str, str]:
        """The figures that every party reports and that are means of rows, as the mean over samples."""
        return _mean([(party.samples, party.metrics) for party in self.parties])

    @cached_property
    def together(self) -> Counts | None:
        """The counts of all parties' rows together; None where one of them reports none, or they are unlike."""
        parts = [party.counts for party in self.parties if party.counts is not None]
        return add(parts) if len(parts) == len(self.parties) else None

    @cached_property
    def summed(self) -> Sums | None:
        """The sums of all parties' rows together; None where one of them reports none, or they are unlike."""
        parts = [party.sums for party in self.parties if party.sums is not None]
        return add_sums(parts) if len(parts) == len(self.parties) else None

    @cached_property
    def pooled(self) -> dict[str, str]:
        """The figures of all parties' rows together, from their counts or sums; empty where one
        reports none.
        """
        found = dict(figures_of(self.together) if self.together else {})
        found |= figures_of_sums(self.summed) if self.summed else {}
        return {name: decimal(value) for name, value in found.items()}

    @cached_property
    def spread(self) -> Spread | None:
        """How far the parties with counts are apart; None for fewer than two."""
        return spread([(party.party, party.counts) for party in self.parties if party.counts is not None])

    @cached_property
    def rounds(self) -> tuple[RoundFigures, ...]:
        """The models that all parties measured, ascending: the mean over samples; of one party its own figures."""
        if len(self.parties) == 1:
            return self.parties[0].rounds
        measured = [(party.samples, {one.round: one.metrics for one in party.rounds}) for party in self.parties]
        shared = set.intersection(*(set(found) for _, found in measured))
        return tuple(
            RoundFigures(round=number, metrics=_mean([(samples, found[number]) for samples, found in measured]))
            for number in sorted(shared)
        )

    @property
    def rows(self) -> str:
        """Which rows were measured, in words: of every party the same, or each kind with its samples."""
        kinds = {kind: sum(p.samples for p in self.parties if p.rows == kind) for kind in ROWS}
        said = {kind: samples for kind, samples in kinds.items() if samples}
        if len(said) == 1:
            return ROWS[next(iter(said))]
        return ", ".join(f"{samples:,} {ROWS[kind]}" for kind, samples in said.items())


def cid_of(digest: bytes) -> Cid:
    """Where the report of a release is: it is one raw block."""
    return Cid(RAW, digest)


def parse(data: bytes) -> Evaluation:
    """Read a report, its digest already checked. Raises Malformed."""
    if len(data) > MAX_SIZE:
        raise Malformed("the evaluation report is too large", size=len(data), maximum=MAX_SIZE)
    report = decode(data, Evaluation, "the evaluation report")
    check(report)
    return report


def check(report: Evaluation) -> None:
    """Refuse a report that its types allow and its page does not. Raises Malformed, naming the field."""
    _within("chain", report.chain, 1, (1 << 53) - 1)
    _within("job", report.job, 1, (1 << 32) - 1)
    _within("round", report.round, 1, (1 << 32) - 1)
    _check_address("ledger", report.ledger)
    if not re.fullmatch("[0-9a-f]{64}", report.root):
        raise Malformed("root is not 64 hexadecimal digits", actual=report.root[:80])
    if not _LICENSE.fullmatch(report.license):
        raise Malformed("license is not a licence's short name", expected=_LICENSE.pattern, actual=report.license[:80])
    _within("parties", len(report.parties), 1, MAX_PARTIES)
    for party in report.parties:
        _check_party(party, report.round)
        if party.held_out is not None and party.held_out.round > report.round:
            raise Malformed("rows were held out in a round after the model's", party=party.party, maximum=report.round)
    order = [(party.party, party.key) for party in report.parties]
    if order != sorted(order) or len({party.key for party in report.parties}) != len(order):
        raise Malformed("parties must be ascending by name, each key once")
    check_comparisons(report.comparisons)
    for one in report.comparisons:
        _check_address("key", one.key)
        for model in one.models:
            _check_metrics(model.name or model.kind, model.metrics)


def require_model(report: Evaluation, **expected: object) -> None:
    """Refuse a report on another model; `expected` are its fields. Raises Malformed, naming the first that differs."""
    for field, value in expected.items():
        actual = getattr(report, field)
        if actual != value:
            there = f" --round {expected['round']}" if "round" in expected else ""
            raise Malformed(
                f"the evaluation report is on another {field}",
                advice=f"measure the model itself: fedledger node evaluate{there} --report FILE",
                expected=value,
                actual=actual,
            )


def join(reports: Sequence[Evaluation]) -> Evaluation:
    """The reports of several parties on one model as one. Raises UsageError where they cannot be joined.

    1. There is at least one report.
    2. All are on the same chain, ledger, job, round and root, and say the same licence.
    3. Each party is in one of them only.
    4. Each comparison is in one of them only.
    5. What is joined keeps the bounds.
    """
    if not reports:
        raise UsageError("there is no report to join")
    first = reports[0]
    for other in reports[1:]:
        for field in ("chain", "ledger", "job", "round", "root", "license"):
            if getattr(other, field) != getattr(first, field):
                raise UsageError(
                    f"the reports are not on the same model: they differ in {field}",
                    expected=getattr(first, field),
                    actual=getattr(other, field),
                )
    parties = sorted((party for report in reports for party in report.parties), key=lambda p: (p.party, p.key))
    keys = [party.key for party in parties]
    twice = next((party for party in parties if keys.count(party.key) > 1), None)
    if twice is not None:
        raise UsageError("a party's figures are in more than one report", party=twice.party, key=twice.key)
    compared = sorted((one for report in reports for one in report.comparisons), key=lambda one: (one.party, one.key))
    joined = Evaluation(
        fedledger=FORMAT,
        chain=first.chain,
        ledger=first.ledger,
        job=first.job,
        round=first.round,
        root=first.root,
        parties=tuple(parties),
        comparisons=tuple(compared),
        license=first.license,
    )
    check(joined)
    if len(joined.encode()) > MAX_SIZE:
        raise Malformed("the joined report is too large", size=len(joined.encode()), maximum=MAX_SIZE)
    return joined


def _mean(measured: Sequence[tuple[int, Metrics]]) -> dict[str, str]:
    """The metrics that all have, weighted by samples: exact, then rounded once, half to even. Of several, `NOT_MEANS`
    are left out.
    """
    common = set.intersection(*(set(metrics) for _, metrics in measured))
    if len(measured) > 1:
        common -= NOT_MEANS
    total = sum(samples for samples, _ in measured)
    sums = {name: sum((n * Fraction(m[name]) for n, m in measured), Fraction()) for name in sorted(common)}
    return {name: decimal(value / total) for name, value in sums.items()}


def _check_party(party: PartyFigures, last: int) -> None:
    check_text(party.party, "a party's name")
    _check_address("key", party.key)
    _within("samples", party.samples, 1, MAX_SAMPLES)
    if not party.metrics:
        raise Malformed("a party reports no figures", party=party.party)
    _check_metrics(party.party, party.metrics)
    if party.counts is not None:
        check_counts(party.counts, party.samples, party.party)
        check_stated(party.metrics, party.counts, party.party)
    if party.sums is not None:
        check_sums(party.sums, party.samples, party.party)
        check_sums_stated(party.metrics, party.sums, party.party)
    _check_rows(party)
    check_personal(party.party, party.personal, _check_metrics)
    _check_rounds(party, last)
    _check_names(party)


def _check_rounds(party: PartyFigures, last: int) -> None:
    """Earlier models ascend to the report's own, and what is said of that one twice is said alike."""
    _within(f"rounds of {party.party}", len(party.rounds), 0, MAX_ROUNDS)
    numbers = [figures.round for figures in party.rounds]
    if numbers != sorted(set(numbers)) or not all(0 <= number <= last for number in numbers):
        raise Malformed("rounds must be ascending, from 0 to the report's own", party=party.party, maximum=last)
    for figures in party.rounds:
        _check_metrics(f"round {figures.round} of {party.party}", figures.metrics)
        if figures.round == last and figures.metrics != party.metrics:
            raise Malformed("the last round's figures are not those of the model", party=party.party, round=last)


def _check_names(party: PartyFigures) -> None:
    """All rounds of a party have few metrics in common, so that tables of them have few columns."""
    names = set(party.metrics).union(*(figures.metrics for figures in party.rounds))
    _within(f"metrics of {party.party} in all rounds", len(names), 0, MAX_METRICS)


def _check_rows(party: PartyFigures) -> None:
    """Rows that were held out come with the opening that says so, and are no more than it says."""
    shown = party.held_out
    if (party.rows == "held_out") != (shown is not None):
        raise Malformed("held-out rows and what shows them go together", party=party.party, rows=ROWS[party.rows])
    if shown is not None:
        _within(f"held_out.round of {party.party}", shown.round, 1, (1 << 32) - 1)
        opening = shown.opening.opening
        if party.samples > opening.held_out:
            raise Malformed(
                "more rows are said to be held out than the party's update says",
                advice="rows came since: measure again after the party's next update, or name a file with --data",
                party=party.party,
                expected=opening.held_out,
                actual=party.samples,
            )


def _check_metrics(where: str, metrics: Metrics) -> None:
    _within(f"metrics of {where}", len(metrics), 0, MAX_METRICS)
    for name, value in metrics.items():
        if not _METRIC.fullmatch(name):
            raise Malformed("a metric's name is not allowed", where=where, expected=_METRIC.pattern, actual=name[:80])
        if not _NUMBER.fullmatch(value):
            raise Malformed(f"{name} is not a decimal number", where=where, actual=value[:80])


def _check_address(field: str, text: str) -> None:
    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", text) or checksum_address(bytes.fromhex(text[2:])) != text:
        raise Malformed(f"{field} is not an address in EIP-55 form", actual=text[:80])


def _within(field: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise Malformed(f"{field} is out of range", minimum=low, maximum=high, actual=value)
