"""One Node process for all tests here: the oracle, which has read the specification and none of the code."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.oracle import Ask

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def ask() -> Iterator[Ask]:
    """`ask(call, **what)`: one request, one response."""
    node = shutil.which("node")
    if node is None or not (ROOT / "node_modules" / "ethers").is_dir():
        pytest.skip("node_modules is absent: run npm ci")
    command = [node, str(ROOT / "tests" / "oracle" / "main.mjs")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def request(call: str, **what: Any) -> Any:
            process.stdin.write(json.dumps({"call": call, **what}) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
            assert line, f"the oracle ended at {call}"
            return json.loads(line)

        yield request
        process.stdin.close()
        assert process.wait(60) == 0
