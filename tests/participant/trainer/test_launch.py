"""A trainer is ended with what it started; a process that has its number later is not."""

import subprocess
import time
from pathlib import Path

import pytest
from support.processes import gone

from participant.trainer.launch import launch
from participant.trainer.trainer import Trainer

pytestmark = pytest.mark.node


class Reaped:
    """A process that ended long ago, whose number another has now."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def poll(self) -> int | None:
        return 1


def test_a_number_that_another_process_has_now_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, start_new_session=True) as other:
        Trainer(tmp_path / "1", lambda _folder, _output: Reaped(other.pid)).end()
        other.communicate(b"")
    assert other.returncode == 0


def test_what_a_process_left_behind_is_ended_before_its_number_is_free(tmp_path: Path) -> None:
    script = 'sleep 600 & echo $! >"$2/child"; exit 3'
    process = launch(("sh", "-c", script), tmp_path, "1", subprocess.DEVNULL)
    until = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    assert [process.poll(), process.poll()] == [3, 3]
    assert gone(int((tmp_path / "child").read_text()))
