"""A party's rows in two: what is held out is never trained on, and what cannot be divided is refused by name."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from hypothesis import given
from hypothesis import strategies as st
from support.training import machine

from ledger.errors import UsageError
from ledger.formats.digest import sha256
from ledger.formats.rows import Draw
from participant.tasks.answers import WrongAnswer
from participant.tasks.protocol import Task
from participant.tasks.ready.tabular import Tabular
from participant.tasks.split import check_parts, leaves_of, pick, split, tells_rows
from participant.tasks.training import Local

pytestmark = pytest.mark.node
SETTINGS: dict[str, Any] = {"columns": ["a", "b"], "ranges": ["0:1", "-1:1"], "label": "k", "classes": ["x", "y"]}
DRAW = Draw(b"j" * 32, b"s" * 32, 30)


class Letters(Task):
    """A task whose data are letters, each a row of its own."""

    name, version = "letters", "1"

    def __init__(self, settings: Any = None) -> None:
        pass

    def build_model(self, seed: int) -> Any: ...

    def load_data(self, path: Path) -> Any:
        return path.read_text()

    def train(self, model: Any, data: Any, round: Any) -> Any: ...

    def evaluate(self, model: Any, data: Any) -> dict[str, float]:
        return {}

    def leaves(self, data: str) -> list[bytes]:
        return [sha256(letter.encode()) for letter in data]

    def part(self, data: str, places: Any) -> str:
        return "".join(data[place] for place in places)


class Whole(Letters):
    """The same, which tells no rows apart."""

    leaves, part = Task.leaves, Task.part


NOWHERE = Path("nowhere")


@given(st.text("abcdefghijklmnopqrstuvwxyz", max_size=60))
def test_the_sides_are_the_rows_in_their_order(text: str) -> None:
    task = Letters()
    try:
        found = split(task, text, NOWHERE, DRAW)
    except UsageError:
        assert len({DRAW.holds_out(leaf) for leaf in task.leaves(text)}) < 2
        return
    assert Counter(found.trained) + Counter(found.held_out) == Counter(text)
    assert not set(found.trained) & set(found.held_out)
    assert found.trained == "".join(letter for letter in text if letter in found.trained)
    assert list(found.leaves) == task.leaves(text)


@pytest.mark.parametrize("text", ["aaaa", "a", "abcabc"])
def test_a_side_without_rows_is_refused_by_name(text: str) -> None:
    sides = {letter: DRAW.holds_out(sha256(letter.encode())) for letter in "abc"}
    wanted = "".join(letter for letter in text if sides[letter] == sides["a"])
    with pytest.raises(UsageError, match=r"no row is left to (train on|hold out)") as caught:
        split(Letters(), wanted, NOWHERE, DRAW)
    assert caught.value.facts["rows"] == len(wanted)
    assert "hold_out" in caught.value.advice


def test_a_job_that_holds_nothing_out_takes_any_rows() -> None:
    found = split(Letters(), "aaaa", NOWHERE, DRAW._replace(share=0))
    assert (found.trained, found.held_out, len(found.leaves)) == ("aaaa", None, 4)


def test_a_task_without_rows_holds_nothing_out(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_text("some data")
    assert (tells_rows(Letters()), tells_rows(Whole())) == (True, False)
    with pytest.raises(UsageError, match="does not tell the rows"):
        split(Whole(), "some data", path, DRAW)
    found = split(Whole(), "some data", path, DRAW._replace(share=0))
    assert (found.leaves, found.trained) == ((sha256(b"some data"),), "some data")


@pytest.mark.parametrize("leaves", [[], ["text"], [b"short"], "text", 7, [None]])
def test_leaves_that_are_not_digests_are_named(leaves: Any) -> None:
    task = Letters()
    task.leaves = lambda _: leaves  # type: ignore[method-assign]
    with pytest.raises(WrongAnswer, match=r"leaves|leaf"):
        leaves_of(task, "a", NOWHERE)


@given(st.text("abc", max_size=12), st.text("abcd", max_size=12))
def test_rows_are_picked_in_the_order_that_is_wanted_or_are_missing(text: str, wanted: str) -> None:
    task = Letters()
    leaves = task.leaves(wanted)
    lacking = Counter(wanted) - Counter(text)
    if not text:
        return
    if lacking:
        with pytest.raises(UsageError, match="do not have all the rows") as caught:
            pick(task, text, NOWHERE, leaves)
        assert caught.value.facts["missing"] == lacking.total()
    else:
        assert pick(task, text, NOWHERE, leaves) == wanted


def test_a_part_that_is_not_what_was_asked_for_is_named() -> None:
    task = Letters()
    check_parts(task, "abcde", NOWHERE)
    check_parts(Whole(), "abcde", NOWHERE)
    task.part = lambda data, places: data[: len(places)]  # type: ignore[method-assign]
    with pytest.raises(WrongAnswer, match="part"):
        check_parts(task, "abcde", NOWHERE)


def table(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(["a,b,k", *rows]) + "\n")
    return path


def test_a_rows_leaf_is_what_is_read_wherever_it_stands(tmp_path: Path) -> None:
    task = Tabular(SETTINGS)
    first = task.load_data(table(tmp_path / "1.csv", "0.5,0,x", "0.25,-1,y"))
    second = task.load_data(table(tmp_path / "2.csv", "2.5e-1,-1.0,y", "1,1,x", "0.50,-0.0,x"))
    assert first.leaves == (second.leaves[2], second.leaves[0])
    assert len({*first.leaves, *second.leaves}) == 3
    changed = task.load_data(table(tmp_path / "3.csv", "0.5,0,y", "0.5,0.0000001,x", "0,0.5,x"))
    assert not set(changed.leaves) & set(first.leaves)


def test_clipped_values_are_told_apart(tmp_path: Path) -> None:
    task = Tabular(SETTINGS | {"outside": "clip"})
    data = task.load_data(table(tmp_path / "1.csv", "5,0,x", "7,0,x"))
    assert data.inputs[0].tolist() == data.inputs[1].tolist()
    assert data.leaves[0] != data.leaves[1]


def test_a_part_keeps_its_leaves_on_the_device(tmp_path: Path) -> None:
    task = Tabular(SETTINGS)
    data = task.load_data(table(tmp_path / "1.csv", *(f"0.{n},0,{'xy'[n % 2]}" for n in range(1, 9))))
    part = task.part(data.to("cpu"), (6, 1, 1))  # type: ignore[arg-type]
    assert part.leaves == tuple(data.leaves[place] for place in (6, 1, 1))
    assert part.targets.tolist() == [data.targets[place] for place in (6, 1, 1)]
    assert task.join([part, part]).leaves == part.leaves * 2


def test_without_a_salt_nothing_is_divided(tmp_path: Path) -> None:
    job: Any = SimpleNamespace(name="job", digest=b"j" * 32, hold_out=20)
    local = Local(job, Letters(), "cpu", SimpleNamespace())  # type: ignore[arg-type]
    path = tmp_path / "letters"
    path.write_text("abcdefgh" * 9)
    with pytest.raises(UsageError, match="salt"):
        local.split(path)
    local.salt = b"s" * 32
    assert machine(tmp_path).rows == tmp_path / "rows"
    assert set(local.rows(path, "held_out")) | set(local.rows(path, "trained_on")) == set("abcdefgh")
    assert local.rows(path, "own_file") == "abcdefgh" * 9
