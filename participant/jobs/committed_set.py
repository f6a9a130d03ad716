"""What a job that commits to an evaluation set says of it: the set as integers, and the network layer by layer.

Inputs leave the floats here, once, as the job is made or the set is opened: v becomes v · 2^16, rounded half away from
zero. From then on everyone computes with the same integers and no torch (`ledger.scores.inference`).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ledger.errors import UsageError
from ledger.formats.artifact import Tensor
from ledger.formats.cid import Cid
from ledger.formats.unixfs import cid_of
from ledger.jobs import layers
from ledger.jobs.scores import CommittedSet
from ledger.scores.evaluation_set import EvaluationSet, write
from ledger.scores.inference import FRACTION_BITS
from participant.integers.fixed_point import to_integers
from participant.tasks.protocol import Task


def set_of(task: Task, path: Path) -> EvaluationSet:
    """The rows of a file, read as the task reads them, in integers.

    Raises UsageError for data that cannot be read or a task whose data lack inputs and labels, Malformed for a value
    that has no integer.
    """
    data = task.load_data(path)
    inputs, labels = (_array(task, data, name) for name in ("inputs", "targets"))
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise UsageError("the task's labels are not numbers of classes", task=task.name, actual=str(labels.dtype))
    flat = to_integers(Tensor("inputs", inputs.shape, FRACTION_BITS), inputs)
    return EvaluationSet(flat.reshape(inputs.shape), labels.astype(np.int32))


def file_of(rows: EvaluationSet, classes: int) -> tuple[bytes, Cid, bytes]:
    """The set's file, its CID and its tensor root. Raises Malformed for a set that cannot tell models apart."""
    content, root = write(rows, classes)
    return content, cid_of([content])[0], root


def evidence_of(rows: EvaluationSet, network: Sequence[layers.Layer], classes: int) -> tuple[bytes, CommittedSet]:
    """The set's file, and what the job says of it."""
    content, cid, root = file_of(rows, classes)
    evidence = CommittedSet(
        cid=str(cid),
        root=root.hex(),
        samples=len(rows.labels),
        shape=tuple(rows.inputs.shape[1:]),
        classes=classes,
        layers=tuple(network),
    )
    return content, evidence


def _array(task: Task, data: Any, name: str) -> Any:
    value = getattr(data, name, None)
    if value is None:
        raise UsageError(
            "this task's data cannot be committed to",
            advice="what load_data returns must have `inputs` and `targets` (docs/tasks.md)",
            task=task.name,
            missing=name,
        )
    return np.asarray(value)
