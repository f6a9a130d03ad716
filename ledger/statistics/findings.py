"""What a job's analysis came to: read off the model of its round, as the ledger and the content store have it."""

from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import Any

import numpy as np

from ledger.errors import UsageError
from ledger.history.state import JobState
from ledger.jobs.analysis import Analysis
from ledger.jobs.document import Job
from ledger.rounds.admission import Verdict
from ledger.rounds.facts import Place, model_of, read_model
from ledger.rounds.inputs import Fetch
from ledger.statistics import figures
from ledger.statistics.table import Correlated, CountedClass, CountedColumn, groups_of, totals

DIGITS = 12
"""Significant digits of a figure that is shown; what is exact stands beside it."""


@dataclass(frozen=True, slots=True)
class JobStatistics:
    """`members` are those whose answers are in the sums, by index; `root` is that of the round's model."""

    analysis: Analysis
    round: int
    root: bytes
    members: tuple[int, ...]
    groups: tuple[CountedClass, ...]
    noise: str = ""
    """Standard deviation of each party's noise, in what one row changes a sum by; empty for none."""

    @property
    def troubles(self) -> list[str]:
        """Contradictions, each with its class."""
        found = [(group.name, said) for group in self.groups for said in figures.troubles(group)]
        return [f"{name}: {said}" if name else said for name, said in found]


def findings(place: Place, state: JobState, job: Job, fetch: Fetch) -> JobStatistics:
    """Read what everyone counted together. Raises UsageError where the job asks nothing, or nothing is finalised yet;
    Unavailable and Malformed as `read_model`, and Malformed where the model is no mean of answers.
    """
    if job.analysis is None:
        raise UsageError(
            f"job {state.number} trains a model: it has no statistics",
            advice=f"fedledger job show {state.number}",
        )
    finals = ((number, round_.final) for number, round_ in state.rounds.items() if not state.is_convicted(number))
    done = [(number, final) for number, final in finals if final is not None]
    if not done:
        raise UsageError(
            f"no round of job {state.number} is finalised yet: there are no statistics so far",
            advice="fedledger status says what it waits for",
        )
    number, final = done[-1]
    pairs = zip(sorted(state.rounds[number].updates), final.verdicts, strict=True)
    members = tuple(index for index, verdict in pairs if verdict == Verdict.ADMITTED)
    base = model_of(state, job, number)
    body = b"".join(bytes(piece) for piece in read_model(place, state, job, base, fetch))
    model = np.frombuffer(body, "<i4").tolist()
    sums, noise = totals(job.analysis, model, len(members)), job.row_noise.noise if job.row_noise is not None else ""
    groups = groups_of(job.analysis, sums, noisy=bool(noise))
    return JobStatistics(job.analysis, number, base.root, members, groups, noise)


def document(found: JobStatistics) -> dict[str, Any]:
    """The same for programs: exact sums as integers, figures as decimals, and means and variances as fractions too."""
    return {
        "round": found.round,
        "root": found.root.hex(),
        "answers": list(found.members),
        "by": found.analysis.by,
        "min_cell": found.analysis.min_cell,
        "min_rows": found.analysis.min_rows,
        "noise": found.noise,
        "groups": [_group(found, group) for group in found.groups],
        "troubles": found.troubles,
    }


def _group(found: JobStatistics, group: CountedClass) -> dict[str, Any]:
    analysis = found.analysis
    said: dict[str, Any] = {
        "name": group.name,
        "rows": group.rows,
        "columns": [_column(counted) for counted in group.columns],
    }
    if group.correlated is not None:
        names = [analysis.asked[place].name for place in analysis.numbers]
        said["correlations"] = {"rows": group.correlated.rows, "columns": names, "matrix": matrix(group.correlated)}
        if found.noise:
            said["correlations"]["errors"] = errors(found, group.correlated)
    return said


def _column(counted: CountedColumn) -> dict[str, Any]:
    column = counted.column
    said: dict[str, Any] = {
        "name": column.name,
        "rows": counted.rows,
        "missing": counted.missing,
        "outside": counted.outside,
        "withheld": counted.withheld,
    }
    if not column.numeric:
        return said | {"categories": dict(zip(column.categories, counted.bins, strict=True))}
    said |= {"low": column.low, "high": column.high, "step": column.step, "bins": list(counted.bins)}
    return said | {"sums": list(counted.sums)} | figures_of(counted)


def figures_of(counted: CountedColumn) -> dict[str, Any]:
    """Mean, variance and deviation as decimals, the first two as fractions; and the bins that quantiles are in."""
    mean, variance, deviation = figures.mean(counted), figures.variance(counted), figures.deviation(counted)
    bins = {decimal(part): figures.quantile(counted, part) for part in figures.QUANTILES}
    return {
        "mean": decimal(mean),
        "mean_exact": None if mean is None else str(mean),
        "variance": decimal(variance),
        "variance_exact": None if variance is None else str(variance),
        "std": decimal(deviation),
        "quantiles": {part: bin_ and [decimal(edge) for edge in bin_] for part, bin_ in bins.items()},
    }


def matrix(found: Correlated, digits: int = DIGITS) -> list[list[str | None]]:
    """Correlations of all columns of numbers, as decimals."""
    places = range(len(found.sums))
    return [[decimal(figures.correlation(found, one, other), digits) for other in places] for one in places]


def errors(found: JobStatistics, sums: Correlated, digits: int = DIGITS) -> list[list[str | None]]:
    """Of each correlation its standard deviation by noise; None of a column with itself, and where there is none."""
    analysis, noise = found.analysis, deviation_of_counts(found.noise, len(found.members))
    widths = [analysis.asked[place].steps for place in analysis.numbers]

    def error(one: int, other: int) -> Fraction | None:
        if one == other:
            return None
        return figures.correlation_error(sums, (one, other), (widths[one], widths[other]), noise)

    places = range(len(widths))
    return [[decimal(error(one, other), digits) for other in places] for one in places]


def deviation_of_counts(noise: str, parties: int) -> Fraction:
    """The standard deviation of a count of so many parties, each with noise of that one."""
    return Fraction(isqrt(int(Fraction(noise) ** 2 * parties * 10**12)), 10**6)


def decimal(value: Fraction | None, digits: int = DIGITS) -> str | None:
    """A figure with so many significant digits."""
    if value is None:
        return None
    text = f"{float(value):.{digits}g}"
    return "0" if text == "-0" else text
