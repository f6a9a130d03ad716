"""What a task's code leaves in its order's folder is read without harm, or refused by name."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ledger.errors import Malformed, Unavailable
from participant.trainer import messages
from participant.trainer.messages import Answer, Progress

pytestmark = pytest.mark.node

TRAINED: dict[str, Any] = {"type": "trained", "weight": 5, "samples": 7, "loss": "0.5", "device": "cpu"}
TRAINED |= {"metrics": {"accuracy": "0.25"}}
PROGRESS: dict[str, Any] = {"job": 1, "round": 1, "began": 1.0, "done": 1.0, "epochs": 2.0, "loss": "0.5"}


def link(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(json.dumps(TRAINED).encode())
    path.symlink_to(other)


ODD: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "folder": Path.mkdir,
    "link": link,
    "device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.mark.parametrize("odd", ODD)
def test_what_is_not_a_file_is_refused_and_never_waited_for(tmp_path: Path, odd: str) -> None:
    ODD[odd](tmp_path / "x")
    with pytest.raises(Malformed, match=r"not a regular file|is a link"):
        messages.read(tmp_path / "x", Answer)  # type: ignore[arg-type]
    with pytest.raises(Malformed, match=r"not a regular file|is a link"):
        messages.read_stream(tmp_path / "x", 0)


def test_a_message_that_is_not_there_yet_is_none(tmp_path: Path) -> None:
    assert messages.read(tmp_path / "x", Progress) is None


@pytest.mark.parametrize(
    "changes",
    [
        *({"weight": weight} for weight in (0, -5, 1 << 24, 10**400)),
        *({"loss": loss} for loss in ("zz", "", None)),
        {"samples": -1},
        {"metrics": {"a": "b"}},
    ],
)
def test_an_update_out_of_its_ranges_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    (tmp_path / "x").write_text(json.dumps(TRAINED))
    assert messages.read(tmp_path / "x", Answer) is not None  # type: ignore[arg-type]
    (tmp_path / "x").write_text(json.dumps(TRAINED | changes))
    with pytest.raises(Malformed):
        messages.read(tmp_path / "x", Answer)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", [json.dumps(PROGRESS | {"loss": "x"}), "[" * 200_000, " " * (1 << 20) + "{}"])
def test_progress_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x").write_text(json.dumps(PROGRESS | {"loss": ""}))
    assert messages.read(tmp_path / "x", Progress) is not None
    (tmp_path / "x").write_text(text)
    with pytest.raises(Malformed):
        messages.read(tmp_path / "x", Progress)


def test_a_stream_has_its_length(tmp_path: Path) -> None:
    messages.write_stream(tmp_path / "x", np.arange(3, dtype=np.int32))
    assert messages.read_stream(tmp_path / "x", 3).tolist() == [0, 1, 2]
    for values in (2, 4):
        with pytest.raises(Malformed, match="another length"):
            messages.read_stream(tmp_path / "x", values)


def test_leaves_come_back_as_they_went(tmp_path: Path) -> None:
    leaves = tuple(bytes([n]) * 32 for n in range(3))
    messages.write_leaves(tmp_path / "x", leaves)
    assert messages.read_leaves(tmp_path / "x") == leaves


@pytest.mark.parametrize("size", [0, 1, 33, (1 << 32) * 32])
def test_leaves_of_another_length_are_refused_before_they_are_read(tmp_path: Path, size: int) -> None:
    with (tmp_path / "x").open("wb") as file:
        file.truncate(size)
    with pytest.raises(Malformed, match="impossible length"):
        messages.read_leaves(tmp_path / "x")
    with pytest.raises(Unavailable):
        messages.read_leaves(tmp_path / "none")


def test_counts_that_do_not_add_up_are_no_message(tmp_path: Path) -> None:
    counts = {"confusion": [[1, 0], [0, 1]], "scores": [[0] * 99 + [1], [1] + [0] * 99]}
    said = {"type": "measured", "figures": {"loss": "0.5"}, "counts": counts}
    (tmp_path / "x").write_text(json.dumps(said))
    assert messages.read(tmp_path / "x", Answer) is not None  # type: ignore[arg-type]
    counts["scores"][0][0] = 1
    (tmp_path / "x").write_text(json.dumps(said))
    with pytest.raises(Malformed):
        messages.read(tmp_path / "x", Answer)  # type: ignore[arg-type]
