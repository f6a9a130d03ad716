"""In what parties' columns differ, what a person decides about it, and what each party does."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal

from ledger.formats.alike import look
from ledger.formats.text import listed, option
from ledger.profiles.numbers import median, text
from ledger.profiles.parties import ColumnGroup, PartySide, commonest
from ledger.profiles.told import described
from ledger.profiles.toml import quoted_text

DisagreementKind = Literal["label", "kinds", "units", "codes", "words", "ranges", "names", "choice", "nothing"]


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person decides: `drop` leaves columns out, `accept` takes them as they are though parties differ,
    `category` takes numbers as words, `label_map` says what the label's words stand for. `window` is seconds to train.

    What is learnt: the column `label` as a `predict` (class or number), in a `target_range` of "low:high"; or `time`
    and `event`, with the ends of `bins`; by a `task`.
    """

    name: str = ""
    label: str = ""
    classes: tuple[str, ...] = ()
    label_map: Mapping[str, str] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    accept: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    rounds: int | None = None
    window: int | None = None
    purpose: str = ""
    legal_basis: str = ""
    licence: str = ""
    expires: str = ""
    task: str = ""
    predict: str = ""
    target_range: str = ""
    time: str = ""
    event: str = ""
    bins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Disagreement:
    """What has to be decided or corrected before there is a draft; `sides` is who says what, `proposal` a label map."""

    kind: DisagreementKind
    column: str
    message: str
    sides: tuple[tuple[str, str], ...]
    advice: str
    proposal: str = ""


@dataclass(frozen=True, slots=True)
class Todo:
    """What a party does before it trains; `line` is for its columns file, empty where it does it elsewhere."""

    party: str
    column: str
    why: str
    line: str = ""


def side_by_side(sides: Iterable[PartySide]) -> tuple[tuple[str, str], ...]:
    """Who says what of a column."""
    return tuple((side.party, said(side)) for side in sides)


def said(side: PartySide) -> str:
    """What a party says of a column, in words."""
    of = side.column
    unit = f" in {of.unit}" if of.unit else ""
    values = f"{of.kind}{unit}: {_values(side)}"
    return f"{values}; {of.missing:,} of {side.rows:,} missing" if of.missing else values


def _values(side: PartySide) -> str:
    of = side.column
    if not of.bins:
        return described(of) or "values not told"
    apart = "".join(f", apart from them {one.value} ({one.count:,})" for one in of.apart)
    return f"{text(side.lowest)} to {text(side.highest)}, half of them below {median([side])}{apart}"


def chosen(name: str, names: Iterable[str]) -> bool:
    """Whether a column is among names that a person wrote."""
    return look(name) in {look(one) for one in names}


def differing(group: ColumnGroup, kind: str) -> list[Disagreement]:
    """What of a column differs between parties and would pass unseen: units, codes, ranges, spellings of words."""
    found = [*_units(group)]
    found += [*_codes(group), *_ranges(group)] if kind == "number" else [*_spellings(group), *_disjoint(group)]
    return found


def _disagreement(kind: DisagreementKind, group: ColumnGroup, message: str, advice: str) -> Disagreement:
    drop, accept = option("--drop", group.name), option("--accept", group.name)
    out = f"{advice}; or {drop}; or {accept} where you know that it is right"
    return Disagreement(kind, group.name, message, side_by_side(group.sides), out)


def _units(group: ColumnGroup) -> Iterable[Disagreement]:
    units = {look(side.column.unit) for side in group.sides if side.column.unit}
    if len(units) > 1:
        usual = commonest(side.column.unit for side in group.sides if side.column.unit)
        others = [side for side in group.sides if side.column.unit and look(side.column.unit) != look(usual)]
        who = listed(f"{side.party} ({side.column.unit})" for side in others)
        advice = f'give it in one unit, such as {usual}: {who} convert it, write unit = "{usual}", and share again'
        yield _disagreement("units", group, "units differ", advice)


def _codes(group: ColumnGroup) -> Iterable[Disagreement]:
    """Codes that begin and end elsewhere: 0 and 1 beside 1 and 2."""
    coded = {(side.lowest, side.highest) for side in group.sides if len(side.words) > 1}
    if any((low - other) * (high - end) > 0 for (low, high), (other, end) in combinations(coded, 2)):
        advice = "let one party write values into its columns file, and share again"
        yield _disagreement("codes", group, "codes differ: does the same number mean the same?", advice)


def _ranges(group: ColumnGroup) -> Iterable[Disagreement]:
    """Ranges that do not meet: another unit, most often."""
    wide = [(side.lowest, side.highest) for side in group.sides if len(side.cells) > 1]
    if wide and max(low for low, _ in wide) > min(high for _, high in wide):
        advice = "look at the units: one party converts its values, and shares again"
        yield _disagreement("ranges", group, "ranges do not meet: is it the same, in the same unit?", advice)


def _spellings(group: ColumnGroup) -> Iterable[Disagreement]:
    spelt: dict[str, set[str]] = {}
    for side in group.sides:
        for word in side.words:
            spelt.setdefault(look(word), set()).add(word)
    twins = [sorted(words) for words in spelt.values() if len(words) > 1]
    if twins:
        pairs = ", ".join(" and ".join(map(repr, words)) for words in twins)
        advice = "spell words alike: a party lists all of its words in values of its columns file, and shares again"
        yield _disagreement("words", group, f"words look alike and are not the same: {pairs}", advice)


def _disjoint(group: ColumnGroup) -> Iterable[Disagreement]:
    looks = [(side.party, {look(word) for word in side.words}) for side in group.sides if side.words]
    for (one, words), (other, others) in combinations(looks, 2):
        if words.isdisjoint(others):
            advice = "let one party write values into its columns file, and share again"
            yield _disagreement("codes", group, f"{one} and {other} have no word in common", advice)
            return


def line_for(pairs: Sequence[tuple[str, str]]) -> str:
    """A column's line of a columns file."""
    return "{ " + ", ".join(f"{key} = {quoted_text(value)}" for key, value in pairs) + " }"
