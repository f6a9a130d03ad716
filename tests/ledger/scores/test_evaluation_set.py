"""A committed set is the one that the job names, whole, or it is refused by name."""

from typing import Any

import numpy as np
import pytest
from support.worlds import committed_set
from support.worlds.world import Files

from ledger.errors import Malformed, Unavailable
from ledger.formats.merkle import root_of
from ledger.scores.evaluation_set import BINDING, EvaluationSet, check, layout_of, read, write


def test_a_set_travels() -> None:
    files, rows = Files(), committed_set.rows()
    found = read(committed_set.committed(files), files.fetch)
    assert (found.inputs == rows.inputs).all()
    assert (found.labels == rows.labels).all()


def test_a_set_with_another_digest_is_refused() -> None:
    """The file is well formed and stored, and is not what the members approved."""
    files = Files()
    with pytest.raises(Malformed, match="not the one of the job") as caught:
        read(committed_set.committed(files, root="00" * 32), files.fetch)
    assert caught.value.facts["expected"] == "00" * 32


def test_a_set_that_nobody_holds_is_unavailable() -> None:
    files = Files()
    evidence = committed_set.committed(files)
    files.files.clear()
    with pytest.raises(Unavailable):
        read(evidence, files.fetch)


@pytest.mark.parametrize(
    "changes", [{"samples": 59}, {"samples": 61}, {"shape": (7,)}, {"shape": (8, 1)}, {"shape": (2, 4)}]
)
def test_a_set_of_another_shape_is_refused(changes: Any) -> None:
    files = Files()
    with pytest.raises(Malformed, match="tensor 'inputs' differs"):
        read(committed_set.committed(files, **changes), files.fetch)


@pytest.mark.parametrize(("cut", "why"), [(-4, "truncated"), (-1, "truncated"), (None, "longer")])
def test_a_set_of_another_length_is_refused(cut: int | None, why: str) -> None:
    files = Files()
    file, root = write(committed_set.rows(), 3)
    cid = files.put(file[:cut] if cut else file + b"\0")
    with pytest.raises(Malformed, match=why):
        read(committed_set.committed(files, cid=str(cid), root=root.hex()), files.fetch)


def test_an_update_is_not_a_set() -> None:
    files = Files()
    file, _ = write(committed_set.rows(), 3)
    cid = files.put(file.replace(b'"kind":"set"', b'"kind":"sat"'))
    with pytest.raises(Malformed, match="another kind"):
        read(committed_set.committed(files, cid=str(cid)), files.fetch)


def with_labels(labels: list[int]) -> EvaluationSet:
    return EvaluationSet(np.zeros((len(labels), 8), "<i4"), np.array(labels, "<i4"))


BAD = [
    ([0, 1, 3], "row 2 has a label out of range"),
    ([0, -1, 1], "row 1 has a label out of range"),
    ([1, 1, 1], "one class only"),
    ([2], "one class only"),
    ([], "at least one row"),
]


@pytest.mark.parametrize(("labels", "why"), BAD)
def test_labels_that_are_not_classes_are_refused_by_writer(labels: list[int], why: str) -> None:
    with pytest.raises(Malformed, match=why):
        write(with_labels(labels), 3)


@pytest.mark.parametrize(("labels", "why"), BAD[:-1])
def test_labels_that_are_not_classes_are_refused_by_reader(labels: list[int], why: str) -> None:
    """A set made by another writer, with its true root in the job."""
    files, layout = Files(), layout_of(len(labels), (8,))
    rows = with_labels(labels)
    body = rows.inputs.tobytes() + rows.labels.tobytes()
    cid = files.put(layout.header(BINDING) + body)
    fields: dict[str, Any] = {"cid": str(cid), "root": root_of(body).hex(), "samples": len(labels)}
    with pytest.raises(Malformed, match=why):
        read(committed_set.committed(files, **fields), files.fetch)


def test_every_row_has_a_label() -> None:
    with pytest.raises(Malformed, match="one label a row"):
        check(EvaluationSet(np.zeros((3, 8), "<i4"), np.zeros(2, "<i4")), 2)
