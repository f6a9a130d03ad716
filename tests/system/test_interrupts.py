"""A command that is asked to end does so, at any moment."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.processes import left

from ledger.party.interrupts import INTERRUPTED

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="needs Linux, whose children end with their parent"
)


def run(program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["before", "after_in_parent"])
def test_in_the_middle_of_a_fork(number: signal.Signals, moment: str, tmp_path: Path) -> None:
    """It comes as soon as the child is known, and the child has ended then."""
    program = f"""
import os, signal, sys, tempfile
from ledger.party.interrupts import raise_interrupts
from demo.children import start

raise_interrupts()
os.register_at_fork({moment}=lambda: signal.raise_signal({int(number)}))
with tempfile.TemporaryFile() as output:
    try:
        start([sys.executable, "-c", "import time; time.sleep(60)", sys.argv[1]], output, output)
    except KeyboardInterrupt:
        print("interrupted")
"""
    done = run(program, str(tmp_path))
    assert (done.stdout, done.stderr) == ("interrupted\n", "")
    assert not left(tmp_path, seconds=0)


def test_starting_a_child_leaves_the_handlers_as_they_were() -> None:
    from demo.children import end, start

    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with Path(os.devnull).open("wb") as output:
        child = start(["sleep", "60"], output, output)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert child.poll() is None
    end(child)
    assert child.returncode == -signal.SIGINT


def test_a_thread_has_nothing_to_hold_back() -> None:
    """Handlers run in the main thread alone, and no other may change them."""
    from demo.children import end, start

    def life() -> int:
        with Path(os.devnull).open("wb") as output:
            child = start(["sleep", "60"], output, output)
        end(child)
        return child.returncode

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(life).result() == -signal.SIGINT


def test_in_the_middle_of_executed_text(tmp_path: Path) -> None:
    """A module that is run would end by the signal then, though the interrupt was caught."""
    (tmp_path / "interrupted.py").write_text("""
from ledger.cli import main

main.fedledger.main = lambda *_, **__: exec("raise KeyboardInterrupt")
main.main(["demo"])
""")
    command = [sys.executable, "-m", "interrupted"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (INTERRUPTED, "interrupted\n")


def test_in_the_middle_of_a_finalizer() -> None:
    """Python forgets what is raised there; it is raised again after it."""
    program = """
import signal, time
from ledger.party.interrupts import raise_interrupts

class Ends:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)

raise_interrupts()
try:
    Ends()
    time.sleep(600)
    print("forgotten")
except KeyboardInterrupt:
    print("interrupted")
"""
    done = run(program)
    assert (done.stdout, done.stderr) == ("interrupted\n", "")


def test_other_faults_of_a_finalizer_are_printed() -> None:
    program = """
from ledger.party.interrupts import raise_interrupts

class Fails:
    def __del__(self):
        raise RuntimeError("a leak")

raise_interrupts()
Fails()
"""
    done = run(program)
    assert "RuntimeError: a leak" in done.stderr
