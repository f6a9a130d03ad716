"""Trainers that are forked from a process which has loaded torch once, for all nodes of a machine."""

import os
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
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
from participant.trainer.running import Start
from participant.trainer.served import ANSWER, TORCH_SERVER, Served
from participant.trainer.torch_start import LARGE_PAGES, address
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
def tunables(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The user's own settings of glibc: none, or the parameter."""
    own: str = getattr(request, "param", "")
    if own:
        monkeypatch.setenv("GLIBC_TUNABLES", own)
    else:
        monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    return own


@pytest.fixture
def server(
    make: Callable[..., Job], tunables: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Server]:
    """One that nodes are told of by the environment. `make` comes first: it finds the tasks that this process does."""
    place = str(tmp_path / "trainers")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(place)
        listening.listen()
        number = listening.fileno()
        command = [sys.executable, "-P", "-m", "participant.trainer.torch_server", str(number)]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, pass_fds=[number], start_new_session=True, env=LARGE_PAGES | os.environ
        )
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


def until(is_so: Callable[[], bool]) -> bool:
    """Whether it becomes so."""
    end = time.monotonic() + LONG
    while not is_so() and time.monotonic() < end:
        time.sleep(0.02)
    return is_so()


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


@pytest.mark.parametrize("tunables", ["", "glibc.malloc.arena_max=2"], indirect=True)
def test_what_a_task_starts_has_the_users_settings_of_glibc_and_none_of_ours(
    make: Callable[..., Job], server: Server, tunables: str, tmp_path: Path
) -> None:
    with Trainers(Machine("cpu", tmp_path / "scratch")) as trainers:
        with pytest.raises(UsageError, match=re.escape(f"glibc: {tunables}.")):
            answered(trainers, make(evaluate="tunables"), tmp_path)
        assert psutil.Process(trainers._trainers[0].process.pid).ppid() == server.pid


def test_where_it_has_ended_a_trainer_is_a_fresh_interpreter(
    make: Callable[..., Job], server: Server, tmp_path: Path
) -> None:
    server.kill()
    server.wait()
    with Trainers(Machine("cpu", tmp_path / "scratch")) as trainers:
        assert isinstance(answered(trainers, make(), tmp_path), Measured)
        (trainer,) = trainers._trainers
        assert psutil.Process(trainer.process.pid).ppid() == os.getpid()


def test_an_order_is_carried_out_where_it_ends_before_it_forks(
    make: Callable[..., Job], server: Server, tmp_path: Path
) -> None:
    server.send_signal(signal.SIGSTOP)
    with Trainers(Machine("cpu", tmp_path / "scratch")) as trainers:
        errand = order(trainers, make(), Measure(), tmp_path)
        assert not errand.done
        server.kill()
        assert errand.wait(LONG)
        assert isinstance(errand.answer(), Measured)


def test_its_end_is_that_of_its_trainers(make: Callable[..., Job], server: Server, tmp_path: Path) -> None:
    with Trainers(Machine("cpu", tmp_path / "scratch")) as trainers:
        assert isinstance(answered(trainers, make(), tmp_path), Measured)
        process = trainers._trainers[0].process.pid
        server.kill()
        assert gone(process)
        assert isinstance(answered(trainers, make(), tmp_path), Measured)


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[socket.socket]:
    """A socket on which somebody listens who is no torch server."""
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(tmp_path / "trainers"))
        made.listen()
        yield made


def served(folder: Path, instead: Start | None = None) -> Served:
    with (folder / "output").open("wb") as output:
        return Served(str(folder / "trainers"), folder, output.fileno(), instead or Nobody)


class Nobody:
    """A process that runs, and ends when it is told to."""

    def __init__(self, folder: Path, output: int) -> None:
        self.pid, self.code = 1 << 22, None

    def poll(self) -> int | None:
        return self.code


def tell(listening: socket.socket, *numbers: int) -> socket.socket:
    """Who asks is sent these numbers."""
    connection, _ = listening.accept()
    for number in numbers:
        connection.sendall(ANSWER.pack(number))
    return connection


def test_one_that_ends_before_it_forks_is_done_without(listening: socket.socket, tmp_path: Path) -> None:
    asked = served(tmp_path)
    assert asked.poll() is None
    listening.close()
    assert (asked.poll(), asked.pid) == (None, 1 << 22)


@pytest.mark.parametrize("number", [0, 1, -1])
def test_a_number_of_other_processes_is_nobodys(listening: socket.socket, tmp_path: Path, number: int) -> None:
    """0 would be the node's own group, 1 the system's first process, -1 all there are."""
    asked = served(tmp_path)
    with tell(listening, number):
        assert (asked.poll(), asked.pid) == (None, 1 << 22)


def test_a_trainer_whose_server_says_no_more_was_ended_from_outside(listening: socket.socket, tmp_path: Path) -> None:
    asked = served(tmp_path)
    tell(listening, 1 << 22).close()
    assert (asked.pid, asked.poll()) == (1 << 22, -signal.SIGKILL)


