"""What is to be predicted: which column, which kind of answer, and why; what cannot be predicted, and the way out.

A column of words is learnt as classes, one of many different numbers as a number, a time beside an event as a time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ledger.errors import UsageError
from ledger.formats.alike import look
from ledger.formats.text import option
from ledger.jobs.preparation import is_decimal
from ledger.profiles import numbers
from ledger.profiles.differences import Choices, Disagreement, Todo, chosen, differing, line_for, side_by_side
from ledger.profiles.labels import MergedLabel, event_of, label_of
from ledger.profiles.parties import ColumnGroup, PartySide
from ledger.profiles.shared import SharedProfile

TASKS = {"tabular": ("class",), "regression": ("number",), "survival": ("time",), "sklearn": ("class", "number")}
"""Tasks that a draft may name, and what each predicts; the first that predicts a thing is taken for it."""
TWO = 2
FEWEST_BINS, MOST_BINS, ROWS_OF_A_BIN = 3, 10, 50


@dataclass(frozen=True, slots=True)
class NumberTarget:
    """A column of numbers, and the range that all parties scale it by: what lies outside is refused."""

    group: ColumnGroup
    low: Decimal
    high: Decimal
    why: str

    @property
    def groups(self) -> tuple[ColumnGroup, ...]:
        """The columns that are learnt."""
        return (self.group,)


@dataclass(frozen=True, slots=True)
class TimeTarget:
    """A column of times and one of events, the ends of bins of time, and what the event's words stand for."""

    time: ColumnGroup
    event: ColumnGroup
    bins: tuple[str, ...]
    events: MergedLabel
    why: str

    @property
    def groups(self) -> tuple[ColumnGroup, ...]:
        """The columns that are learnt."""
        return (self.time, self.event)


Target = MergedLabel | NumberTarget | TimeTarget
Found = tuple[Target | None, list[Disagreement]]


def target_of(parties: Mapping[str, SharedProfile], groups: dict[str, ColumnGroup], choices: Choices) -> Found:
    """The target, or what has to be decided about it; its columns are taken out of `groups`. Raises UsageError for
    choices that exclude each other.
    """
    _require_together(choices)
    if _asks_for_times(choices):
        return _times(parties, groups, choices)
    wanted, found = _name_of(parties, choices)
    if not wanted:
        return None, found
    group, lacking = _taken(wanted, parties, groups)
    if group is None or lacking:
        return None, lacking
    kind, why = _kind_of(group, choices)
    if kind == "number":
        return _number(group, choices, why)
    return label_of(group, choices, why)


def todo_of(target: Target | None) -> Iterator[Todo]:
    """What parties do about what is learnt: rows without it, and values that are none, have no place in training."""
    for group in target.groups if target is not None else ():
        for side in group.sides:
            if side.column.missing:
                rows = f"about {side.column.missing:,} rows have no {group.name!r}"
                why = f"{rows}: fill it in, or leave them out, under [file]"
                yield Todo(side.party, group.name, why, 'rows_with_missing = "leave out"')
            for one in side.column.apart:
                why = f"{one.value} stands apart from your other values: was it measured? If not, leave these rows out"
                line = line_for([("name", group.name)])[:-2] + f', missing = ["{one.value}"] }}'
                yield Todo(side.party, group.name, why, line)


def _require_together(choices: Choices) -> None:
    if choices.predict and choices.task and choices.predict not in TASKS[choices.task]:
        fits = [name for name, kinds in TASKS.items() if choices.predict in kinds]
        raise UsageError(
            f"the task {choices.task} does not predict a {choices.predict}",
            advice=f"leave --task out, or --task {fits[0]}",
            task=choices.task,
            predict=choices.predict,
        )
    if _asks_for_times(choices):
        if not (choices.time and choices.event) or choices.predict not in ("", "time") or choices.label:
            raise UsageError(
                "times until an event are learnt from two columns: the time, and whether the event was seen",
                advice="--time COLUMN --event COLUMN, without --target",
            )
        if choices.task not in ("", "survival"):
            raise UsageError(
                f"the task {choices.task} does not predict a time", advice="leave --task out, or --task survival"
            )
    elif choices.bins:
        raise UsageError("--bins are of times until an event", advice="name both: --time COLUMN --event COLUMN")


