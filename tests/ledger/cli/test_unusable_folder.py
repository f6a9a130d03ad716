"""A home, or anything in it, that cannot be used is named, with the way out, and is no defect of fedledger."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.config import save

POWERLESS = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"] if os.geteuid() == 0 else []
"""Before a command: takes root's power to write anywhere."""


def audit(network: Path, home: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [*POWERLESS, sys.executable, "-m", "ledger.cli.main", "audit", "--network", str(network), "--json"]
    command += ["--home", str(home)] if not environment else []
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)


@pytest.fixture
def network(consortium, tmp_path: Path) -> Path:
    path = tmp_path / "network.toml"
    save(path, consortium.network)
    return path


def unusable(tmp_path: Path) -> Path:
    (tmp_path / "a file").touch()
    return tmp_path / "a file"


def test_a_home_below_a_file(network: Path, tmp_path: Path) -> None:
    done = audit(network, unusable(tmp_path) / "home")
    error = json.loads(done.stderr.splitlines()[-1])
    assert (done.returncode, error["error"]) == (3, "Unavailable")
    assert error["facts"]["path"].startswith(str(tmp_path / "a file"))
    assert "--home" in error["advice"]


def test_a_user_s_home_that_is_a_file(network: Path, tmp_path: Path) -> None:
    done = audit(network, tmp_path, HOME=str(unusable(tmp_path)), FEDLEDGER_HOME="", XDG_CACHE_HOME="")
    assert (done.returncode, json.loads(done.stderr.splitlines()[-1])["error"]) == (3, "Unavailable")


def test_a_home_that_cannot_be_written(network: Path, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    done = audit(network, tmp_path / "locked" / "home")
    error = json.loads(done.stderr.splitlines()[-1])
    assert (done.returncode, error["message"]) == (3, "a file or folder cannot be used: Permission denied")
