"""The breast-cancer example: what it splits, and what joining is worth there."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')
pytest.importorskip("sklearn")

from support.training import federated, machine

from ledger.formats.artifact import Layout
from ledger.formats.rows import Draw
from ledger.jobs import document as job
from ledger.jobs import scores as job_scores
from ledger.scores import evaluation_set
from ledger.scores.inference import NeuralNetwork
from ledger.scores.utility import measure
from participant.cli.node import node
from participant.examples import breast_cancer
from participant.integers.tensors import stream_of
from participant.jobs.creation import create
from participant.jobs.draft import read
from participant.tasks.training import Local

pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("example")
    result = CliRunner().invoke(node, ["example", "breast-cancer", str(folder)], catch_exceptions=False)
    assert [Path(line).name for line in result.stdout.split()] == [
        *(f"hospital-{number}.csv" for number in range(1, 5)),
        "test.csv",
        "job.toml",
        "scored.toml",
    ]
    return folder


@pytest.fixture(scope="module")
def document(folder: Path) -> job.Job:
    def put(pieces: Any, pin: str) -> Any:
        from ledger.formats.unixfs import cid_of

        return cid_of(pieces)[0]

    return create(read(folder / "job.toml"), put)


def test_every_patient_is_in_one_place_only() -> None:
    _, diagnoses = breast_cancer.patients()
    parts = breast_cancer.split(diagnoses)
    rows = [row for part in parts.values() for row in part]
    assert sorted(rows) == list(range(569))
    assert 110 <= len(parts["test"]) <= 118
    assert parts == breast_cancer.split(diagnoses)
    assert parts != breast_cancer.split(diagnoses, seed=6)


def test_together_they_come_near_to_pooled_data_and_above_every_hospital_alone(
    folder: Path, tmp_path: Path, document: job.Job
) -> None:
    data = [part for number in range(1, 5) for part in ("--data", str(folder / f"hospital-{number}.csv"))]
    (folder / "job.json").write_bytes(document.encode())
    arguments = ["compare", "--job", str(folder / "job.json"), *data, "--test", str(folder / "test.csv"), "--json"]
    result = CliRunner().invoke(node, arguments, catch_exceptions=False)
    rows = {row["name"]: row for row in json.loads(result.stdout)["rows"]}
    assert list(rows) == [*(f"hospital-{number} alone" for number in range(1, 5)), "pooled"]
    assert rows["pooled"]["samples"] == 456
    files = [folder / f"hospital-{number}.csv" for number in range(1, 5)]
    together = [federated(document, files, folder / "test.csv", tmp_path, bytes([salt])) for salt in range(3)]
    assert min(together) >= 0.95
    assert min(together) >= rows["pooled"]["accuracy"] - 0.02
    assert min(together) > max(row["accuracy"] for name, row in rows.items() if name != "pooled")


def test_the_same_seed_gives_the_same_update(folder: Path, tmp_path: Path, document: job.Job) -> None:
    updates = []
    for _ in range(2):
        local = Local.of(document, machine(tmp_path), salt=bytes(32))
        model = stream_of(local.task.build_model(1).state_dict(), Layout(document.tensors))
        updates.append(local.train(model, folder / "hospital-1.csv", 1, 5))
    assert (updates[0].update == updates[1].update).all()
    held_out = [leaf for leaf in updates[0].leaves if Draw(document.digest, bytes(32), 20).holds_out(leaf)]
    assert updates[0].weight == updates[1].weight == 88 - len(held_out) < 88


def test_compare_prints_a_table_and_wants_one_source_of_settings(folder: Path) -> None:
    base = ["compare", "--data", str(folder / "hospital-1.csv"), "--test", str(folder / "test.csv"), "--rounds", "1"]
    result = CliRunner().invoke(node, [*base, "--settings", str(folder / "job.toml")], catch_exceptions=False)
    assert "hospital-1 alone" in result.stdout
    assert "pooled" not in result.stdout
    assert CliRunner().invoke(node, base).exit_code == 2


def test_the_scored_draft_commits_to_the_held_out_patients(folder: Path, tmp_path: Path, document: job.Job) -> None:
    files: dict[str, bytes] = {}

    def put(pieces: Any, pin: str) -> Any:
        from ledger.formats.unixfs import cid_of

        files[pin] = b"".join(bytes(piece) for piece in pieces)
        return cid_of([files[pin]])[0]

    scored = create(read(folder / "scored.toml"), put)
    evidence = job_scores.committed_set(scored.scoring)
    assert evidence is not None
    assert scored.scoring.method == "shapley"
    assert (evidence.samples, evidence.shape, evidence.classes) == (113, (30,), 2)
    rows = evaluation_set.read(evidence, lambda _cid, start, stop: iter([files[f"set/{evidence.root}"][start:stop]]))
    local = Local.of(document, machine(tmp_path))
    model = stream_of(local.task.build_model(1).state_dict(), document.layout)
    network = NeuralNetwork(evidence.shape, evidence.layers, scored.layout)
    measured = measure("accuracy", network.outputs(model, rows.inputs), rows.labels)
    assert measured == round(local.evaluate(model, folder / "test.csv")["accuracy"] * 1_000_000)
    assert scored.initial_model == document.initial_model