def test_another_users_server_is_not_asked(
    listening: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(PermissionError):
        served(tmp_path)


def test_closing_does_not_wait_for_one_that_does_nothing(
    listening: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TORCH_SERVER, str(tmp_path / "trainers"))
    trainers = Trainers(Machine("cpu", tmp_path / "scratch"))
    trainers.prepare()
    process = trainers._trainers[0].process
    closing = threading.Thread(target=trainers.close, daemon=True)
    closing.start()
    closing.join(LONG)
    assert not closing.is_alive()
    assert process.poll() == -signal.SIGKILL
    connection, _ = listening.accept()
    with connection, suppress(ConnectionResetError):
        connection.settimeout(LONG)
        while connection.recv(1 << 16):
            pass


def test_a_connection_of_which_nothing_can_be_made_is_closed(
    make: Callable[..., Job], server: Server, tmp_path: Path
) -> None:
    place = str(tmp_path / "trainers")
    for said in (b"", b"0 /nowhere", b"x /nowhere"):
        with socket.socket(socket.AF_UNIX) as bad, (tmp_path / "output").open("wb") as output:
            bad.settimeout(LONG)
            bad.connect(place)
            if said:
                socket.send_fds(bad, [said], [output.fileno()] if said.startswith(b"x") else [])
                assert bad.recv(1) == b""
    with Trainers(Machine("cpu", tmp_path / "scratch")) as trainers:
        assert isinstance(answered(trainers, make(), tmp_path), Measured)
        assert psutil.Process(trainers._trainers[0].process.pid).ppid() == server.pid


def test_silent_connections_hold_nobody_up(make: Callable[..., Job], server: Server, tmp_path: Path) -> None:
    with ExitStack() as silent, Trainers(Machine("cpu", tmp_path / "scratch")) as trainers:
        for _ in range(60):
            silent.enter_context(socket.socket(socket.AF_UNIX)).connect(str(tmp_path / "trainers"))
        assert isinstance(answered(trainers, make(), tmp_path), Measured)


def test_one_without_a_free_descriptor_goes_on_once_there_is_one(
    make: Callable[..., Job], server: Server, tmp_path: Path
) -> None:
    with Trainers(Machine("cpu", tmp_path / "scratch")) as trainers:
        assert isinstance(answered(trainers, make(), tmp_path), Measured)
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (40, 40))
        with ExitStack() as silent:
            for _ in range(60):
                silent.enter_context(socket.socket(socket.AF_UNIX)).connect(str(tmp_path / "trainers"))
            below = {str(number) for number in range(40)}  # the listener's own number may be a higher one
            assert until(lambda: below <= {entry.name for entry in Path(f"/proc/{server.pid}/fd").iterdir()})
        with pytest.raises(UsageError, match="exit status 3"):
            answered(trainers, make(evaluate="exit"), tmp_path)
        assert isinstance(answered(trainers, make(), tmp_path), Measured)
        assert psutil.Process(trainers._trainers[0].process.pid).ppid() == server.pid


def test_the_end_of_a_node_is_that_of_its_trainer(make: Callable[..., Job], server: Server, tmp_path: Path) -> None:
    """Even where no thread but the task's goes on in it."""
    said, says = os.pipe()
    job, node = make(evaluate="stubborn"), os.fork()
    if node == 0:
        try:
            trainers = Trainers(Machine("cpu", tmp_path / "scratch"))
            order(trainers, job, Measure(), tmp_path)
            (trainer,) = trainers._trainers
            assert until(lambda: "it is at it" in trainer.said)
            os.write(says, b"%d" % trainer.process.pid)
            signal.pause()
        finally:
            os._exit(1)
    os.close(says)
    keeper = int(os.read(said, 20))
    children = [child.pid for child in psutil.Process(keeper).children(recursive=True)]
    os.kill(node, signal.SIGKILL)
    os.waitpid(node, 0)
    assert all(map(gone, [keeper, *children]))
    assert server.poll() is None


def test_folders_are_the_nodes_wherever_it_works(
    make: Callable[..., Job], server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Trainers(Machine("cpu", Path("scratch"))) as trainers:
        assert isinstance(answered(trainers, make(), tmp_path), Measured)
        assert psutil.Process(trainers._trainers[0].process.pid).ppid() == server.pid


def test_it_ends_with_what_holds_its_input(server: Server) -> None:
    assert server.stdin is not None
    server.stdin.close()
    assert server.wait(LONG) == 0


def test_no_socket_fits_into_a_folder_with_a_long_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (deep := tmp_path / ("d" * 120)).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    assert address("none.such") == ""
    assert list(deep.iterdir()) == []


def test_the_child_of_a_fork_leaves_the_torch_server_alone() -> None:
    code = """
import os, sys
from pathlib import Path
from participant.trainer import torch_start
sys.executable = "/bin/true"
place = torch_start.address()
child = os.fork()
if child == 0:
    sys.exit()
os.waitpid(child, 0)
print(place, Path(place).exists())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    place, _, there = done.stdout.strip().rpartition(" ")
    assert (there, done.stderr) == ("True", "")
    assert not Path(place).parent.exists()
