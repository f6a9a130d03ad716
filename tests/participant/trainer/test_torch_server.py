"""Trainers that are forked from a process which has loaded torch once, for all nodes of a machine."""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support import wild
from support.processes import gone

from ledger.errors import UsageError
from ledger.jobs.document import Job
from participant.tasks.machine import Machine
from participant.trainer.errand import Errand
from participant.trainer.messages import Measure, Measured
from participant.trainer.served import TORCH_SERVER, Served
from participant.trainer.torch_start import address
from participant.trainer.trainers import Trainers

pytestmark = pytest.mark.node
LONG = 120.0


Server = subprocess.Popen[bytes]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Job]:
    """Makes jobs of the wild task, and their data."""
    (site := tmp_path / "site").mkdir()
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", str(site))
    (tmp_path / "data").write_text("one\ntwo\n")
    return lambda **does: wild.job(site, **does)


@pytest.fixture
def server(make: Callable[..., Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """One that nodes are told of by the environment. `make` comes first: it finds the tasks that this process does."""
    place = str(tmp_path / "trainers")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(place)
        listening.listen()
        number = listening.fileno()
        command = [sys.executable, "-P", "-m", "participant.trainer.torch_server", str(number)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[number], start_new_session=True)
    monkeypatch.setenv(TORCH_SERVER, place)
    with process:
        yield process
        process.kill()


def order(trainers: Trainers, job: Job, do: Any, folder: Path) -> Errand:
    return trainers.begin(job, 9, do, folder / "data", model=np.zeros(job.layout.values, np.int32))


def answered(trainers: Trainers, job: Job, folder: Path) -> object:
    errand = order(trainers, job, Measure(), folder)
    assert errand.wait(LONG), "it is never over"
    try:
        return errand.answer()
    finally:
        trainers.close_errand(errand)


def test_a_trainer_is_its_child_and_as_nice_as_the_node(
    make: Callable[..., Job], server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nice = min(19, psutil.Process().nice() + 7)
    monkeypatch.setattr("participant.trainer.launch.os.getpriority", lambda *_: nice)
    with Trainers(Machine("cpu", tmp_path / "scratch")) as trainers:
        trainers.prepare()
        assert isinstance(answered(trainers, make(), tmp_path), Measured)
        (trainer,) = trainers._trainers
        process = psutil.Process(trainer.process.pid)
        assert (process.ppid(), process.nice()) == (server.pid, nice)
    assert gone(process.pid)
    assert server.poll() is None


def test_how_a_trainer_ended_is_told_as_of_any_other(make: Callable[..., Job], server: Server, tmp_path: Path) -> None:
    with Trainers(Machine("cpu", tmp_path / "scratch")) as trainers:
        for does, said in (("exit", "exit status 3"), ("memory", "SIGKILL")):
            with pytest.raises(UsageError, match=f"ended its process: {said}"):
                answered(trainers, make(evaluate=does), tmp_path)
        assert isinstance(answered(trainers, make(), tmp_path), Measured)


def test_where_it_has_ended_a_trainer_is_a_fresh_interpreter(
    make: Callable[..., Job], server: Server, tmp_path: Path
) -> None:
    server.kill()
    server.wait()
    with Trainers(Machine("cpu", tmp_path / "scratch")) as trainers:
        assert isinstance(answered(trainers, make(), tmp_path), Measured)
        (trainer,) = trainers._trainers
        assert psutil.Process(trainer.process.pid).ppid() == os.getpid()


def test_its_end_is_that_of_its_trainers(make: Callable[..., Job], server: Server, tmp_path: Path) -> None:
    with Trainers(Machine("cpu", tmp_path / "scratch")) as trainers:
        assert isinstance(answered(trainers, make(), tmp_path), Measured)
        process = trainers._trainers[0].process.pid
        server.kill()
        assert gone(process)
        assert isinstance(answered(trainers, make(), tmp_path), Measured)


def test_it_ends_before_it_forks_and_nobody_is_signalled(tmp_path: Path) -> None:
    """A number that was never told is nobody's: 0 would be the node's own group."""
    place = str(tmp_path / "trainers")
    with socket.socket(socket.AF_UNIX) as listening, (tmp_path / "output").open("wb") as output:
        listening.bind(place)
        listening.listen()
        asked = Served(place, tmp_path, output.fileno())
        assert asked.poll() is None
    assert asked.poll() == 1
    with pytest.raises(ProcessLookupError):
        _ = asked.pid


def test_it_ends_with_what_holds_its_input(server: Server) -> None:
    assert server.stdin is not None
    server.stdin.close()
    assert server.wait(LONG) == 0


def test_no_socket_fits_into_a_folder_with_a_long_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (deep := tmp_path / ("d" * 120)).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    assert address("none.such") == ""
    assert list(deep.iterdir()) == []
