"""Whether a task and a job's preparation go together: what one makes, the other reads."""

from collections.abc import Mapping
from decimal import Decimal

from ledger.errors import Malformed
from ledger.jobs.document import Setting
from ledger.jobs.preparation import Label, Preparation
from participant.tasks.data.columns import BadCell, Cell


def check_goes_with(labels: Mapping[str, Cell], settings: Mapping[str, Setting], preparation: Preparation) -> None:
    """Raise Malformed where a task, which learns these columns, cannot read what a preparation makes.

    1. Its settings are those that follow from the preparation.
    2. No column that it learns is an input.
    3. Every label map is of a column that it learns, and leads to what it takes.
    """
    check_settings(settings, preparation)
    both = sorted(set(labels) & set(preparation.columns))
    if both:
        raise Malformed("a column that the task learns is among the inputs, too", advice="take it out", column=both[0])
    for label in preparation.labels:
        _check_label(label, labels)


def _check_label(label: Label, labels: Mapping[str, Cell]) -> None:
    if label.column not in labels:
        raise Malformed(
            f"preparation has a label map for column {label.column!r}, which the task does not learn",
            advice="name the task's label as this column, or take the map out",
            learns=", ".join(labels)[:300],
        )
    for word, text in label.values.items():
        try:
            labels[label.column](text)
        except BadCell as error:
            raise Malformed(
                f"the label map of column {label.column!r} leads to what the task does not take: {error}",
                advice=error.advice,
                word=word,
                stands_for=text,
            ) from error


def check_settings(settings: Mapping[str, Setting], preparation: Preparation) -> None:
    """Raise Malformed where a task's settings do not go with a preparation.

    1. `columns` names the inputs that it makes, in their order.
    2. `ranges` are theirs.
    3. `outside` is not said: each column says it.
    """
    outputs = preparation.outputs
    for name, expected in (("columns", [one.name for one in outputs]), ("ranges", [one.range for one in outputs])):
        actual = settings.get(name)
        if not _same(name, expected, actual):
            raise Malformed(
                f"the task's {name} are not what the job's preparation makes",
                advice=f"leave {name} out of [task.settings]: they follow from [preparation]",
                expected=", ".join(expected)[:500],
                actual=", ".join(actual)[:500] if isinstance(actual, list) else repr(actual)[:100],
            )
    if "outside" in settings:
        raise Malformed(
            "task.settings.outside does not go with a preparation: each of its columns says what lies outside becomes",
            advice='leave it out of [task.settings], and say outside = "clip" for the columns that it is meant for',
        )


def _same(name: str, expected: list[str], actual: Setting | None) -> bool:
    if not isinstance(actual, list) or name == "columns":
        return actual == expected
    return [_bounds(text) for text in actual] == [_bounds(text) for text in expected]


def _bounds(text: str) -> tuple[Decimal | str, ...]:
    try:
        return tuple(Decimal(side.strip()) for side in text.split(":"))
    except ArithmeticError:
        return (text,)
