"""`fedledger task`: a package that works as it is written, and a check that names the rule which a task breaks."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from ledger.errors import UsageError
from participant.cli.task import task
from participant.jobs.draft import read
from participant.tasks.contract import ContractReport, check, suggested
from participant.tasks.scaffold import write
from participant.tasks.trial import TrialRequest

pytestmark = [pytest.mark.node, pytest.mark.usefixtures("forked_trials")]

SETTINGS: dict[str, Any] = {"columns": ["a"], "ranges": ["0:1"], "target": "b", "target_range": "0:1", "batch_size": 4}


@pytest.fixture
def package(tmp_path: Path) -> Iterator[Path]:
    """A package as `fedledger task new` writes it, with its own data; nothing of it left in memory afterwards."""
    path, names = list(sys.path), set(sys.modules)
    write("small-task", tmp_path / "small")
    (tmp_path / "data.csv").write_text("a,b\n" + "".join(f"{k / 20},{0.1 + k / 30}\n" for k in range(20)))
    yield tmp_path / "small"
    sys.path[:] = path
    for name in set(sys.modules) - names:
        if name == "small_task":
            del sys.modules[name]


def change(package: Path, before: str, after: str) -> None:
    source = package / "small_task.py"
    text = source.read_text()
    assert before in text
    source.write_text(text.replace(before, after))


def checked(package: Path, *, data: bool = True) -> ContractReport:
    given = str(package.parent / "data.csv") if data else ""
    return check(TrialRequest(task=str(package), settings=SETTINGS, data=given, device="cpu"))


def test_the_written_package_keeps_the_contract_and_its_round_is_measured(package: Path) -> None:
    report = checked(package)
    assert [finding for finding in report.findings if not finding.held] == []
    assert len(report.findings) == 10
    trial = report.trial
    assert trial is not None
    assert (trial.samples, trial.values, trial.device) == (20, 2, "cpu")
    assert trial.seconds > 0
    assert trial.peak_bytes > 50 << 20
    assert 0 < trial.largest <= trial.norm < 2
    assert trial.bytes_each > 8


def test_its_own_tests_pass(package: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=package,
        check=False,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout


def test_the_example_in_the_repository_is_what_the_command_writes(root: Path, tmp_path: Path) -> None:
    written = write("own-line", tmp_path / "own")
    kept = root / "examples" / "own_task"
    for path in written:
        assert path.read_text() == (kept / path.relative_to(tmp_path / "own")).read_text()
    tracked = {path for path in kept.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert len(tracked) == len(written)


IN_TRAIN = "        samples, total = 0, 0.0\n        for _"
BREAKS = {
    "takes any setting": ("        read.done()\n", "", "settings", "does not know"),
    "a model from global random numbers": (
        "                parameter.zero_()",
        "                parameter.normal_()",
        "model",
        "another model",
    ),
    "shares what it has not": (
        "    def train(",
        "    def shared(self, model):\n        return ['nothing']\n\n    def train(",
        "shared",
        "'nothing'",
    ),
    "a value out of range": (
        "                parameter.zero_()",
        "                parameter.fill_(1e9)",
        "integers",
        "out of range",
    ),
    "does not load": (
        "    def train(",
        "    def load(self, model, tensors):\n        pass\n\n    def train(",
        "load",
        "shared tensors",
    ),
    "an order of its own": ("manual_seed(round.seed)", "seed() and None", "training", "other bytes"),
    "an error of its own": (IN_TRAIN, "        raise KeyError('mine')\n" + IN_TRAIN, "training", "KeyError: 'mine'"),
    "keeps the time": (
        IN_TRAIN,
        "        (round.scratch / 'at').write_text(str(__import__('time').time_ns()))\n" + IN_TRAIN,
        "training",
        "scratch folder",
    ),
    "counts in halves": ("TrainResult(samples=samples", "TrainResult(samples=samples / 2", "result", "integer"),
    "no loss": ("loss=total / samples", "loss=float('nan')", "result", "finite"),
    "a figure in words": ('"samples": float(len(targets))', '"samples": "many"', "evaluation", "finite floats"),
    "names a folder by the time": (
        IN_TRAIN,
        "        (round.scratch / str(__import__('time').time_ns())).mkdir()\n" + IN_TRAIN,
        "training",
        "scratch folder",
    ),
    "ends the process": (IN_TRAIN, "        __import__('os')._exit(0)\n" + IN_TRAIN, "training", "ended the process"),
    "leaves": (IN_TRAIN, "        exit(0)\n" + IN_TRAIN, "training", "failed in train: SystemExit: 0"),
    "a pipe in the scratch folder": (
        IN_TRAIN,
        "        __import__('os').mkfifo(round.scratch / 'pipe')\n" + IN_TRAIN,
        "training",
        "a pipe",
    ),
    "counts nothing": ("TrainResult(samples=samples", "TrainResult(samples=0", "result", "actual: 0 (int)"),
    "no evaluation": (
        '        """Mean absolute',
        '        return None\n        """Mean absolute',
        "evaluation",
        "actual: None (NoneType)",
    ),
    "fails to evaluate": (
        '        """Mean absolute',
        '        raise ValueError("mine")\n        """Mean absolute',
        "evaluation",
        "failed in evaluate: ValueError: mine",
    ),
    "a model of no numbers": (
        "                parameter.zero_()",
        "                parameter.fill_(float('nan'))",
        "integers",
        "not a number",
    ),
    "state on itself": (
        IN_TRAIN,
        "        self.learning_rate /= 2\n" + IN_TRAIN,
        "fresh process",
        "other bytes",
    ),
    "state in the data": (
        IN_TRAIN,
        "        data.tensors[0].mul_(0.5)\n" + IN_TRAIN,
        "fresh process",
        "other bytes",
    ),
    "depends on the process": (
        "torch.Generator().manual_seed(round.seed)",
        "torch.Generator().manual_seed(round.seed + __import__('os').getpid())",
        "fresh process",
        "other bytes",
    ),
}


