"""Each ready task in real rounds on a local chain: trained, aggregated, audited, and its report pooled over parties."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.consortia import aggregators
from support.consortia.synthetic import Trial
from support.consortia.trainers import drive, node, notes
from support.drafts import Memory
from support.training import machine

from ledger.config import HomeSettings, save
from ledger.party.auditing import AuditRequest, inspect
from ledger.releases.report import Evaluation, parse
from ledger.rounds.facts import RoundFacts
from participant.cli.node import node as commands
from participant.cli.simulate import simulate
from participant.jobs.creation import create
from participant.jobs.draft import read, settings
from participant.measuring import evaluation
from participant.simulation.job import initial_stream
from participant.tasks.contract import check
from participant.tasks.training import Local
from participant.tasks.trial import TrialRequest

pytestmark = [pytest.mark.node, pytest.mark.usefixtures("forked_trials")]
PARTIES = 3
TRAINING = "learning_rate = 0.2\nepochs = 2\nbatch_size = 8\n"
DRAFT = """
name = "ready"
hold_out = 40
[task]
name = "{task}"
[task.settings]
{settings}
[admission]
min_updates = 2
max_weight = 1000
max_value = 8.0
max_norm = 32
[terms]
rounds = 1
update_seconds = 600
open_seconds = 600
aggregate_seconds = 600
attest_seconds = 600
attempts = 2
"""
COLUMNS = 'columns = ["a", "b"]\nranges = ["0:10", "-1:1"]\n'
REGRESSION = COLUMNS + 'targets = ["dose"]\ntarget_ranges = ["0:100"]\nloss = "huber"\nmodel = "mlp"\nhidden = [4]\n'
SURVIVAL = COLUMNS + 'time = "days"\nevent = "died"\nbins = [5, 10, 20, "40.5"]\n'
WEIGHED = COLUMNS + 'label = "kind"\nclasses = ["low", "high"]\nclass_weights = [1, 2.5]\n'
RESNET = """
model = "resnet"
filters = [4, 4]
groups = 2
height = 8
width = 8
brightest = 1
classes = ["left", "right"]
"""
MULTIMODAL = RESNET + COLUMNS + "features = 4\n"
TASKS = {
    "regression": (REGRESSION, {"mae", "rmse", "r2"}),
    "survival": (SURVIVAL, {"log_loss", "brier", "binned_concordance"}),
    "tabular": (WEIGHED, {"accuracy", "auc", "f1", "balanced_accuracy", "calibration_error"}),
    "image": (RESNET, {"accuracy", "auc", "f1", "balanced_accuracy", "calibration_error"}),
    "multimodal": (MULTIMODAL, {"accuracy", "auc", "f1", "balanced_accuracy", "calibration_error"}),
}


def write(task: str, path: Path, seed: int, rows: int = 40) -> Path:
    """A party's rows, of a prevalence of its own."""
    random = np.random.default_rng(seed)
    a, b = random.uniform(0, 10, rows), random.uniform(-1, 1, rows)
    sides = (a > 4 + seed).astype(np.int64)
    if task in ("image", "multimodal"):
        pixels = random.uniform(0, 0.4, (rows, 8, 8))
        pixels[sides == 1, :, 4:] += 0.5
        flags = {"has_image": random.random(rows) < 0.7, "has_table": np.ones(rows, np.int64)}
        table = {"x_image": pixels, "x_table": np.stack([a, b], 1), **flags}
        np.savez(path.with_suffix(".npz"), y=sides, **({"x": pixels} if task == "image" else table))
        return path.with_suffix(".npz")
    times = random.exponential(40 / (1 + a))
    cells = zip(a, b, 50 + 4 * a + 10 * b + seed, times, random.integers(0, 2, rows), sides, strict=True)
    lines = [f"{x},{y},{dose},{t},{died},{('low', 'high')[side]}" for x, y, dose, t, died, side in cells]
    path.write_text("\n".join(["a,b,dose,days,died,kind", *lines]) + "\n")
    return path


def drafted(task: str, folder: Path, more: str = "") -> Path:
    path = folder / "draft.toml"
    path.write_text(DRAFT.format(task=task, settings=TASKS[task][0] + TRAINING) + more)
    return path


def trained(trial: Trial, task: str, folder: Path) -> list[Path]:
    """One job from draft to finalised round; each party's file."""
    trial.job = create(read(drafted(task, folder)), trial.parties[0].connection.put)
    trial.layout = trial.job.layout
    files = []
    for party in trial.parties:
        home = party.member.home
        files.append(write(task, home.folder / "data.csv", party.index))
        save(home.settings_file, HomeSettings(name=party.member.name, data=str(files[-1])))
    trial.propose()
    nodes = [node(party, data=file, until_complete=True) for party, file in zip(trial.parties, files, strict=True)]
    drive(*nodes, aggregators.service(trial.parties[0]), looks=60)
    assert trial.state.complete, [notes(party.member.home, "failed") for party in trial.parties]
    return files


