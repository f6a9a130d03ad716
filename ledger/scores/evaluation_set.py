"""A committed evaluation set: a file whose address and root are in the job (docs/spec/scores.md, "Committed sets").

An artifact of two tensors: `inputs` (n, …) with 16 fraction bits, and `labels` (n,), classes counted from 0.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ledger.errors import Malformed
from ledger.formats import merkle
from ledger.formats.artifact import Layout, Tensor
from ledger.formats.cid import Cid
from ledger.formats.header import Binding
from ledger.jobs.layers import Shape
from ledger.jobs.scores import CommittedSet
from ledger.rounds.inputs import Fetch
from ledger.scores.inference import FRACTION_BITS

Ints = NDArray[np.int32]

BINDING = Binding(kind="set")


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """Labelled rows: `inputs` (n, …) integers with 16 fraction bits, `labels` (n,)."""

    inputs: Ints
    labels: Ints


def layout_of(samples: int, shape: Shape) -> Layout:
    """The table of a set's file. Raises Malformed for an empty set."""
    if samples < 1:
        raise Malformed("an evaluation set has at least one row", rows=samples)
    return Layout((Tensor("inputs", (samples, *shape), FRACTION_BITS), Tensor("labels", (samples,), 0)))


def check(rows: EvaluationSet, classes: int) -> None:
    """Raise Malformed for labels that are not classes, and for a set of one class: it cannot tell models apart."""
    if rows.labels.shape != rows.inputs.shape[:1]:
        raise Malformed("a set has one label a row", expected=rows.inputs.shape[:1], actual=rows.labels.shape)
    layout_of(len(rows.labels), rows.inputs.shape[1:])
    outside = (rows.labels < 0) | (rows.labels >= classes)
    if outside.any():
        at = int(outside.argmax())
        label = int(rows.labels[at])
        raise Malformed(f"row {at} has a label out of range", expected=f"0 to {classes - 1}", actual=label)
    if (rows.labels == rows.labels[0]).all():
        raise Malformed(
            "an evaluation set of one class only",
            actual=int(rows.labels[0]),
            advice="commit a set with rows of at least two classes",
        )


def write(rows: EvaluationSet, classes: int) -> tuple[bytes, bytes]:
    """A set's file and its tensor root. Raises Malformed as `check`."""
    check(rows, classes)
    layout = layout_of(len(rows.labels), rows.inputs.shape[1:])
    body = rows.inputs.astype("<i4").tobytes() + rows.labels.astype("<i4").tobytes()
    return layout.header(BINDING) + body, merkle.root_of(body)


def read(evidence: CommittedSet, fetch: Fetch) -> EvaluationSet:
    """The set that a job commits to.

    1. The file is the one that samples and shape demand: header, length.
    2. Its integers have the job's root.
    3. Every label is a class, and there are at least two.

    Raises Malformed where one fails, Unavailable where bytes cannot be had.
    """
    layout = layout_of(evidence.samples, evidence.shape)
    pieces = fetch(Cid.parse(evidence.cid), 0, layout.size + 1)
    body = b"".join(layout.body(pieces, BINDING))
    root = merkle.root_of(body)
    if root.hex() != evidence.root:
        raise Malformed("the evaluation set is not the one of the job", expected=evidence.root, actual=root.hex())
    values = np.frombuffer(body, dtype="<i4")
    inputs, labels = np.split(values, [layout.starts[1]])
    rows = EvaluationSet(inputs.reshape(evidence.samples, *evidence.shape), labels)
    check(rows, evidence.classes)
    return rows
