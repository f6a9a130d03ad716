"""From several parties' profiles to what a job takes: columns, ranges, words, classes, and what differs.

A pure function of profiles and choices: the order in which the profiles are given changes nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from ledger.errors import Malformed
from ledger.formats.alike import look
from ledger.formats.text import option
from ledger.jobs.preparation import Category, Missing, Number, Preparation, check_preparation
from ledger.profiles import numbers
from ledger.profiles.differences import (
    Choices,
    Disagreement,
    Todo,
    chosen,
    differing,
    line_for,
    side_by_side,
)
from ledger.profiles.labels import MergedLabel
from ledger.profiles.parties import MANY, ColumnGroup, PartySide, groups_of, near, parties_of
from ledger.profiles.shared import SharedProfile
from ledger.profiles.targets import Target, target_of, todo_of, twins

FLAGGED = 10
"""A tenth of the rows: where more have no value, that they have none is an input."""
PLAIN_KINDS = {"number", "category"}


@dataclass(frozen=True, slots=True)
class MergedColumn:
    """A column that the job reads: as its preparation says it, who says what, how many cells are missing, and why."""

    input: Number | Category
    sides: tuple[PartySide, ...]
    missing: int
    notes: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.input.column


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A column that some party has and the job does not read."""

    column: str
    why: str
    sides: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Merged:
    """The whole: a draft follows from it where there are no disagreements. `rows` is about how many each party has."""

    choices: Choices
    rows: Mapping[str, int]
    floor: int
    columns: tuple[MergedColumn, ...]
    left_out: tuple[LeftOut, ...]
    target: Target | None
    disagreements: tuple[Disagreement, ...]
    todo: tuple[Todo, ...]

    @property
    def label(self) -> MergedLabel | None:
        """The target where it is classes."""
        return self.target if isinstance(self.target, MergedLabel) else None

    @property
    def parties(self) -> tuple[str, ...]:
        """Who shared a profile, in order."""
        return tuple(self.rows)


def merge(profiles: Sequence[SharedProfile], choices: Choices = Choices()) -> Merged:  # noqa: B008
    """Merge profiles. Raises UsageError for none, and for one that is there twice; all else is in the answer."""
    parties = parties_of(profiles)
    groups = groups_of(parties)
    everyone = set(groups)
    target, found = target_of(parties, groups, choices)
    merging = _Merging(parties, groups, choices, [*found, *_strangers(groups, everyone, choices)])
    for group in groups.values():
        merging.add(group)
    merging.disagreements += _clashes(merging.columns)
    if not merging.columns and not merging.disagreements:
        message = "no column is left that every party has"
        advice = "rename columns in the columns files so that they have one name, and share again"
        sides = tuple((party, ", ".join(one.name for one in profile.columns)) for party, profile in parties.items())
        merging.disagreements.append(Disagreement("nothing", "", message, sides, advice))
    learnt = target.groups if target is not None else ()
    todo = [*_renamed([*groups.values(), *learnt], merging), *merging.todo, *todo_of(target)]
    return Merged(
        choices=choices,
        rows={party: profile.rows for party, profile in parties.items()},
        floor=max(profile.floor for profile in parties.values()),
        columns=tuple(merging.columns),
        left_out=tuple(merging.left_out),
        target=target,
        disagreements=tuple(merging.disagreements),
        todo=tuple(sorted(todo, key=lambda one: (one.party, one.column, one.why))),
    )


def _strangers(groups: Mapping[str, ColumnGroup], known: set[str], choices: Choices) -> Iterator[Disagreement]:
    """Choices about columns that nobody has."""
    for choice in ("drop", "accept", "category"):
        for name in getattr(choices, choice):
            if look(name) not in known:
                names = tuple(group.name for group in groups.values())
                advice = f"one of: {', '.join(names)[:300]}"
                yield Disagreement("choice", name, f"--{choice} names a column that no party has", (), advice)


def _clashes(columns: Sequence[MergedColumn]) -> Iterator[Disagreement]:
    """Inputs that would have one name, as a column `x missing` beside the flag of a column x."""
    try:
        if columns:
            check_preparation(Preparation(inputs=tuple(one.input for one in columns)))
    except Malformed as error:
        yield Disagreement("names", str(error.facts.get("name", "")), error.message, (), error.advice or "drop one")


