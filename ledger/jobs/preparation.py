"""What all parties do alike with the columns of their tables: the job's section `preparation` (docs/spec/job.md).

How one party's table is written is its own affair (docs/spec/columns.md). From there on every party, in training,
scoring, evaluation and prediction, makes of a row the same numbers, in the same order: those that `outputs` names.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from ledger.errors import Malformed
from ledger.formats.grammar import check_text
from ledger.formats.strict import Strict
from ledger.jobs.bounds import within

MAX_INPUTS = 4096
MAX_VOCABULARY = 4096
MAX_OUTPUTS = 32_768
MAX_SENTINELS = 16
MAX_LABELS = 256
MAX_VALUES = 4096
DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{0,14}[1-9])?", re.ASCII)
"""A decimal number in its one form; `-0` is none."""

By = Literal["constant", "median", "flag"]
Unknown = Literal["refuse", "other", "zeros"]


class Missing(Strict, frozen=True, omit_defaults=True):
    """What becomes of a row in which a column has no value, where it is not refused.

    `value` takes its place: a number, or a word of the vocabulary. `median` is a constant that says where it is from;
    with `flag` the row has 1 in an output more, and a category has no `value`: all its outputs are 0.
    """

    by: By
    value: str = ""


class Number(Strict, frozen=True, omit_defaults=True, tag="number", tag_field="kind"):
    """A column of numbers from `low` to `high`; what lies outside is refused, or becomes the nearer bound (`clip`).

    `sentinels` are numbers that mean "not measured" in every party's table.
    """

    column: str
    low: str
    high: str
    outside: Literal["refuse", "clip"] = "refuse"
    missing: Missing | None = None
    sentinels: tuple[str, ...] = ()


class Category(Strict, frozen=True, omit_defaults=True, tag="category", tag_field="kind"):
    """A column of words: an output for each word of the vocabulary, 1 where the row has it, else 0.

    A word that is none of them is refused, has an output of its own (`other`), or is 0 everywhere (`zeros`).
    `sentinels` are words that mean "not measured".
    """

    column: str
    vocabulary: tuple[str, ...]
    unknown: Unknown = "refuse"
    missing: Missing | None = None
    sentinels: tuple[str, ...] = ()


Input = Number | Category


class Label(Strict, frozen=True):
    """What the words of a column that the task learns stand for; a word that is not listed is refused."""

    column: str
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class PreparedInput:
    """A number that a row becomes: its name, the column it is from, and the range it is in."""

    name: str
    column: str
    low: str
    high: str

    @property
    def range(self) -> str:
        """As a task's setting `ranges` says it."""
        return f"{self.low}:{self.high}"


