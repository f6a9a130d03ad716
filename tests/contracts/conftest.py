"""Runs the contracts' own tools from the repository root, or skips where they are not installed."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., str]


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
def passed() -> Callable[[str, str], int]:
    """The number that `pattern` finds in a tool's report; it fails where the tool ran no test."""

    def passed(report: str, pattern: str) -> int:
        found = re.search(pattern, report)
        assert found, f"no summary in\n{report[-20_000:]}"
        return int(found[1])

    return passed
