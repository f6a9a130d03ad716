"""The column that is learnt: its classes, what its words stand for, and the classes' weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal

from ledger.errors import UsageError
from ledger.formats.text import option
from ledger.profiles.differences import Choices, Disagreement, chosen, side_by_side
from ledger.profiles.parties import ColumnGroup

LEAST_ROWS = 10
"""A class of fewer rows, of all parties together, is not learnt unless a person says so."""
UNBALANCED = 3
"""A class with so many times the rows of another makes weights."""
EVENTS = ("0", "1")
STAND_IN = "CLASS"
"""Stands in a proposal where only a person knows the class."""
FORM = 'words, "=" and a class, with commas between: "0=no,1,2,3,4=yes"'


@dataclass(frozen=True, slots=True)
class MergedLabel:
    """The column, its classes in order with about how many rows each has, what its words stand for (empty where they
    are the classes), and weights, empty where the classes need none. `why` says why it is learnt as classes.
    """

    group: ColumnGroup
    classes: tuple[str, ...]
    counts: Mapping[str, int]
    values: Mapping[str, str]
    weights: tuple[str, ...]
    why: str = ""

    @property
    def groups(self) -> tuple[ColumnGroup, ...]:
        """The column that is learnt."""
        return (self.group,)


def parse_label_map(text: str) -> dict[str, str]:
    """What words stand for, from "0=no,1,2,3,4=yes". Raises UsageError."""
    found: dict[str, str] = {}
    waiting: list[str] = []
    for part in text.split(","):
        word, mark, stands_for = (piece.strip() for piece in part.partition("="))
        waiting.append(word)
        if not word or (mark and not stands_for) or word in found or waiting.count(word) > 1:
            raise UsageError("--label-map cannot be read", expected=FORM, actual=text[:200])
        if mark:
            found.update(dict.fromkeys(waiting, stands_for))
            waiting = []
    if waiting:
        raise UsageError("--label-map ends in words that stand for nothing", expected=FORM, actual=text[:200])
    return found


def label_of(group: ColumnGroup, choices: Choices, why: str = "") -> tuple[MergedLabel | None, list[Disagreement]]:
    """The merged label, or why there is none."""
    counts = _counted(group)
    if any(side.column.bins or side.column.kind in ("date", "text") for side in group.sides):
        message = "the label has too many different values for classes"
        numeric = all(side.column.kind == "number" for side in group.sides)
        number = f"; or learn it as a number, {option('--predict', 'number')}, without classes" if numeric else ""
        advice = f"write what its values stand for into the columns files (values), and share again{number}"
        return None, [Disagreement("label", group.name, message, side_by_side(group.sides), advice)]
    if choices.label_map:
        return _mapped(group, counts, choices, why)
    words = _ordered(counts)
    silent = [side.party for side in group.sides if not side.words]
    alike = len({frozenset(side.words) for side in group.sides if side.words}) == 1
    known = set(words) <= set(choices.classes) if choices.classes else alike
    if not known or silent or len(words) < 2:
        message = "the label's words differ" if len(words) > 1 else "the label has one class alone"
        return None, [_undecided(group, message, words, choices.classes)]
    classes = choices.classes or tuple(words)
    numbers = any(side.column.kind == "number" for side in group.sides)
    values = {word: word for word in classes} if numbers else {}
    return _weighted(group, {name: counts.get(name, 0) for name in classes}, values, choices, why)


def event_of(group: ColumnGroup, choices: Choices) -> tuple[MergedLabel | None, list[Disagreement]]:
    """Whether an event was seen, as the classes 0 and 1, or why that is not known."""
    words = set(_counted(group))
    said = set(choices.label_map.values())
    if choices.label_map and not said <= set(EVENTS):
        message = "--label-map makes of an event something else than 0 (not seen) and 1 (seen)"
        return None, [_undecided(group, message, _ordered(_counted(group)), EVENTS)]
    if not choices.label_map and len(words) > 1 and not words <= set(EVENTS):
        message = "the event's words are not 0 (lost from sight before) and 1 (seen)"
        return None, [_undecided(group, message, _ordered(_counted(group)), EVENTS)]
    return label_of(group, replace(choices, classes=EVENTS))


def _counted(group: ColumnGroup) -> dict[str, int]:
    counts: dict[str, int] = {}
    for side in group.sides:
        for word, count in side.words.items():
            counts[word] = counts.get(word, 0) + count
    return counts


def _ordered(words: Mapping[str, int]) -> list[str]:
    """Numbers by size, before texts by their signs."""
    return sorted(words, key=lambda word: (_number(word) is None, _number(word) or Decimal(0), word))


def _number(word: str) -> Decimal | None:
    plain = word.removeprefix("-").replace(".", "", 1)
    return Decimal(word) if plain.isascii() and plain.isdigit() else None


def _mapped(
    group: ColumnGroup, counts: Mapping[str, int], choices: Choices, why: str
) -> tuple[MergedLabel | None, list[Disagreement]]:
    values = choices.label_map
    classes = choices.classes or tuple(dict.fromkeys(values.values()))
    unlisted = [word for word in _ordered(counts) if word not in values]
    strange = sorted(set(values.values()) - set(classes))
    if unlisted or strange or len(classes) < 2:
        what = f"--label-map does not say what {', '.join(unlisted)} stand for" if unlisted else "one class is too few"
        what = f"--label-map makes {strange[0]!r}, which --classes does not name" if strange else what
        return None, [_undecided(group, what, _ordered(counts), choices.classes)]
    rows = dict.fromkeys(classes, 0)
    for word, count in counts.items():
        rows[values[word]] += count
    return _weighted(group, rows, values, choices, why)


def _weighted(
    group: ColumnGroup, rows: Mapping[str, int], values: Mapping[str, str], choices: Choices, why: str
) -> tuple[MergedLabel | None, list[Disagreement]]:
    """The label with its classes' weights; a class that next to nobody has is asked about."""
    rare = [name for name, count in rows.items() if count < LEAST_ROWS]
    if rare and not chosen(group.name, choices.accept):
        names = ", ".join(map(repr, rare))
        message = f"no party tells of rows of the class {names}, or all tell of fewer than {LEAST_ROWS} together"
        advice = (
            f"join it to another class by --label-map, or take it out of --classes; or {option('--accept', group.name)}"
        )
        return None, [Disagreement("label", group.name, message, side_by_side(group.sides), advice)]
    return MergedLabel(group, tuple(rows), rows, values, _weights(list(rows.values())), why), []


def _undecided(group: ColumnGroup, message: str, words: Sequence[str], classes: Sequence[str]) -> Disagreement:
    """With a proposal that fits the words. Of numbers and two classes the first is the first; what words of a language
    stand for is not guessed.
    """
    first, second = classes if len(classes) == 2 else ("no", "yes")
    if all(_number(word) is not None for word in words):
        proposal = f"{words[0] if words else 'WORD'}={first},{','.join(words[1:]) or 'OTHERS'}={second}"
    else:
        proposal = ",".join(f"{word}={STAND_IN}" for word in words)
    advice = f"say what they stand for, such as {option('--label-map', proposal)}"
    return Disagreement("label", group.name, message, side_by_side(group.sides), advice, proposal)


def _weights(rows: Sequence[int]) -> tuple[str, ...]:
    """Of n rows and k classes, n / (k · rows of the class), so that classes count alike; none where they are near."""
    if not rows or min(rows) == 0 or max(rows) < UNBALANCED * min(rows):
        return ()
    total, hundredth = Decimal(sum(rows)), Decimal("0.01")
    found = [max((total / (len(rows) * count)).quantize(hundredth, ROUND_HALF_EVEN), hundredth) for count in rows]
    return tuple(format(weight.normalize(), "f") for weight in found)