class Preparation(Strict, frozen=True, omit_defaults=True):
    """`inputs` in the order of what the task reads; `labels` for those of the task's other columns that are mapped."""

    inputs: tuple[Input, ...]
    labels: tuple[Label, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The table's columns that become inputs."""
        return tuple(one.column for one in self.inputs)

    @property
    def outputs(self) -> tuple[PreparedInput, ...]:
        """What a row becomes, in order."""
        return tuple(output for one in self.inputs for output in outputs_of(one))

    @property
    def mapped(self) -> Mapping[str, Mapping[str, str]]:
        """By column of the labels: what its words stand for."""
        return {label.column: label.values for label in self.labels}


def outputs_of(one: Input) -> Iterator[PreparedInput]:
    """What a column becomes: its number, or 0 or 1 for each word, then for other words; then whether it was missing."""
    if isinstance(one, Number):
        yield PreparedInput(one.column, one.column, one.low, one.high)
    else:
        words = [*one.vocabulary, "other"] if one.unknown == "other" else one.vocabulary
        for word in words:
            yield PreparedInput(f"{one.column}={word}", one.column, "0", "1")
    if one.missing is not None and one.missing.by == "flag":
        yield PreparedInput(f"{one.column} missing", one.column, "0", "1")


def check_preparation(preparation: Preparation) -> None:
    """Refuse what no row can be prepared by. Raises Malformed, naming the column.

    1. There are inputs, and of all not too many.
    2. Every column is named once, inputs and labels together.
    3. Numbers are decimals in their one form, low below high; what stands for a missing one is in that range.
    4. A vocabulary has words, each once; what stands for a missing one is among them.
    5. No two outputs have one name.
    6. A label's words stand for texts.
    """
    within("the number of preparation.inputs", len(preparation.inputs), 1, MAX_INPUTS)
    within("the number of preparation.labels", len(preparation.labels), 0, MAX_LABELS)
    columns = [*preparation.columns, *(label.column for label in preparation.labels)]
    for column in columns:
        check_text(column, "the name of a column in preparation")
    _once(columns, "preparation names a column twice", "name each column once, as an input or as a label")
    for one in preparation.inputs:
        if isinstance(one, Number):
            _check_number(one)
        else:
            _check_category(one)
    outputs = [output.name for output in preparation.outputs]
    within("the number of inputs that preparation makes", len(outputs), 1, MAX_OUTPUTS)
    _once(outputs, "preparation makes two inputs of one name", "rename one of the columns in the columns files")
    for label in preparation.labels:
        _check_label(label)


def decimal(field: str, text: str) -> Decimal:
    """A number as the document has it. Raises Malformed for any other form."""
    if not DECIMAL.fullmatch(text) or text == "-0":
        raise Malformed(
            f"{field} is not a decimal number in its one form",
            advice='write it with a point and nothing to spare, such as "-1.5", "0" or "240"',
            actual=text[:80],
        )
    return Decimal(text)


def is_decimal(text: str) -> bool:
    """Whether a text is a number as the document has it."""
    return DECIMAL.fullmatch(text) is not None and text != "-0"


def _check_number(one: Number) -> None:
    low, high = decimal(f"low of column {one.column!r}", one.low), decimal(f"high of column {one.column!r}", one.high)
    if low >= high:
        raise Malformed(
            f"the range of column {one.column!r} is empty", advice="let low be below high", low=one.low, high=one.high
        )
    _check_sentinels(one)
    for sentinel in one.sentinels:
        decimal(f"a sentinel of column {one.column!r}", sentinel)
    if one.missing is not None:
        value = decimal(f"what stands for a missing value of column {one.column!r}", one.missing.value)
        if not low <= value <= high:
            raise Malformed(
                f"what stands for a missing value of column {one.column!r} is outside its range",
                advice="choose one from low to high",
                expected=f"{one.low} to {one.high}",
                actual=one.missing.value,
            )


def _check_category(one: Category) -> None:
    within(f"the number of words of column {one.column!r}", len(one.vocabulary), 1, MAX_VOCABULARY)
    for word in one.vocabulary:
        check_text(word, f"a word of column {one.column!r}")
    _once(one.vocabulary, f"the vocabulary of column {one.column!r} has a word twice", "name each word once")
    _check_sentinels(one)
    for sentinel in one.sentinels:
        check_text(sentinel, f"a sentinel of column {one.column!r}")
    both = sorted(set(one.sentinels) & set(one.vocabulary))
    if both:
        raise Malformed(
            f"a word of column {one.column!r} is a sentinel, too",
            advice="take it out of vocabulary, or out of sentinels",
            word=both[0],
        )
    if one.missing is not None:
        _check_missing_word(one, one.missing)


def _check_missing_word(one: Category, missing: Missing) -> None:
    if missing.by == "median":
        raise Malformed(
            f"column {one.column!r} has words, and words have no median",
            advice='say missing = { by = "constant", value = "a word of the vocabulary" }, or { by = "flag" }',
        )
    if missing.by == "flag" and missing.value:
        raise Malformed(
            f"column {one.column!r}: a missing word is 0 everywhere but in its flag, and takes no value",
            advice='say missing = { by = "flag" }',
            actual=missing.value[:80],
        )
    if missing.by == "constant" and missing.value not in one.vocabulary:
        raise Malformed(
            f"what stands for a missing word of column {one.column!r} is not in its vocabulary",
            advice="choose a word of the vocabulary",
            expected=", ".join(one.vocabulary)[:300],
            actual=missing.value[:80],
        )


def _check_sentinels(one: Input) -> None:
    within(f"the number of sentinels of column {one.column!r}", len(one.sentinels), 0, MAX_SENTINELS)
    _once(one.sentinels, f"column {one.column!r} has a sentinel twice", "name each sentinel once")


def _check_label(label: Label) -> None:
    within(f"the number of words of label {label.column!r}", len(label.values), 1, MAX_VALUES)
    for word, stands_for in label.values.items():
        check_text(word, f"a word of label {label.column!r}")
        check_text(stands_for, f"what a word of label {label.column!r} stands for")


def _once(names: Iterable[str], message: str, advice: str) -> None:
    seen = set[str]()
    for name in names:
        if name in seen:
            raise Malformed(message, advice=advice, name=name)
        seen.add(name)


def describe(preparation: Preparation) -> list[tuple[str, str]]:
    """Each column, and what becomes of it, in words for people."""
    inputs = [(one.column, _describe_input(one)) for one in preparation.inputs]
    return inputs + [(one.column, _describe_label(one)) for one in preparation.labels]


def _describe_input(one: Input) -> str:
    if isinstance(one, Number):
        outside = "what lies outside is refused" if one.outside == "refuse" else "what lies outside is clipped"
        said = [f"a number from {one.low} to {one.high}, {outside}"]
    else:
        unknown = {"refuse": "other words are refused", "other": "other words are one input", "zeros": "others are 0"}
        said = [f"an input for each of {', '.join(one.vocabulary)}; {unknown[one.unknown]}"]
    if one.sentinels:
        said.append(f"{', '.join(one.sentinels)} counts as missing")
    return "; ".join([*said, _describe_missing(one.missing)])


def _describe_missing(missing: Missing | None) -> str:
    if missing is None:
        return "missing is refused"
    if missing.by == "median":
        return f"missing is the agreed median, {missing.value}"
    if missing.by == "constant":
        return f"missing is {missing.value}"
    return f"missing is {missing.value or '0 everywhere'}, and 1 in an input of its own"


def _describe_label(label: Label) -> str:
    return ", ".join(f"{word} is {other}" for word, other in label.values.items())
