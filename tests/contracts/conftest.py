"""Runs the contracts' own tools from the repository root, or skips where they are not installed.

The pinned compiler, in JavaScript, takes its time, most of it where set-up's run does not serve. So it begins when the
tests begin, and only the tests that need what it builds wait for it: in a run of all they come behind others
(`support.order`). Where tests run in several processes, one builds at a time.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

import pytest

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., str]
BUILD = (sys.executable, "-m", "support.building")
BUILDING = pytest.StashKey[tuple["subprocess.Popen[bytes]", IO[bytes]]]()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin to build where a test will ask for it."""
    wanted = any("built" in getattr(item, "fixturenames", ()) for item in session.items)
    if wanted and not session.config.option.collectonly and (ROOT / "node_modules").is_dir():
        output = tempfile.TemporaryFile()  # noqa: SIM115  closed with the session
        options = {"cwd": ROOT / "tests", "stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
        building = subprocess.Popen(BUILD, start_new_session=True, **options)
        session.config.stash[BUILDING] = building, output


def pytest_unconfigure(config: pytest.Config) -> None:
    """End what nothing waited for."""
    building, output = config.stash.get(BUILDING, (None, None))
    if building is not None and output is not None:
        with suppress(ProcessLookupError):
            os.killpg(building.pid, signal.SIGKILL)
        building.wait()
        output.close()


@pytest.fixture(scope="session")
def root() -> Path:
    if not (ROOT / "node_modules").is_dir():
        pytest.skip("node_modules is absent: run npm ci")
    return ROOT


@pytest.fixture(scope="session")
def run(root: Path) -> Run:
    """Run a command; return what it wrote, or fail with it."""

    def run(*command: str | Path) -> str:
        done = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0, f"{command[0]} exited with {done.returncode}\n{done.stdout[-20_000:]}"
        return done.stdout

    return run


@pytest.fixture(scope="session")
def built(root: Path, request: pytest.FixtureRequest) -> None:
    """Hardhat's and forge's builds are there, of the present sources."""
    building, output = request.config.stash[BUILDING]
    building.wait()
    output.seek(0)
    assert building.returncode == 0, f"the build failed\n{output.read()[-20_000:].decode()}"


@pytest.fixture(scope="session")
def passed() -> Callable[[str, str], int]:
    """The number that `pattern` finds in a tool's report; it fails where the tool ran no test."""

    def passed(report: str, pattern: str) -> int:
        found = re.search(pattern, report)
        assert found, f"no summary in\n{report[-20_000:]}"
        return int(found[1])

    return passed
