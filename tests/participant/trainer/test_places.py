"""Trainers of many nodes begin one after another, wait for nobody without end, and rest where memory is to spare."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from support.processes import open_in

from participant.trainer import memory, places
from participant.trainer.places import place

HOLDER = """
import sys, time
from pathlib import Path
from participant.trainer import places

places.HELD = 1e6
with places.place(Path(sys.argv[1]), 1):
    print("here", flush=True)
    time.sleep(600)
"""


def taken(folder: Path, seconds: float = 60.0) -> bool:
    """Whether the one place of a folder is held, for so long."""
    done = threading.Event()

    def try_it() -> None:
        with place(folder, 1):
            done.set()

    thread = threading.Thread(target=try_it, daemon=True)
    thread.start()
    return not done.wait(seconds)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "PATIENCE", 60.0)


def test_where_nothing_can_be_written_work_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container whose root is read-only has no folder for files that do not stay."""

    def nowhere() -> str:
        raise FileNotFoundError("no usable temporary directory")

    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(places.tempfile, "gettempdir", nowhere)
    with place() as nothing:
        assert nothing is None


@pytest.mark.usefixtures("patient")
def test_no_more_at_once_than_there_are_places(tmp_path: Path) -> None:
    folder, lock, inside, most = tmp_path / "places", threading.Lock(), 0, 0
    both = threading.Barrier(2)

    def work() -> None:
        nonlocal inside, most
        with place(folder, 2):
            with lock:
                inside, most = inside + 1, max(most, inside + 1)
            both.wait(60)
            time.sleep(0.05)
            with lock:
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (inside, most) == (0, 2)
    assert len(list(folder.iterdir())) == 2
    assert folder.stat().st_mode & 0o777 == 0o700


def test_what_leaves_the_cores_to_others_keeps_no_place_of_theirs(tmp_path: Path) -> None:
    """Work aside may take long for the little time that it has; a round's training does not wait for it."""
    command = ["nice", "-n", "5", sys.executable, "-c", HOLDER, str(tmp_path / "places")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "here\n"
        assert not taken(tmp_path / "places")
        holder.kill()


def test_a_place_is_free_once_its_process_was_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "PATIENCE", 1e6)
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "places")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "here\n"
        assert taken(tmp_path / "places", 0.5)
        holder.kill()
    assert not taken(tmp_path / "places")


def test_long_work_gives_its_place_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "HELD", 0.2)
    monkeypatch.setattr(places, "PATIENCE", 1e6)
    with place(tmp_path / "places", 1):
        monkeypatch.setattr(places, "HELD", 1e6)
        with place(tmp_path / "places", 1):
            assert taken(tmp_path / "places", 0.5), "the second has it"


def test_nobody_waits_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "PATIENCE", 0.3)
    with place(tmp_path / "places", 1), place(tmp_path / "places", 1):
        assert not taken(tmp_path / "places"), "it goes on without one"


@pytest.mark.parametrize("mode", [0o777, 0o770])
def test_a_folder_that_others_may_write_is_not_used(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "places"
    folder.mkdir()
    folder.chmod(mode)
    with place(folder, 1), place(folder, 1):
        assert list(folder.iterdir()) == []


def test_a_file_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "places"
    folder.mkdir(mode=0o700)
    with place(folder, 1):
        (name,) = folder.iterdir()
    name.unlink()
    name.symlink_to(tmp_path / "elsewhere")
    with place(folder, 1):
        assert not (tmp_path / "elsewhere").exists()


def test_what_fails_in_a_place_gives_it_back_and_closes_its_files(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), place(tmp_path / "places", 3):
        raise RuntimeError
    assert open_in(tmp_path) == []
    assert not taken(tmp_path / "places")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 250 kB\n", True),
        ("MemTotal: 1000 kB\nMemAvailable: 249 kB\n", False),
        ("MemTotal: 1000 kB\n", False),
        ("MemTotal:\nMemAvailable: 249 kB\n", False),
        ("nothing", False),
    ],
)
def test_what_the_system_says_of_memory(
    tmp_path: Path, text: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "_ACCELERATORS", ())
    (tmp_path / "meminfo").write_text(text)
    assert memory.plenty(tmp_path / "meminfo") is expected
    assert not memory.plenty(tmp_path / "none")


@pytest.mark.parametrize(
    ("limit", "used", "files", "expected"),
    [("max", 90, 0, True), ("100", 90, 0, False), ("100", 90, 20, True), ("100", 70, 0, True), ("?", 1, 0, False)],
)
def test_a_container_has_what_it_may_have(
    tmp_path: Path, limit: str, used: int, files: int, *, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its machine's memory says nothing of its own limit, nor that of a group around its own."""
    for name in ("_ACCELERATORS", "_MEMBER", "_GROUPS"):
        monkeypatch.setattr(memory, name, () if name == "_ACCELERATORS" else tmp_path / name, raising=False)
    (tmp_path / "meminfo").write_text("MemTotal: 1000 kB\nMemAvailable: 900 kB\n")
    (tmp_path / "_MEMBER").write_text("4:memory:/elsewhere\n0::/outer/inner\n")
    outer, inner = tmp_path / "_GROUPS" / "outer", tmp_path / "_GROUPS" / "outer" / "inner"
    inner.mkdir(parents=True)
    assert memory.plenty(tmp_path / "meminfo"), "no group has a limit"
    for name, text in (("max", limit), ("current", str(used)), ("stat", f"anon 1\ninactive_file {files}")):
        (outer / f"memory.{name}").write_text(text + "\n")
    assert memory.plenty(tmp_path / "meminfo") is expected


def test_beside_an_accelerator_nobody_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 1000 kB\nMemAvailable: 900 kB\n")
    monkeypatch.setattr(memory, "_ACCELERATORS", (tmp_path,))
    assert not memory.plenty(tmp_path / "meminfo")