def _renamed(groups: Iterable[ColumnGroup], merging: "_Merging") -> Iterator[Todo]:
    """Columns of the job that a party calls otherwise."""
    left_out = {one.column for one in merging.left_out}
    for group in groups:
        for side in group.sides:
            theirs = side.column.name
            if theirs != group.name and group.name not in left_out:
                line = line_for([("name", group.name), ("source", theirs), ("kind", side.column.kind)])
                yield Todo(side.party, group.name, f"rename {theirs!r} to {group.name!r}", line)


class _Merging:
    """Columns judged one by one."""

    def __init__(
        self,
        parties: Mapping[str, SharedProfile],
        groups: Mapping[str, ColumnGroup],
        choices: Choices,
        disagreements: list[Disagreement],
    ) -> None:
        self._parties, self._groups, self._choices = parties, groups, choices
        self.columns: list[MergedColumn] = []
        self.left_out: list[LeftOut] = []
        self.disagreements = disagreements
        self.todo: list[Todo] = []

    def add(self, group: ColumnGroup) -> None:
        """Judge a column: it is read, left out, or something has to be decided."""
        if chosen(group.name, self._choices.drop):
            self._leave_out(group, "you drop it")
        elif group.doubled:
            self.disagreements.append(twins(group))
        elif len(group.sides) < len(self._parties):
            self._lacking(group)
        elif why := _unusable(group):
            self._leave_out(group, why)
        elif found := self._differing(group):
            self.disagreements += found
        elif self._kind(group) == "category":
            self._category(group)
        else:
            self._number(group)

    def _lacking(self, group: ColumnGroup) -> None:
        """A column that some party has not: perhaps it only has another name there."""
        lacking = [party for party in self._parties if party not in group.parties]
        for party in lacking if len(self._groups) <= MANY else ():
            own = [one.name for one in self._groups.values() if party in one.parties]
            maybe = [name for name in near(group.name, own) if len(self._group(name).sides) < len(self._parties)]
            if maybe and len(group.sides) >= len(self._group(maybe[0]).sides):
                line = line_for([("name", group.name), ("source", maybe[0])])
                message = f"{party} has no {group.name!r}, but {maybe[0]!r}: is it the same?"
                advice = (
                    f"if so, {party} writes {line} into its columns file, and shares again; "
                    f"else {option('--drop', group.name)}"
                )
                sides = (*side_by_side(group.sides), *side_by_side(self._side(maybe[0], party)))
                self.disagreements.append(Disagreement("names", group.name, message, sides, advice))
                return
        self._leave_out(group, f"{', '.join(lacking)} has no such column")

    def _leave_out(self, group: ColumnGroup, why: str) -> None:
        self.left_out.append(LeftOut(group.name, why, side_by_side(group.sides)))

    def _group(self, name: str) -> ColumnGroup:
        return self._groups[look(name)]

    def _side(self, name: str, party: str) -> Iterator[PartySide]:
        return (side for side in self._group(name).sides if side.party == party)

    def _kind(self, group: ColumnGroup) -> str:
        words = chosen(group.name, self._choices.category)
        return "category" if words else group.sides[0].column.kind

    def _differing(self, group: ColumnGroup) -> list[Disagreement]:
        kinds = {side.column.kind for side in group.sides}
        words = chosen(group.name, self._choices.category)
        binned = [side.party for side in group.sides if side.column.bins]
        drop = option("--drop", group.name)
        if words and binned:
            message = f"{', '.join(binned)} has too many different numbers for a category"
            advice = f"take it out of --category, or {drop}"
        elif len(kinds) > 1 and not (words and kinds <= PLAIN_KINDS):
            message = f"kinds differ: {', '.join(sorted(kinds))}"
            take = f"take numbers as words, {option('--category', group.name)}; or " if kinds <= PLAIN_KINDS else ""
            advice = f"{take}write the same kind, and values, into the columns files; or {drop}"
        else:
            return [] if chosen(group.name, self._choices.accept) else differing(group, self._kind(group))
        return [Disagreement("kinds", group.name, message, side_by_side(group.sides), advice)]

    def _category(self, group: ColumnGroup) -> None:
        counts: dict[str, int] = {}
        for side in group.sides:
            for word, count in side.words.items():
                counts[word] = counts.get(word, 0) + count
        if len(counts) < 2:
            self._leave_out(group, "all parties together tell less than two words")
            return
        missing = sum(side.column.missing for side in group.sides)
        often = min(counts, key=lambda word: (-counts[word], word))
        flagged = _flagged(missing, group.sides)
        vocabulary = tuple(sorted(counts, key=lambda word: (len(word) if word.isdigit() else 0, word)))
        instead = Missing(by="flag") if flagged else Missing(by="constant", value=often)
        unknown: Literal["other", "zeros"] = "zeros" if "other" in vocabulary else "other"
        made = Category(column=group.name, vocabulary=vocabulary, unknown=unknown, missing=instead)
        rest = f"words that are rarer than the floor everywhere are not told: they are {unknown}"
        why = _missing_words(missing, group.sides) + ("" if flagged else f"; {often!r} is the most frequent word")
        self.columns.append(MergedColumn(made, group.sides, missing, (rest, why)))

    def _number(self, group: ColumnGroup) -> None:
        low, high = numbers.range_of(group.sides)
        if low == high:
            self._leave_out(group, f"{numbers.text(low)} is the only number at every party")
            return
        apart = _apart(group.sides)
        outside = {word: who for word, who in apart.items() if not low <= Decimal(word) <= high}
        for word, who in apart.items():
            self.todo += [_sentinel(group.name, word, party, word in outside) for party in who]
        gone = sum(one.count for side in group.sides for one in side.column.apart if one.value in outside)
        missing = gone + sum(side.column.missing for side in group.sides)
        value = numbers.median(group.sides)
        by = Missing(by="flag" if _flagged(missing, group.sides) else "median", value=value)
        made = Number(
            column=group.name, low=numbers.text(low), high=numbers.text(high), outside="clip", missing=by,
            sentinels=tuple(sorted(outside)),
        )  # fmt: skip
        notes = (f"{_missing_words(missing, group.sides)}; {value} is the median of all parties' counts",)
        self.columns.append(MergedColumn(made, group.sides, missing, notes))


