"""From several parties' profiles to the draft of an analysis: what everybody counts before anything is trained.

Bins follow from what all parties agreed to tell of their tables, and from nobody's rows.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from msgspec.structs import replace as with_fields

from ledger.errors import UsageError
from ledger.formats.alike import look
from ledger.formats.text import listed, plural
from ledger.jobs.analysis import MAX_STEPS
from ledger.jobs.preparation import Category, Number
from ledger.jobs.privacy import LEAST_SET
from ledger.profiles.differences import Choices, Disagreement, said
from ledger.profiles.merging import Merged, MergedColumn, merge
from ledger.profiles.numbers import text
from ledger.profiles.proposals import WINDOW
from ledger.profiles.shared import SharedProfile
from ledger.profiles.toml import array, comment, quoted_text
from ledger.profiles.writing import undone

MOST_BINS, FINEST = 20, 11
MAX_SIDES = 8
"""Parties whose figures stand beside a column, at most."""


@dataclass(frozen=True, slots=True)
class AnalysisChoices:
    """What a person decides of an analysis. `by` is the column of its classes; None for what all profiles call their
    label, empty for none. With `epsilon` it has noise, in `scope`.
    """

    by: str | None = None
    min_cell: int = 5
    min_rows: int = 10
    correlations: bool = False
    masked: bool = False
    epsilon: str = ""
    delta: str = "0.00001"
    scope: str = ""


@dataclass(frozen=True, slots=True)
class MergedAnalysis:
    """Profiles merged for an analysis whose classes are those of the column `by`, empty for none."""

    merged: Merged
    by: str
    said: AnalysisChoices

    @property
    def disagreements(self) -> tuple[Disagreement, ...]:
        """What has to be decided before there is a draft."""
        return self.merged.disagreements


@dataclass(frozen=True, slots=True)
class Binned:
    """A range in bins whose edges are round numbers."""

    low: Decimal
    high: Decimal
    step: Decimal
    bins: int


def merge_for_analysis(
    profiles: Sequence[SharedProfile],
    choices: Choices,
    said: AnalysisChoices = AnalysisChoices(),
) -> MergedAnalysis:
    """Merge profiles. The column of the classes is one like any other, taken as words, which are counted as they are:
    what they stand for need not be decided. Raises UsageError as `merge`, and for a `by` that is no column of words
    that every party has.
    """
    by = _label_of(profiles) if said.by is None else said.by
    named = [column for one in profiles for column in one.columns if by and look(column.name) == look(by)]
    if said.by and (not named or any(column.bins for column in named)):
        raise _no_classes(said.by, [column.name for one in profiles for column in one.columns if not column.bins])
    taken = replace(choices, label="", category=(*choices.category, by) if by else choices.category)
    found = merge([with_fields(profile, label="") for profile in profiles], taken)
    merged = replace(found, disagreements=tuple(one for one in found.disagreements if one.kind != "label"))
    column = next((one for one in merged.columns if by and look(one.name) == look(by)), None)
    if column is not None and isinstance(column.input, Category):
        return MergedAnalysis(merged, column.name, said)
    if said.by and not merged.disagreements:
        raise _no_classes(said.by, [one.name for one in merged.columns if isinstance(one.input, Category)])
    return MergedAnalysis(merged, "", said)


def _no_classes(by: str, names: Iterable[str]) -> UsageError:
    return UsageError(
        "--by names no column of words that every party has",
        advice="name another column, or leave the classes out: --by ''",
        expected=", ".join(dict.fromkeys(names))[:300] or "none",
        actual=by[:80],
    )


def _label_of(profiles: Sequence[SharedProfile]) -> str:
    """What all profiles that say a label call it, where it has few values; empty otherwise."""
    labels = {look(profile.label): profile.label for profile in profiles if profile.label}
    if len(labels) != 1:
        return ""
    label = next(iter(labels))
    binned = any(column.bins for profile in profiles for column in profile.columns if look(column.name) == label)
    return "" if binned else min(labels.values())


def binned(low: Decimal, high: Decimal) -> Binned:
    """A range as up to twenty bins of 1, 2 or 5 times a power of ten, wide enough to hold it, in the finest steps."""
    width = high - low
    power = max(width.adjusted() - 2, -FINEST)
    edges = (Decimal(digit).scaleb(power + more) for more in range(4) for digit in (1, 2, 5))
    size = next(
        edge for edge in edges if _whole(high, edge, ROUND_CEILING) - _whole(low, edge, ROUND_FLOOR) <= MOST_BINS
    )
    first, last = _whole(low, size, ROUND_FLOOR), _whole(high, size, ROUND_CEILING)
    bins = int(last - first)
    exponent = next(
        one for one in range(-FINEST, size.adjusted() + 1) if bins * size <= MAX_STEPS * Decimal(1).scaleb(one)
    )
    return Binned(first * size, last * size, Decimal(1).scaleb(exponent), bins)


def _whole(value: Decimal, size: Decimal, rounding: str) -> Decimal:
    return (value / size).to_integral_value(rounding)


def analysis_text(found: MergedAnalysis) -> str:
    """The draft that `fedledger job create` reads. Raises UsageError where something has to be decided first."""
    merged = found.merged
    if merged.disagreements:
        raise UsageError(
            f"there is no draft yet: {plural(len(merged.disagreements), 'disagreement')}",
            advice=merged.disagreements[0].advice,
            first=merged.disagreements[0].message,
        )
    if found.said.masked and len(merged.parties) < LEAST_SET:
        advice = "leave --masked out, or wait for more parties' profiles"
        raise UsageError("masks need three parties: of a sum of two, each reads the other's answer", advice=advice)
    lines = [
        *_head(found),
        f"name = {quoted_text(_name(found))}",
        "",
        *_section(found),
        *(line for column in merged.columns for line in _column(column)),
        *_privacy(found.said),
        *_times(merged, masked=found.said.masked),
    ]
    return "\n".join(lines) + "\n"


def _name(found: MergedAnalysis) -> str:
    parties = plural(len(found.merged.parties), "party", "parties")
    return found.merged.choices.name or f"what {parties} have"


def _head(found: MergedAnalysis) -> Iterator[str]:
    merged = found.merged
    yield from comment(
        f"A draft of statistics from the shared profiles of {listed(merged.parties)}: fedledger job create THIS_FILE"
    )
    yield from comment("Written by fedledger stats draft. Change what you know better; then members read it and vote.")
    yield from undone(merged)
    yield "#"
    yield from comment(
        "A column that follows from another, such as a diagnosis and its chapter, tells what the other withholds: take "
        "one of them out."
    )
    yield ""


def _section(found: MergedAnalysis) -> Iterator[str]:
    asked = found.said
    numbers = sum(isinstance(column.input, Number) for column in found.merged.columns)
    yield "[analysis]"
    if found.by:
        yield f"by = {quoted_text(found.by)}     # all of it by class"
    yield f"correlations = {'true' if asked.correlations and numbers > 1 else 'false'}"
    yield f"min_cell = {asked.min_cell}            # no cell of fewer rows is told"
    yield f"min_rows = {asked.min_rows}           # nothing of a class of fewer"
    yield ""


def _column(column: MergedColumn) -> Iterator[str]:
    for side in column.sides[:MAX_SIDES]:
        yield from comment(f"{side.party}: {said(side)}")
    yield "[[analysis.columns]]"
    yield f"name = {quoted_text(column.name)}"
    if isinstance(column.input, Category):
        yield f"categories = {array(map(quoted_text, column.input.vocabulary))}"
    else:
        made = binned(Decimal(column.input.low), Decimal(column.input.high))
        yield f"low = {text(made.low)}"
        yield f"high = {text(made.high)}"
        yield f"step = {text(made.step)}"
        yield f"bins = {made.bins}"
        if column.input.sentinels:
            yield from comment(
                f"counted as out of range: {listed(column.input.sentinels)}, which may mean not measured"
            )
    yield ""


def _privacy(asked: AnalysisChoices) -> Iterator[str]:
    if asked.masked:
        yield from ("[privacy]", 'mode = "masked"         # nobody sees a single answer', "")
    if asked.epsilon:
        yield "[dp]                    # noise on every number"
        yield from (f"epsilon = {asked.epsilon}", f"delta = {asked.delta}", f"scope = {quoted_text(asked.scope)}", "")


def _times(merged: Merged, *, masked: bool) -> Sequence[str]:
    window = merged.choices.window or WINDOW
    short = max(window // 5, 30)
    parties = len(merged.parties)
    least = max(parties - (parties - 1) // 2, LEAST_SET if masked else 1)
    return [
        "[admission]",
        f"min_updates = {least}         # of {plural(parties, 'party', 'parties')}",
        "",
        "[terms]",
        f"update_seconds = {window}    # to count",
        f"aggregate_seconds = {short}",
        f"attest_seconds = {short}",
    ]
