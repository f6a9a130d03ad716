"""The contracts' properties for any input and any order of calls, in `forge/`."""

import subprocess

import pytest


@pytest.mark.timeout(1200)
@pytest.mark.usefixtures("built")
def test_forge(root, run, passed):
    report = run(root / "tools" / "foundry", "forge", "test")
    assert passed(report, r"(\d+) tests passed, 0 failed") > 0


def test_status_of_the_tool_comes_through(root):
    """Unlike with the packages' own launchers, a failure is one."""
    command = [root / "tools" / "foundry", "forge", "no-such-command"]
    assert subprocess.run(command, cwd=root, capture_output=True).returncode != 0