def _unusable(group: ColumnGroup) -> str:
    """Why no job can read a column that every party has; empty where one can."""
    if all(side.column.kind not in PLAIN_KINDS for side in group.sides):
        return "dates and free texts are no inputs"
    for side in group.sides:
        if side.empty:
            return f"{side.party} has next to no values of it ({side.column.missing:,} of {side.rows:,} missing)"
        if only := _only_sentinel(side, group.sides):
            return f"{side.party} has none of it: {only} is its only number, and far from the others' values"
    if not any(side.column.told for side in group.sides):
        return "no party tells values of it: they are too rare"
    return ""


def _only_sentinel(side: PartySide, sides: Sequence[PartySide]) -> str:
    """The only number of a party, where it is outside of all others' ranges."""
    others = [other for other in sides if other is not side and other.cells]
    if side.column.kind != "number" or len(side.column.values) != 1 or not others:
        return ""
    low, high = numbers.range_of(others)
    wide = [other for other in others if len(other.cells) > 1]
    return "" if not wide or low <= side.lowest <= high else side.column.values[0].value


def _apart(sides: Sequence[PartySide]) -> dict[str, list[str]]:
    """Numbers that may mean "not measured", and at whom."""
    found: dict[str, list[str]] = {}
    for side in sides:
        for one in side.column.apart:
            found.setdefault(one.value, []).append(side.party)
    return dict(sorted(found.items()))


def _sentinel(column: str, word: str, party: str, taken: bool) -> Todo:
    line = line_for([("name", column)])[:-2] + f', missing = ["{word}"] }}'
    if taken:
        why = f"the draft takes {word} as not measured: say so if it was measured"
        return Todo(party, column, why, line)
    return Todo(party, column, f"{word} stands apart from your other values: was it measured?", line)


def _flagged(missing: int, sides: Sequence[PartySide]) -> bool:
    return missing * FLAGGED > sum(side.rows for side in sides)


def _missing_words(missing: int, sides: Sequence[PartySide]) -> str:
    rows = sum(side.rows for side in sides)
    if not missing:
        return "missing: fewer than the floor at every party"
    return f"missing: about {missing:,} of {rows:,} ({numbers.of_rows(missing, rows)})"
