"""The modules of web/static/verify in one Node process, which answers questions about them."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

Ask = Callable[..., Any]
NODE = shutil.which("node")


@contextmanager
def answering() -> Iterator[Ask]:
    """`ask(question, *arguments)`: the answer, or None where the module refuses. Skips the test without Node."""
    if NODE is None:
        pytest.skip("Node is not installed: the page's modules cannot be run")
    command = [NODE, "--no-warnings", str(Path(__file__).with_name("answers.mjs"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def ask(question: str, *arguments: Any) -> Any:
            process.stdin.write(json.dumps([question, *arguments]) + "\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
            line = process.stdout.readline()  # type: ignore[union-attr]
            assert line, f"the modules ended at {question}"
            return json.loads(line).get("is")

        yield ask
        process.stdin.close()
        assert process.wait(60) == 0