def _asks_for_times(choices: Choices) -> bool:
    return bool(choices.time or choices.event or choices.task == "survival" or choices.predict == "time")


def _name_of(parties: Mapping[str, SharedProfile], choices: Choices) -> tuple[str, list[Disagreement]]:
    """What the target is called: as a person says, else as all profiles do that say it."""
    if choices.label:
        return choices.label, []
    said = {profile.label: party for party, profile in parties.items() if profile.label}
    if len({look(label) for label in said}) == 1:
        return min(said), []
    sides = tuple((party, profile.label or "not said") for party, profile in parties.items())
    message = "the parties name different labels" if said else "nobody says which column is to be learnt"
    return "", [Disagreement("label", "", message, sides, "say --label COLUMN")]


def _taken(
    wanted: str, parties: Mapping[str, SharedProfile], groups: dict[str, ColumnGroup]
) -> tuple[ColumnGroup | None, list[Disagreement]]:
    """A column that is learnt, out of `groups`."""
    group = groups.pop(look(wanted), None)
    lacking = [party for party in parties if group is None or party not in group.parties]
    if group is None or lacking:
        message = f"no label {wanted!r} at {', '.join(lacking)}"
        sides = tuple((party, ", ".join(one.name for one in parties[party].columns)) for party in lacking)
        advice = "rename it in the columns file, or name another --label"
        return group, [Disagreement("label", wanted, message, sides, advice)]
    if group.doubled:
        return group, [twins(group)]
    return group, []


def twins(group: ColumnGroup) -> Disagreement:
    """Columns of one party whose names look alike."""
    message = f"two columns of {', '.join(group.doubled)} have names that look alike"
    advice = f"let them rename one of the two in the columns file, or {option('--drop', group.name)}"
    return Disagreement("names", group.name, message, side_by_side(group.sides), advice)


def _kind_of(group: ColumnGroup, choices: Choices) -> tuple[str, str]:
    """What is predicted of a column, a class or a number, and why."""
    kinds = TASKS.get(choices.task, ())
    if choices.predict or len(kinds) == 1:
        said = choices.predict or kinds[0]
        asked = f"--predict {said}" if choices.predict else f"--task {choices.task}"
        return said, f"{group.name} is learnt as a {said}: you said {asked}"
    many = any(side.column.bins for side in group.sides)
    numeric = all(side.column.kind == "number" for side in group.sides)
    if choices.classes or choices.label_map or chosen(group.name, choices.category):
        return "class", f"{group.name} is learnt as classes: you said what its values stand for"
    if numeric and many:
        return "number", f"{group.name} is learnt as a number: it has many different ones; --predict class for classes"
    also = "; --predict number if they are amounts" if numeric else ""
    return "class", f"{group.name} is learnt as classes: it has few different values{also}"


def _number(group: ColumnGroup, choices: Choices, why: str) -> Found:
    wrong = list(_no_number(group, choices))
    if wrong:
        return None, wrong
    low, high = numbers.range_of(group.sides)
    if choices.target_range:
        least, most = range_from(choices.target_range)
        if least > low or most < high:
            advice = f"--target-range {numbers.text(min(least, low))}:{numbers.text(max(most, high))}, or wider"
            message = f"--target-range leaves out what parties have: {numbers.text(low)} to {numbers.text(high)}"
            return None, [Disagreement("ranges", group.name, message, side_by_side(group.sides), advice)]
        return NumberTarget(group, least, most, why), []
    found = numbers.proposed_range(group.sides)
    return NumberTarget(group, found.low, found.high, f"{why}. {found.why}" if found.why else why), []