@pytest.mark.parametrize(("before", "after", "rule", "why"), BREAKS.values(), ids=BREAKS.keys())
def test_the_rule_that_a_task_breaks_is_named(package: Path, before: str, after: str, rule: str, why: str) -> None:
    change(package, before, after)
    # A constant initial model hides that `load` does nothing.
    if rule == "load":
        change(package, "                parameter.zero_()", "                parameter.fill_(seed / 8)")
    report = checked(package)
    broken = {finding.rule: finding.why for finding in report.findings if finding.held is False}
    assert next(iter(broken)) == rule
    assert why in broken[rule]
    assert not report.held


def test_what_a_task_prints_spoils_no_answer(package: Path) -> None:
    change(package, IN_TRAIN, "        print('printed', flush=True)\n" + IN_TRAIN)
    change(package, "        read.done()\n", "        read.done()\n        print('printed')\n")
    source = package / "small_task.py"
    source.write_text(source.read_text() + "\nprint('printed')\n")
    data = str(package / "example.csv")
    run = subprocess.run(
        [sys.executable, "-m", "ledger.cli.main", "task", "check", str(package), "--data", data, "--json"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (run.returncode, json.loads(run.stdout)["held"]) == (0, True)
    assert "printed" in run.stderr


@pytest.mark.parametrize("data", [True, False])
def test_a_task_that_ends_the_process_before_it_trains_gets_a_verdict(package: Path, data: bool) -> None:
    change(package, "        read.done()\n", "        __import__('os')._exit(0)\n")
    with pytest.raises(UsageError, match="ended the process") as caught:
        checked(package, data=data)
    assert caught.value.facts["actual"] == "exit status 0"


def test_numbers_of_numpy_and_torch_are_results(package: Path) -> None:
    change(
        package, "TrainResult(samples=samples, loss=total / samples)", "TrainResult(*map(torch.tensor, (samples, 0.5)))"
    )
    change(package, '"samples": float(len(targets))', '"samples": torch.tensor(20)')
    report = checked(package)
    assert report.held
    assert report.trial is not None
    assert (report.trial.samples, report.trial.loss, report.trial.figures["samples"]) == (20, 0.5, 20.0)


def test_a_device_that_is_not_there_is_named_before_anything_is_checked(package: Path) -> None:
    with pytest.raises(UsageError, match="no device 'tpu'"):
        check(TrialRequest(task=str(package), settings=SETTINGS, device="tpu"))


def test_an_installed_task_without_settings_is_told_the_way_out() -> None:
    report = check(TrialRequest(task="tabular", device="cpu"))
    assert "needs the setting" in report.findings[0].why
    assert "give --settings FILE" in report.findings[0].why


def test_how_much_was_checked_is_said(package: Path) -> None:
    run = CliRunner().invoke(task, ["check", str(package)], catch_exceptions=False)
    assert run.exit_code == 0
    assert "5 of 10 rules held, 5 need --data" in run.stdout


def test_without_data_the_rest_is_checked(package: Path) -> None:
    report = checked(package, data=False)
    unchecked = [finding.rule for finding in report.findings if finding.held is None]
    assert unchecked == ["training", "result", "evaluation", "rows", "fresh process"]
    assert report.held


@pytest.mark.parametrize(
    ("measured", "limit"), [(0.3845, 0.8), (0.4505, 1.0), (0.05, 0.1), (7.0, 20.0), (0.0, 1.0), (123.0, 300.0)]
)
def test_a_suggested_limit_leaves_room_and_has_one_digit(measured: float, limit: float) -> None:
    assert suggested(measured) == limit


def test_the_commands_write_and_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke(task, ["new", "other-task", "--json"], catch_exceptions=False)
    assert len(json.loads(run.stdout)["files"]) == 6
    data = "other-task/example.csv"
    run = CliRunner().invoke(task, ["check", "other-task", "--data", data], catch_exceptions=False)
    assert run.exit_code == 0
    assert "keeps its contract" in run.stdout
    assert "max_norm = " in run.stdout
    source = tmp_path / "other-task" / "other_task.py"
    source.write_text(source.read_text().replace("        read.done()\n", ""))
    del sys.modules["other_task"]
    run = CliRunner().invoke(task, ["check", "other-task", "--json"], catch_exceptions=False)
    facts = json.loads(run.stdout)
    assert (run.exit_code, facts["held"], facts["round"]) == (2, False, None)
    assert facts["rules"][0]["rule"] == "settings"


def test_limits_that_are_suggested_admit_the_first_round(package: Path) -> None:
    report, draft = checked(package), read(package / "job.toml")
    assert report.trial is not None
    assert suggested(report.trial.largest) <= float(draft.admission.max_value)
    assert suggested(report.trial.norm) <= float(draft.admission.max_norm)


@pytest.mark.parametrize("name", ["Task", "my task", "class", "9lives", "a--b", "json", "tabular", "../up"])
def test_a_name_that_cannot_be_a_tasks_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        write(name, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("length", [101, 254, 300])
def test_a_name_too_long_for_a_file_is_refused(tmp_path: Path, length: int) -> None:
    with pytest.raises(UsageError, match="too long"):
        write("x" * length, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    write("x" * 100, tmp_path / "new")


@pytest.mark.parametrize(
    "name",
    [
        "settings",
        "data-loader",
        "train-result",
        "malformed",
        "usage-error",
        "task",
        "rows",
        "key-error",
        "none",
        "any",
        "path",
        "trial-request",
        "mapping",
    ],
)
def test_a_class_is_not_called_like_something_that_the_template_needs(tmp_path: Path, name: str) -> None:
    for path in write(name, tmp_path / "new"):
        if path.suffix == ".py":
            compile(path.read_text(), str(path), "exec")
    kind = "".join(word.capitalize() for word in name.split("-")) + "Task"
    module = tmp_path / "new" / f"{name.replace('-', '_')}.py"
    assert f"class {kind}(Task):" in module.read_text()
    assert f':{kind}"' in (tmp_path / "new" / "pyproject.toml").read_text()


def test_files_are_not_overwritten(package: Path) -> None:
    with pytest.raises(UsageError, match="not empty"):
        write("fresh-task", package)


@pytest.mark.parametrize("text", ["", "[project]\nname = 'x'\n", "[["])
def test_a_package_without_a_task_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(UsageError):
        check(TrialRequest(task=str(tmp_path)))


def test_the_built_in_tasks_keep_the_contract(tmp_path: Path) -> None:
    data = tmp_path / "rows.csv"
    data.write_text("a,label\n" + "".join(f"{k / 10},{'xy'[k % 2]}\n" for k in range(10)))
    settings: dict[str, Any] = {"columns": ["a"], "ranges": ["0:1"], "classes": ["x", "y"], "model": "mlp"}
    report = check(TrialRequest(task="tabular", settings=settings, data=str(data), device="cpu"))
    assert [finding for finding in report.findings if not finding.held] == []
