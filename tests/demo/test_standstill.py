"""The demo waits as long as something moves, and no longer."""

import sys
import time
from pathlib import Path

import pytest

from demo import process
from demo.process import Fedledger
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