def _no_number(group: ColumnGroup, choices: Choices) -> Iterator[Disagreement]:
    """Why a column is not a number to predict."""
    sides, name = side_by_side(group.sides), group.name
    instead = f"name another --target, or learn it as classes: {option('--predict', 'class')}"
    if any(side.column.kind != "number" for side in group.sides):
        strange = ", ".join(side.party for side in group.sides if side.column.kind != "number")
        yield Disagreement("kinds", name, f"{name!r} holds no numbers at {strange}", sides, instead)
        return
    if silent := _without(group.sides):
        yield Disagreement("label", name, f"{silent} has next to no values of {name!r}", sides, "name another --target")
        return
    low, high = numbers.range_of(group.sides)
    if low == high:
        message = f"{name!r} is {numbers.text(low)} everywhere: of what is constant nothing can be learnt"
        yield Disagreement("label", name, message, sides, "name another --target")
        return
    if choices.classes or choices.label_map:
        message = "a number has no classes: --classes and --label-map say what words stand for"
        yield Disagreement("choice", name, message, sides, f"leave them out, or {option('--predict', 'class')}")
    if chosen(name, choices.accept):
        return
    different = {value for side in group.sides for value in side.words}
    if len(different) == TWO and not any(side.column.bins for side in group.sides):
        message = f"{name!r} has two different numbers, {' and '.join(sorted(different))}: these are classes"
        advice = f"{option('--predict', 'class')}; or {option('--accept', name)} where they are amounts"
        yield Disagreement("label", name, message, sides, advice)
    yield from differing(group, "number")


def _without(sides: Sequence[PartySide]) -> str:
    return ", ".join(side.party for side in sides if side.empty or not side.cells)


def range_from(text: str) -> tuple[Decimal, Decimal]:
    """A range from "low:high". Raises UsageError."""
    low, _, high = (part.strip() for part in text.partition(":"))
    if not (is_decimal(low) and is_decimal(high)) or Decimal(low) >= Decimal(high):
        raise UsageError("--target-range cannot be read", advice="low:high, such as 0:250", actual=text[:80])
    return Decimal(low), Decimal(high)


def _times(parties: Mapping[str, SharedProfile], groups: dict[str, ColumnGroup], choices: Choices) -> Found:
    time, wrong = _taken(choices.time, parties, groups)
    event, more = _taken(choices.event, parties, groups)
    if time is None or event is None or wrong or more:
        return None, [*wrong, *more]
    found = list(_no_time(time, choices))
    events, open_ = event_of(event, choices)
    if found or events is None:
        return None, [*found, *open_]
    bins, said = choices.bins, "you said where they end"
    if not bins:
        rows = sum(side.rows for side in time.sides)
        count = min(MOST_BINS, max(FEWEST_BINS, rows // ROWS_OF_A_BIN))
        bins, said = tuple(numbers.quantiles(time.sides, count)), "about as many rows end in each"
    why = (
        f"{time.name} is learnt as a time until {event.name}: you named both; {len(bins)} bins of time, "
        f"{said}. Choose them (--bins) so that each has events at most parties"
    )
    return TimeTarget(time, event, bins, events, why), []


def _no_time(group: ColumnGroup, choices: Choices) -> Iterator[Disagreement]:
    """Why a column holds no times."""
    sides = side_by_side(group.sides)
    if any(side.column.kind != "number" for side in group.sides) or _without(group.sides):
        message = f"{group.name!r} does not hold numbers at every party: a time is a number from the start"
        yield Disagreement("kinds", group.name, message, sides, "name another --time, or correct the columns files")
        return
    low, high = numbers.range_of(group.sides)
    if low < 0 or low == high:
        message = f"{group.name!r} begins below 0" if low < 0 else f"{group.name!r} is {numbers.text(low)} everywhere"
        yield Disagreement("ranges", group.name, message, sides, "name another --time")
        return
    if not chosen(group.name, choices.accept):
        yield from differing(group, "number")
