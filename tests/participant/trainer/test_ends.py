"""Whatever a task's code does to its process, the node that asked gets an error that names it, and may ask again."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support import warm, wild
from support.processes import gone

from ledger.errors import Unavailable, UsageError
from ledger.jobs.document import Job
from ledger.store import disk
from participant.trainer.errand import Ended, Errand
from participant.trainer.messages import DataRead, Measure, Measured, ReadData, Train, TrainedUpdate
from participant.trainer.trainers import IDLE, LOCK, LONGEST_IDLE, Trainers

pytestmark = pytest.mark.node
LONG = 120.0


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Job]:
    """Makes jobs of the wild task, and their data."""
    (site := tmp_path / "site").mkdir()
    monkeypatch.syspath_prepend(str(site))
    (tmp_path / "data").write_text("one\ntwo\n")
    return lambda **does: wild.job(site, **does)


@pytest.fixture
def trainers(tmp_path: Path) -> Iterator[Trainers]:
    with warm.trainers(tmp_path / "home") as made:
        yield made


def order(trainers: Trainers, job: Job, do: Any, folder: Path, seconds: float = LONG) -> Errand:
    model = np.zeros(job.layout.values, np.int32)
    return trainers.begin(
        job, 9, do, folder / "data", seconds=seconds, model=None if isinstance(do, ReadData) else model
    )


def answered(trainers: Trainers, job: Job, do: Any, folder: Path, seconds: float = LONG) -> Any:
    errand = order(trainers, job, do, folder, seconds)
    assert errand.wait(LONG), "it is never over"
    try:
        return errand.answer()
    finally:
        trainers.close_errand(errand)


def test_orders_are_carried_out_by_one_process(make: Callable[..., Job], trainers: Trainers, tmp_path: Path) -> None:
    job = make()
    first = order(trainers, job, Train(round=3, seed=1), tmp_path)
    assert first.wait(LONG)
    trained, update = first.answer(), first.update(job.layout.values)
    assert isinstance(trained, TrainedUpdate)
    assert (trained.weight, trained.loss, trained.device) == (2, "0.5", "cpu")
    assert update.tolist() == [1 << 16, 0]
    trainers.close_errand(first)
    measured = answered(trainers, job, Measure(), tmp_path)
    assert isinstance(measured, Measured)
    assert measured.figures == {"loss": "0.0", "nothing": "nan"}
    assert answered(trainers, job, ReadData(), tmp_path) == DataRead(rows=2, one_class=False)
    assert len(trainers._trainers) == 1


def test_a_disk_without_room_for_a_lock_is_tried_again(
    make: Callable[..., Job], trainers: Trainers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> int:
        raise Unavailable(f"cannot write {path}: No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(disk, "create", full)
        with pytest.raises(Unavailable, match="No space left"):
            order(trainers, make(), ReadData(), tmp_path)
    assert answered(trainers, make(), ReadData(), tmp_path) == DataRead(rows=2, one_class=False)


def test_a_process_that_cannot_be_started_now_is_tried_again(
    make: Callable[..., Job], trainers: Trainers, tmp_path: Path
) -> None:
    start = trainers._start

    def crowded(folder: Path, output: int) -> Any:
        trainers._start = start
        raise BlockingIOError(11, "Resource temporarily unavailable")

    trainers._start = crowded
    with pytest.raises(Unavailable, match="no process can be started: Resource temporarily unavailable"):
        order(trainers, make(), ReadData(), tmp_path)
    assert answered(trainers, make(), ReadData(), tmp_path) == DataRead(rows=2, one_class=False)


ENDS = {
    "raise": "task wild failed in train: RuntimeError: CUDA out of memory",
    "interrupt": "task wild failed in train: KeyboardInterrupt: ",
    "leave": "task wild failed in train: SystemExit: 4",
    "exit": "training ended its process: exit status 3",
    "crash": "training ended its process: SIGSEGV",
    "memory": "training ended its process: SIGKILL",
    "loop": "training was not over in time, and was ended",
    "print": "training ended its process: exit status 3",
}


@pytest.mark.parametrize("does", ENDS)
def test_what_training_does_is_an_error_by_name(
    make: Callable[..., Job], trainers: Trainers, tmp_path: Path, does: str
) -> None:
    job = make(train=does)
    errand = order(trainers, job, Train(round=3, seed=1), tmp_path, seconds=2.0 if does == "loop" else LONG)
    process = errand.trainer.process.pid
    assert errand.wait(LONG)
    with pytest.raises(UsageError) as caught:
        errand.answer()
    trainers.close_errand(errand)
    error = caught.value
    assert error.message == ENDS[does]
    known = {"task": "wild", "method": "train", "job": 9, "round": 3, "file": str(tmp_path / "data")}
    assert {name: str(value) for name, value in known.items()}.items() <= {
        name: str(value) for name, value in error.facts.items()
    }.items()
    if isinstance(error, Ended):
        assert gone(process)
        assert error.outside is (does == "memory")
    if does == "crash":
        assert "own_wild.py" in str(error.facts["printed"])
    if does == "print":
        assert str(error.facts["printed"]).endswith("the end of it")
    fine = make()
    assert isinstance(answered(trainers, fine, Train(round=3, seed=1), tmp_path), TrainedUpdate)


@pytest.mark.parametrize(("do", "method"), [(ReadData(), "load"), (Measure(), "evaluate")])
def test_reading_and_evaluating_are_no_different(
    make: Callable[..., Job], trainers: Trainers, tmp_path: Path, do: Any, method: str
) -> None:
    with pytest.raises(UsageError, match="ended its process: exit status 3") as caught:
        answered(trainers, make(**{method: "exit"}), do, tmp_path)
    assert caught.value.facts["method"] == {"load": "load_data", "evaluate": "evaluate"}[method]
    with pytest.raises(UsageError, match="CUDA out of memory"):
        answered(trainers, make(**{method: "raise"}), do, tmp_path)


def test_progress_is_told_while_it_trains(make: Callable[..., Job], trainers: Trainers, tmp_path: Path) -> None:
    errand = order(trainers, make(train="wait"), Train(round=3, seed=1), tmp_path)
    until = time.monotonic() + LONG
    while ((told := errand.progress) is None or not told.epochs) and time.monotonic() < until:
        time.sleep(0.02)
    assert told is not None
    assert (told.job, told.round, told.done, told.epochs, told.loss) == (9, 3, 1.0, 4.0, "0.25")
    assert told.left(told.began + 2) == 6.0
    (tmp_path / "home" / "scratch" / "go").touch()
    assert errand.wait(LONG)
    assert isinstance(errand.answer(), TrainedUpdate)


def test_two_jobs_train_at_once_and_idle_processes_end(
    make: Callable[..., Job], trainers: Trainers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = order(trainers, make(train="wait"), Train(round=1, seed=1), tmp_path)
    assert isinstance(answered(trainers, make(), Train(round=1, seed=1), tmp_path), TrainedUpdate)
    assert not slow.done
    processes = [one.process.pid for one in trainers._trainers]
    monkeypatch.setattr("participant.trainer.trainers.IDLE", -1.0)
    monkeypatch.setattr("participant.trainer.trainers.plenty", lambda: True)
    trainers.tend()
    assert len(trainers._trainers) == 2, "there is memory for both"
    monkeypatch.setattr("participant.trainer.trainers.plenty", lambda: False)
    trainers.tend()
    assert len(trainers._trainers) == 1, "the one that works stays"
    assert gone(next(pid for pid in processes if pid != slow.trainer.process.pid))
    trainers.close_errand(slow)
    assert gone(slow.trainer.process.pid), "nobody wants it any more"
    assert [path.name for path in trainers._folder.iterdir()] == [LOCK]


def test_a_process_rests_for_as_long_as_the_next_order_of_its_job_is_likely_to_take(
    make: Callable[..., Job], trainers: Trainers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make()
    monkeypatch.setattr("participant.trainer.trainers.plenty", lambda: False)

    def ordered(after: float) -> list[int]:
        for one in trainers._trainers:
            one.rests_since = time.monotonic() - after
        trainers.tend()
        answered(trainers, job, ReadData(), tmp_path)
        return [one.process.pid for one in trainers._trainers]

    first = ordered(0)
    assert ordered(IDLE - 1) == first
    second = ordered(2.5 * IDLE)
    assert second != first
    assert ordered(4 * IDLE) == second, "as that took longer than the time to rest, it rests twice as long"
    assert ordered(7 * IDLE) == second
    third = ordered(LONGEST_IDLE + 1)
    assert third != second
    assert ordered(IDLE + 1) != third, "orders so rare are not waited for"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux finds what left its session")
@pytest.mark.parametrize("does", ["daemon", "daemons"])
def test_what_a_task_starts_in_a_session_of_its_own_ends_with_its_trainer(
    make: Callable[..., Job], trainers: Trainers, tmp_path: Path, does: str
) -> None:
    """Whether the trainer is ended, or ends and leaves a daemon behind that nobody waits for."""
    job = make(train=does)
    errand = order(trainers, job, Train(round=3, seed=1), tmp_path, seconds=LONG)
    child = tmp_path / "home" / "scratch" / job.digest.hex() / "child"
    ended = time.monotonic() + LONG
    while not (child.exists() and child.read_text()) and time.monotonic() < ended:
        time.sleep(0.05)
    assert does == "daemon" or errand.wait(LONG)
    trainers.close_errand(errand)
    assert gone(int(child.read_text()))
