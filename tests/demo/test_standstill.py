"""The demo waits as long as something moves, and no longer; a process that failed is named."""

import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from rich.console import Console

from demo import process
from demo.process import Fedledger
from demo.screen import DemoScreen
from demo.stage import Stage
from demo.standstill import Standstill, work_of
from ledger.errors import Unavailable


def test_it_runs_out_only_where_nothing_moves() -> None:
    signs = iter([0, 1, 2, 3, 3, 3])
    patience = Standstill(0.02, lambda: next(signs))
    for _ in range(3):
        time.sleep(0.03)
        patience.check("counting")
    time.sleep(0.03)
    with pytest.raises(Unavailable, match=r"counting: nothing has moved for 0\.02 s"):
        patience.check("counting")


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs Python instead of `fedledger`."""
    monkeypatch.setattr(process, "LOOK", 0.05)

    def run(code: str) -> Fedledger:
        def spawned(arguments, log, output):
            with log.open("ab") as errors:
                return process.start([sys.executable, "-c", *arguments], errors, errors)

        monkeypatch.setattr(process, "_spawned", spawned)
        return Fedledger("Hospital 1", [code], tmp_path / "log")

    return run


def test_a_process_that_works_is_waited_for(command) -> None:
    busy = "import time\nend = time.monotonic() + 7\nwhile time.monotonic() < end: pass\nraise SystemExit(7)"
    assert command(busy).wait(5.0) == 7


def test_a_process_that_does_nothing_is_ended(command) -> None:
    idle = command("import time; time.sleep(600)")
    with pytest.raises(Unavailable, match="Hospital 1 does not end: nothing has moved"):
        idle.wait(1.0)
    assert not idle.running


def test_a_process_that_has_ended_works_no_more(command) -> None:
    ended = command("raise SystemExit(3)")
    assert ended.wait(60) == 3
    assert work_of(ended._process.pid) == 0.0


@pytest.mark.parametrize(
    ("code", "exit_code", "said"),
    [
        ("import os; os.kill(os.getpid(), 9)", -signal.SIGKILL, {}),
        ("raise SystemExit('no rows')", 1, {"said": "no rows"}),
    ],
)
def test_a_process_that_failed_is_named_with_its_log(
    command, tmp_path: Path, code: str, exit_code: int, said: dict[str, str]
) -> None:
    """One that was killed has said nothing."""
    stage = Stage(tmp_path, DemoScreen(Console(), str, live=False), ExitStack(), 60.0)
    failed = command(code)
    with pytest.raises(Unavailable) as caught:
        stage.finish(failed, "the evaluation failed")
    message = f"the evaluation failed: the process of Hospital 1 ended with exit code {exit_code}"
    assert (caught.value.message, dict(caught.value.facts)) == (message, {"log": failed.log, **said})
