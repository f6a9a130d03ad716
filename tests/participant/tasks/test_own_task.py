"""The example of a task of one's own: declared as its package says, it trains like fedledger's."""

import dataclasses
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.drafts import Memory

from participant.jobs.creation import create
from participant.jobs.draft import read, settings
from participant.tasks.code import code_digest
from participant.tasks.comparison import compare
from participant.tasks.contract import check
from participant.tasks.discovery import find
from participant.tasks.protocol import RoundContext, Task
from participant.tasks.trial import TrialRequest

pytestmark = [pytest.mark.node, pytest.mark.usefixtures("forked_trials")]


@pytest.fixture
def installed(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """What an installer leaves behind of examples/own_task."""
    source = root / "examples" / "own_task"
    project = tomllib.loads((source / "pyproject.toml").read_text())["project"]
    (tmp_path / "own_line.py").write_text((source / "own_line.py").read_text())
    info = tmp_path / "fedledger_own_line-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = [
        f"[{group}]\n" + "\n".join(f"{n} = {v}" for n, v in e.items()) for group, e in project["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield source
    sys.modules.pop("own_line", None)


def write(path: Path, seed: int, rows: int = 60) -> Path:
    random = np.random.default_rng(seed)
    age, bmi, bp = random.uniform(18, 80, rows), random.uniform(18, 43, rows), random.uniform(60, 135, rows)
    progression = 20 + 2 * bmi + 0.5 * age + random.normal(0, 4, rows)
    table = np.stack([age, bmi, bp, progression], 1)
    np.savetxt(path, table, delimiter=",", header="age,bmi,bp,progression", comments="")
    return path


def test_it_is_found_a_job_is_made_of_it_and_it_learns(installed: Path, tmp_path: Path) -> None:
    draft = read(installed / "job.toml")
    found = find("own-line")
    assert (found.name, found.version) == ("own-line", "1")
    line = found.create(settings(draft.task.settings))
    parts = [write(tmp_path / f"{name}.csv", seed) for seed, name in enumerate(("a", "b"))]
    test = write(tmp_path / "test.csv", 9)
    rows = list(compare(line, settings(draft.task.settings), parts, test, 5, 1, tmp_path))
    assert [row.name for row in rows] == ["a alone", "b alone", "pooled"]
    assert all(row.merit["r2"] > 0.8 for row in rows)

    made = create(draft, Memory().put)
    assert made.task.code == code_digest(["own_line"])
    assert [tensor.name for tensor in made.tensors] == ["bias", "weight"]


def block(root: Path, language: str, holding: str = "") -> str:
    """The first block of code in docs/tasks.md that holds some text."""
    parts = (root / "docs" / "tasks.md").read_text().split(f"```{language}\n")[1:]
    return next(code for code in (part.split("```")[0] for part in parts) if holding in code)


def test_the_documented_draft_can_be_made(root: Path, tmp_path: Path) -> None:
    (tmp_path / "job.toml").write_text(block(root, "toml"))
    made = create(read(tmp_path / "job.toml"), Memory().put)
    assert {tensor.name: tensor.fraction_bits for tensor in made.tensors} == {
        "0.bias": 26,
        "0.weight": 24,
        "2.bias": 26,
        "2.weight": 24,
    }


def test_the_documented_task_keeps_its_contract(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "line.py").write_text(block(root, "python", "class Line"))
    (tmp_path / "pyproject.toml").write_text(block(root, "toml", "entry-points"))
    (tmp_path / "data.csv").write_text("x,y\n" + "".join(f"{k / 20},{0.3 + k / 30}\n" for k in range(20)))
    report = check(TrialRequest(task=str(tmp_path), data=str(tmp_path / "data.csv"), device="cpu"))
    assert [finding for finding in report.findings if not finding.held] == []
    del sys.modules["line"]


def test_every_rule_method_and_field_of_the_interface_is_documented(root: Path) -> None:
    text = (root / "docs" / "tasks.md").read_text()
    methods = [name for name in vars(Task) if not name.startswith("_") and callable(getattr(Task, name))]
    assert len(methods) == 20
    for name in methods:
        assert f"| `{name}(" in text
    for field in dataclasses.fields(RoundContext):
        assert f"| `{field.name}` |" in text
    report = check(TrialRequest(task="tabular", settings={"columns": ["a"], "ranges": ["0:1"], "classes": ["x", "y"]}))
    for finding in report.findings:
        assert f"| {finding.rule} |" in text
