"""A scratch folder keeps what finished rounds left, through kill -9 at any point, and shows it to nobody."""

import os
import shutil
import signal
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.crashing import scratch as crashing

from ledger.errors import Unavailable, UsageError
from participant.tasks.scratch import KEPT, Scratch

AFTER_1 = 3 * 1 + 1
AFTER_2 = 3 * AFTER_1 + 2


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def leave(scratch: Scratch, number: int, text: str, *, keep: bool = True) -> str:
    """Train a round that writes a text; what it found."""
    with scratch.training(number, keep=keep) as folder:
        path = folder / "note"
        found = path.read_text() if path.exists() else ""
        path.write_text(text)
    return found


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    return Scratch(tmp_path / "scratch" / "job")


def test_a_round_finds_what_the_round_before_left(scratch: Scratch) -> None:
    assert [leave(scratch, number, f"of {number}") for number in (1, 2, 5)] == ["", "of 1", "of 2"]


def test_a_round_that_is_trained_again_finds_what_it_found_the_first_time(scratch: Scratch) -> None:
    for number in (1, 2):
        leave(scratch, number, f"of {number}")
    assert leave(scratch, 2, "again") == "of 1"
    assert leave(scratch, 3, "of 3") == "again"


def test_a_chain_that_went_back_makes_later_rounds_undone(scratch: Scratch) -> None:
    for number in (1, 2, 3):
        leave(scratch, number, f"of {number}")
    assert leave(scratch, 2, "instead") == "of 1"
    assert leave(scratch, 3, "of 3") == "instead"


