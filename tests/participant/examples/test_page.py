"""docs/examples.md: every example is on it, and its study runs as it stands there."""

import re
import runpy
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

pytestmark = pytest.mark.node
ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "examples.md").read_text("utf-8")


def test_every_example_has_its_row() -> None:
    rows = set(re.findall(r"^\| \[(\w+)\]\(\.\./examples/(?:\1)\)", PAGE, re.MULTILINE))
    folders = {path.name for path in (ROOT / "examples").iterdir() if (path / "__main__.py").exists()}
    assert rows == folders | {"flower", "own_task"}


def test_the_study_on_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    random = np.random.default_rng(1)
    for name in ("north", "north-test", "south", "south-test"):
        values = random.uniform(0, 1, (30, 2))
        lines = [f"{a},{b},{'yes' if a + b > 1 else 'no'}" for a, b in values]
        (tmp_path / f"{name}.csv").write_text("\n".join(["a,b,label", *lines]))
    monkeypatch.chdir(tmp_path)
    (script,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "study.py").write_text(script)
    runpy.run_path("study.py")
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 2
    assert all("'north': " in line and "'south': " in line for line in said)
