"""A party's data in two: the rows that are trained on, and those that are held out for evaluation."""

from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.errors import UsageError
from ledger.formats.rows import Draw
from participant.tasks import answers
from participant.tasks.data.leaves import leaf_of_file
from participant.tasks.protocol import Task
from participant.tasks.seam import GuardedTask


@dataclass(frozen=True, slots=True)
class Split:
    """`leaves` are those of all rows, in order; `held_out` is None where the job holds nothing out."""

    leaves: tuple[bytes, ...]
    trained: Any
    held_out: Any


def split(task: Task, data: Any, path: Path, draw: Draw) -> Split:
    """Divide what `load_data` returned, read from `path`.

    Raises UsageError where a share is to be held out and the task tells no rows apart, or one of the sides is empty;
    WrongAnswer for leaves that are not digests.
    """
    if draw.share and not tells_rows(task):
        raise _without_rows(task, draw)
    leaves = leaves_of(task, data, path)
    if not draw.share:
        return Split(leaves, data, None)
    places = draw.places(leaves)
    for side, what in ((places.trained, "train on"), (places.held_out, "hold out")):
        if not side:
            raise UsageError(
                f"of these data no row is left to {what}",
                advice="bring more rows that differ, or let the members agree on a job with another hold_out",
                rows=len(leaves),
                different=len(set(leaves)),
                hold_out=f"{draw.share} %",
            )
    return Split(leaves, task.part(data, places.trained), task.part(data, places.held_out))


def leaves_of(task: Task, data: Any, path: Path) -> tuple[bytes, ...]:
    """The leaves of data that were read from `path`. Raises WrongAnswer for those that are not digests."""
    found = task.leaves(data)
    return (leaf_of_file(path),) if found is None else answers.leaves(task.name, found)


def pick(task: Task, data: Any, path: Path, wanted: Sequence[bytes]) -> Any:
    """The rows that these leaves stand for, in their order, each as often as it is wanted.

    Raises UsageError where the data do not have all of them.
    """
    places = defaultdict[bytes, deque[int]](deque)
    leaves = leaves_of(task, data, path)
    for place, leaf in enumerate(leaves):
        places[leaf].append(place)
    missing = Counter(wanted) - Counter(leaves)
    if missing:
        raise UsageError(
            "these data do not have all the rows that are wanted",
            advice="name the data as they were, with --data FILE",
            wanted=len(wanted),
            missing=missing.total(),
        )
    return data if tuple(wanted) == leaves else task.part(data, [places[leaf].popleft() for leaf in wanted])


def check_parts(task: Task, data: Any, path: Path) -> None:
    """Raise WrongAnswer where `part` does not return the rows that it is asked for, by their leaves."""
    if not tells_rows(task):
        return
    leaves = leaves_of(task, data, path)
    places = range(len(leaves))[::-2]
    wanted, found = tuple(leaves[place] for place in places), leaves_of(task, task.part(data, places), path)
    if found != wanted:
        raise answers.wrong(task.name, "part", "part", f"{len(wanted)} rows, in the order asked for", found)


def tells_rows(task: Task) -> bool:
    """Whether a task names the leaves of its data."""
    kind = task.inner if isinstance(task, GuardedTask) else task
    return type(kind).leaves is not Task.leaves


def _without_rows(task: Task, draw: Draw) -> UsageError:
    return UsageError(
        "the job holds rows out, and its task does not tell the rows of its data apart",
        advice="let the task have `leaves` and `part` (docs/tasks.md), or the job hold_out = 0",
        task=task.name,
        hold_out=f"{draw.share} %",
    )