def test_training_that_fails_and_a_rehearsal_leave_no_trace(scratch: Scratch, tmp_path: Path) -> None:
    leave(scratch, 1, "of 1")
    before = contents(tmp_path)
    with pytest.raises(ZeroDivisionError), scratch.training(2) as folder:
        (folder / "note").write_text(str(1 // 0))
    assert leave(scratch, 2, "rehearsed", keep=False) == "of 1"
    assert leave(scratch, 1, "rehearsed", keep=False) == ""
    assert contents(tmp_path) == before
    assert leave(scratch, 2, "of 2") == "of 1"


def test_writing_in_place_does_not_change_what_the_round_before_left(scratch: Scratch, tmp_path: Path) -> None:
    leave(scratch, 1, "of 1")
    with scratch.training(2) as folder, (folder / "note").open("r+") as file:
        file.write("XX")
    assert (tmp_path / "scratch" / "job" / "1" / "note").read_text() == "of 1"
    assert (tmp_path / "scratch" / "job" / "2" / "note").read_text() == "XX 1"


def test_only_the_latest_rounds_are_kept_and_only_for_the_owner(scratch: Scratch, tmp_path: Path) -> None:
    for number in range(1, KEPT + 4):
        leave(scratch, number, f"of {number}")
    folder = tmp_path / "scratch" / "job"
    rounds = sorted(path.name for path in folder.iterdir() if path.is_dir())
    assert rounds == [str(number) for number in range(4, KEPT + 4)]
    for path in (folder.parent, folder, *(folder / name for name in rounds)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_rounds_that_leave_nothing_wait_for_no_disk(
    scratch: Scratch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("participant.tasks.scratch.sync_folder", lambda _: pytest.fail("the disk was waited for"))
        for number in (1, 2):
            with scratch.training(number):
                pass
    assert [path for path in (tmp_path / "scratch" / "job").iterdir() if path.is_dir()] == []
    assert leave(scratch, 3, "of 3") == ""


def test_a_round_that_takes_everything_away_leaves_an_empty_folder(scratch: Scratch) -> None:
    leave(scratch, 1, "of 1")
    with scratch.training(2) as folder:
        (folder / "note").unlink()
    assert leave(scratch, 3, "of 3") == ""


def test_two_processes_do_not_train_in_one_folder(scratch: Scratch) -> None:
    with scratch.training(1), pytest.raises(Unavailable, match="another process"), scratch.training(1):
        pass
    assert leave(scratch, 1, "of 1") == ""


@pytest.mark.parametrize("point", crashing.POINTS)
def test_killed_at_any_point_the_round_starts_from_the_same_files(tmp_path: Path, point: str) -> None:
    """The node trains the round again, or goes on to the next where it had stored the update before it was killed."""
    straight, killed = tmp_path / "straight" / "job", tmp_path / "killed" / "job"
    assert crashing.run(straight, [1, 2, 3]) == 0
    assert crashing.run(killed, [1, 2], point) == -signal.SIGKILL
    assert [crashing.train(killed, 2), crashing.train(killed, 3)] == [AFTER_1, AFTER_2]
    assert contents(killed / "3") == contents(straight / "3")


@pytest.mark.parametrize("point", crashing.POINTS)
def test_what_a_round_wrote_is_seen_by_the_next_only_if_it_had_finished(tmp_path: Path, point: str) -> None:
    folder = tmp_path / "job"
    assert crashing.run(folder, [1, 2], point) == -signal.SIGKILL
    finished = point in ("after publish", "after prune")
    assert crashing.train(folder, 3) == (AFTER_2 if finished else AFTER_1)


def test_killed_again_and_again_it_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    for point in crashing.POINTS * 2:
        assert crashing.run(folder, [1], point) == -signal.SIGKILL
    assert crashing.run(folder, [1, 2, 3]) == 0
    assert (folder / "3" / "total").read_text() == str(3 * AFTER_2 + 3)


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder of a user's for whom modes count."""
    folder = Path(tempfile.mkdtemp(prefix="fedledger-"))
    root = os.geteuid() == 0
    if root:
        os.chown(folder, 65534, 65534)
        os.seteuid(65534)
    yield folder
    if root:
        os.seteuid(0)
    shutil.rmtree(folder, ignore_errors=True)


def pipe(path: Path) -> None:
    os.mkfifo(path)


def listening(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as open_socket:
        before = Path.cwd()
        os.chdir(path.parent)
        try:
            open_socket.bind(path.name)
        finally:
            os.chdir(before)


def outward(path: Path) -> None:
    path.symlink_to("../../../outside")


def absolute(path: Path) -> None:
    (path.parent / "file").touch()
    path.symlink_to(path.parent / "file")


def back(path: Path) -> None:
    path.symlink_to("../../working/file")


@pytest.mark.parametrize(
    ("make", "actual"),
    [(pipe, "a pipe"), (listening, "a socket"), (outward, "outside"), (absolute, "file"), (back, "working")],
)
def test_what_cannot_be_kept_is_refused_by_name(
    scratch: Scratch, make: Callable[[Path], None], actual: str, tmp_path: Path
) -> None:
    leave(scratch, 1, "of 1")
    with pytest.raises(UsageError, match="cannot be kept") as caught, scratch.training(2) as folder:
        (folder / "inner").mkdir()
        make(folder / "inner" / "thing")
    assert str(caught.value.facts["name"]).startswith("inner/")
    assert actual in str(caught.value.facts["actual"])
    assert leave(scratch, 2, "of 2") == "of 1"
    make(tmp_path / "scratch" / "job" / "2" / "thing")
    with pytest.raises(UsageError, match="cannot be kept"):
        leave(scratch, 3, "of 3")


def test_links_that_stay_inside_and_folders_are_kept(scratch: Scratch) -> None:
    with scratch.training(1) as folder:
        (folder / "inner" / "empty").mkdir(parents=True)
        (folder / "note").write_text("1")
        (folder / "inner" / "link").symlink_to("../note")
        (folder / "loose").symlink_to("nothing")
    with scratch.training(2) as folder:
        assert (folder / "inner" / "link").read_text() == "1"
        assert (folder / "inner" / "empty").is_dir()
        assert (folder / "loose").is_symlink()


@pytest.mark.parametrize("mode", [0o000, 0o200, 0o500])
def test_a_folder_without_rights_locks_nobody_out(unprivileged: Path, mode: int) -> None:
    scratch = Scratch(unprivileged / "scratch" / "job")
    for number in range(1, KEPT + 3):
        with scratch.training(number) as folder:
            inner = folder / "inner"
            inner.mkdir(exist_ok=True)
            (inner / "note").write_text("")
            (inner / "note").chmod(mode)
            inner.chmod(mode)
    with pytest.raises(ZeroDivisionError), scratch.training(KEPT + 3) as folder:
        (folder / "inner").chmod(mode)
        _ = 1 // 0
    with scratch.training(KEPT + 3, keep=False) as folder:
        folder.chmod(mode)
    rounds = sorted(path.name for path in (unprivileged / "scratch" / "job").iterdir() if path.is_dir())
    assert rounds == [str(number) for number in range(3, KEPT + 3)]


def test_cleaning_up_never_hides_the_tasks_error_nor_fails_a_finished_round(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, KEPT + 1):
        leave(scratch, number, f"of {number}")

    def refuse(*_: object) -> None:
        raise PermissionError

    with pytest.raises(ZeroDivisionError), scratch.training(KEPT + 1):
        monkeypatch.setattr("participant.tasks.scratch._delete", refuse)
        _ = 1 // 0
    monkeypatch.undo()
    with scratch.training(KEPT + 1) as folder:
        (folder / "note").write_text("finished")
        monkeypatch.setattr("participant.tasks.scratch._delete", refuse)
    monkeypatch.undo()
    assert leave(scratch, KEPT + 2, "") == "finished"
