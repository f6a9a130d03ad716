"""`fedledger serve` as a process: it says where it is, keeps its log when it is killed, and ends when it is told to."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from support import predicted
from support.consortia.voters import refused, said

from ledger.errors import Unavailable, UsageError

FEDLEDGER = Path(sys.executable).with_name("fedledger")
ROWS = {"inputs": [{"name": "inputs", "shape": [1, 2], "datatype": "FP64", "data": [50, 120]}]}


@contextmanager
def running(folder: Path, home: Path) -> Iterator[tuple[subprocess.Popen[bytes], Any]]:
    words = ["serve", str(folder), "--offline", "--port", "0", "--home", str(home), "--json"]
    process = subprocess.Popen([str(FEDLEDGER), *words], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(60)
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return predicted.folder_of(tmp_path / "cardio-1.0", predicted.released())


def test_a_killed_servers_log_has_every_answer_and_goes_on(folder: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    for number in (1, 2):
        with running(folder, home) as (process, facts):
            assert facts["root"] == predicted.released().root.hex()
            for _ in range(5):
                assert httpx.post(f"{facts['url']}/v2/models/cardio/infer", json=ROWS, timeout=60).status_code == 200
            process.kill()
        out = said("serve", "cardio", "--check-log", "--home", home, "--json")
        assert out["lines"] == 5 * number
        assert out["file"] == facts["log"]


def test_it_ends_when_it_is_told_to(folder: Path, tmp_path: Path) -> None:
    with running(folder, tmp_path / "home") as (process, facts):
        assert httpx.get(f"{facts['url']}/v2/health/ready", timeout=60).status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(60) in (0, 130)


def test_a_port_in_use_and_a_log_that_another_server_has_are_refused(folder: Path, tmp_path: Path) -> None:
    with running(folder, tmp_path / "home") as (_, facts):
        port = facts["url"].rpartition(":")[2]
        other = ("--offline", "--home", tmp_path / "other")
        assert "--port" in str(refused(Unavailable, "serve", folder, "--port", port, *other).advice)
        same = ("--offline", "--home", tmp_path / "home")
        assert "--log" in str(refused(UsageError, "serve", folder, "--port", 0, *same).advice)


def test_a_log_that_is_not_there_says_so(tmp_path: Path) -> None:
    refused(Unavailable, "serve", "cardio", "--check-log", "--home", tmp_path)