def reported(trial: Trial, path: Path) -> Evaluation:
    """The report that all parties add their figures to, on the rows that each holds out."""
    for party in trial.parties:
        arguments = ["evaluate", "--report", str(path), "--home", str(party.member.home.folder), "--json"]
        result = CliRunner().invoke(commands, arguments, catch_exceptions=False)
        assert result.exit_code == 0, result.output
    return parse(path.read_bytes())


@pytest.mark.parametrize("task", TASKS)
def test_a_task_goes_through_a_real_round_and_its_figures_are_those_of_all_rows(
    found: Callable[..., Any], tmp_path: Path, task: str
) -> None:
    with Trial(found(PARTIES), propose=False) as t:
        files = trained(t, task, tmp_path)
        assert inspect(t.parties[1].connection, AuditRequest(source=False)).right.answer == "yes"
        report = reported(t, tmp_path / "report.json")
        assert report.pooled.keys() == TASKS[task][1]
        assert all(party.rows == "held_out" for party in report.parties)
        local = Local.of(t.job, machine(tmp_path / "again"), salt=bytes(32))
        facts = RoundFacts.of(t.parties[0].connection.place, t.state, t.job, t.state.rounds[1])
        model = evaluation.read(t.parties[0].connection, t.state, t.job, facts.base)
        parts = [local.data(file) for file in files]
        pooled, module = local.task.join(parts), local._loaded(model, {})
        counted = [local.task.sums(module, part) or local.task.counts(module, part) for part in parts]
        assert None not in counted
        assert (local.task.sums(module, pooled) or local.task.counts(module, pooled)).rows == 40 * PARTIES
        assert any(party.metrics != report.parties[0].metrics for party in report.parties)


DP = """
[dp]
level = "example"
clip = 1.0
sampling = 0.5
steps = 3
epsilon = 50
delta = 1e-5
scope = "rows"
"""


@pytest.mark.parametrize("task", TASKS)
def test_a_task_trains_with_noise(tmp_path: Path, task: str) -> None:
    """Single rows are clipped, class weights and all, and the same round gives the same bytes again."""
    path = drafted(task, tmp_path, DP)
    path.write_text(path.read_text().replace("epochs = 2\nbatch_size = 8\n", ""))
    job = create(read(path), Memory().put)
    rows, updates = write(task, tmp_path / "rows.csv", 1), []
    for salt in (b"a" * 32, b"a" * 32, b"b" * 32):
        local = Local.of(job, machine(tmp_path), salt=salt)
        base = initial_stream(local, Path("job.json"))
        updates.append(local.train(base, rows, 1, 7, keep=False).update)
    assert np.array_equal(updates[0], updates[1])
    assert not np.array_equal(updates[0], updates[2]), "the noise is the home's own"


@pytest.mark.parametrize("task", TASKS)
def test_a_task_is_simulated_and_compared(tmp_path: Path, task: str) -> None:
    draft = drafted(task, tmp_path)
    files = [write(task, tmp_path / f"{seed}.csv", seed) for seed in range(2)]
    named = [argument for file in files for argument in ("--data", str(file))]
    run = CliRunner().invoke(
        commands,
        ["compare", "--settings", str(draft), *named, "--test", str(files[0]), "--rounds", "1", "--json"],
        catch_exceptions=False,
    )
    assert run.exit_code == 0, run.output
    assert "pooled" in run.stdout
    arguments = [str(draft), "--data", str(files[0]), "--test", str(files[1]), "--clients", "4", "--rounds", "2"]
    run = CliRunner().invoke(simulate, [*arguments, "--partition", "iid", "--folder", str(tmp_path / "out")])
    assert run.exit_code == 0, run.output


@pytest.mark.parametrize("task", sorted(TASKS.keys() - {"tabular"}))
def test_a_task_keeps_its_contract(tmp_path: Path, task: str) -> None:
    """Two rounds twice over, and the second again in a fresh process, to the same bytes; counts and sums add up."""
    draft, rows = read(drafted(task, tmp_path)), write(task, tmp_path / "rows.csv", 1)
    known = settings(draft.task.settings)
    report = check(TrialRequest(task=task, settings=known, data=str(rows), device="cpu"))
    assert [finding for finding in report.findings if not finding.held] == []
