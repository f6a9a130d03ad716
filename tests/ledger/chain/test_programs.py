"""Programs that set-up put beside this Python are found where PATH does not name their folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.chain.programs import find_program, found_beside_python


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Python's folder with one program in it, and a PATH without that folder."""
    program = tmp_path / "venv" / "said"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho beside\n")
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program.parent / "python"))
    monkeypatch.setenv("PATH", os.defpath)
    return program


def test_a_program_beside_python_is_found(beside: Path) -> None:
    assert find_program("said") == beside
    assert find_program("nothing-of-this-name") is None


def test_the_one_on_path_comes_first(beside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "said"
    other.write_text("#!/bin/sh\necho first\n")
    other.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.defpath}")
    assert find_program("said") == other
    with found_beside_python():
        assert subprocess.check_output(["/usr/bin/env", "said"], text=True) == "first\n"


def test_what_is_started_inside_finds_it_and_path_is_as_before(beside: Path) -> None:
    with found_beside_python():
        assert subprocess.check_output(["/usr/bin/env", "said"], text=True) == "beside\n"
    assert os.environ["PATH"] == os.defpath
