"""A simulation, small and whole: what it leaves, what it says, and that its models are those of real nodes."""

import csv
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.drafts import Memory  # noqa: E402
from support.simulated import Nodes, audited, call, ran, wanted, write_draft, write_rows  # noqa: E402

from ledger.errors import FedledgerError, Malformed, UsageError  # noqa: E402
from ledger.rounds.admission import Verdict  # noqa: E402
from participant.jobs.creation import create  # noqa: E402
from participant.jobs.draft import read  # noqa: E402
from participant.simulation import simulation as module  # noqa: E402
from participant.simulation.simulation import Simulation  # noqa: E402

pytestmark = pytest.mark.node


def interrupted(*_: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("hold_out", [0, 25])
def test_four_clients_make_the_very_models_that_four_nodes_make(tmp_path: Path, hold_out: int) -> None:
    draft = write_draft(tmp_path / "job.toml", hold_out=hold_out)
    files = [write_rows(tmp_path / f"{name}.csv", 30 + 9 * name, name) for name in range(4)]
    store = Memory()
    job = create(read(draft), store.put)
    (tmp_path / "job.json").write_bytes(job.encode())
    nodes = Nodes(job, next(iter(store.files.values())), files, tmp_path, salt_seed=1)
    roots = [nodes.round().hex() for _ in range(3)]
    assert len(set(roots)) == 3
    for path in (draft, tmp_path / "job.json"):
        made = Simulation(wanted(tmp_path, path, files, rounds=3, exact=True, folder=tmp_path / path.suffix))
        made.run()
        assert [row.model_root for row in made.results.rows] == roots


@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
@pytest.mark.parametrize("partition", ["iid", "dirichlet:2", "classes:2"])
def test_clients_trained_together_come_near_to_those_trained_alone(
    tmp_path: Path, rows: Path, optimiser: str, partition: str
) -> None:
    draft = write_draft(tmp_path / "job.toml", optimiser=optimiser, rate="0.02")
    ends = []
    for exact in (True, False):
        chosen = {"exact": exact, "partition": partition, "folder": tmp_path / str(exact), "seed": 2, "rounds": 1}
        ends.append(ran(tmp_path, draft, rows, **chosen))
    alone, together = (end._model for end in ends)
    moved = abs(alone.astype(int) - ends[0].initial).max()
    assert abs(alone.astype(int) - together).max() < 1e-3 * moved
    assert ends[0].results.rows[0].training_loss == pytest.approx(ends[1].results.rows[0].training_loss, rel=1e-5)


def test_class_weights_count_the_same_in_both_ways(tmp_path: Path, rows: Path) -> None:
    draft, models = write_draft(tmp_path / "job.toml", rate="0.02"), []
    plain = ran(tmp_path, draft, rows, exact=False, folder=tmp_path / "plain", rounds=1)
    draft.write_text(draft.read_text().replace("epochs = 2", 'epochs = 2\nclass_weights = [1, 5, "0.5"]'))
    for exact in (True, False):
        models.append(ran(tmp_path, draft, rows, exact=exact, folder=tmp_path / str(exact), rounds=1))
    alone, together = (made._model for made in models)
    moved = abs(alone.astype(int) - plain.initial).max()
    assert abs(alone.astype(int) - together).max() < 1e-3 * moved
    assert abs(alone.astype(int) - plain._model).max() > 0.1 * moved


def test_trained_together_twice_is_the_same_to_the_byte(tmp_path: Path, draft: Path, rows: Path) -> None:
    once, again = (ran(tmp_path, draft, rows, exact=False, folder=tmp_path / name) for name in "ab")
    assert once.results.rows == again.results.rows


def test_a_masked_job_is_simulated_and_its_updates_go_on_no_record(tmp_path: Path, rows: Path) -> None:
    draft = write_draft(tmp_path / "job.toml", least=3)
    draft.write_text(draft.read_text() + '\n[privacy]\nmode = "masked"\n')
    made = ran(tmp_path, draft, rows, clients=4, rounds=1)
    assert made.job.masked is not None
    assert len(made.results.rows) == 1
    with pytest.raises(UsageError, match="a simulation would put them on record as they are") as caught:
        Simulation(wanted(tmp_path, draft, [rows], ledger="full", clients=4))
    assert "--ledger root" in caught.value.advice


def test_eight_clients_leave_table_charts_and_model(tmp_path: Path, draft: Path, rows: Path) -> None:
    folder = tmp_path / "out"
    said = call(draft, "--data", rows, "--clients", 8, "--rounds", 3, "--folder", folder, "--json")
    assert said.exit_code == 0, said.output
    facts = json.loads(said.stdout)
    table = list(csv.DictReader((folder / "rounds.csv").read_text().splitlines()))
    assert [row["round"] for row in table] == ["1", "2", "3"]
    assert [row["model_root"] for row in table] == [row["model_root"] for row in facts["rounds"]]
    assert all(float(row["accuracy"]) > 0 for row in table)
    for name in ("accuracy", "loss"):
        assert ET.parse(folder / f"{name}.svg").getroot().tag.endswith("svg")  # noqa: S314
    assert "what the clients train on" in facts["evaluated_on"]
    kept = [(folder / f"model-{number}.safetensors").exists() for number in (1, 2, 3)]
    assert kept == [False, True, True]


def test_the_way_of_training_is_said_with_the_reason(tmp_path: Path, draft: Path, rows: Path) -> None:
    shown = [
        call(draft, "--data", rows, "--rounds", 1, "--folder", tmp_path / str(number), *words).stdout
        for number, words in enumerate([(), ("--together",), ("--clients", 40)])
    ]
    assert "one by one, to the bytes as nodes train (up to 32 clients are)" in shown[0]
    assert "together, up to 10 at once" in shown[1]
    assert "together, up to 40 at once" in shown[2]


def test_more_than_255_clients_make_one_exact_mean(tmp_path: Path, draft: Path) -> None:
    rows = write_rows(tmp_path / "many.csv", 600)
    made = ran(tmp_path, draft, rows, clients=300, rounds=1)
    assert made.results.rows[0].admitted == 300


@pytest.mark.parametrize("rule", ["median", "weighted_mean", "geometric_median"])
def test_any_rule_takes_any_number(tmp_path: Path, rule: str) -> None:
    rows = write_rows(tmp_path / "many.csv", 600)
    made = ran(tmp_path, write_draft(tmp_path / "job.toml", rule=rule), rows, clients=260, rounds=1)
    assert made.results.rows[0].admitted == 260


def test_a_refused_update_is_left_out_and_a_round_without_model_says_why(tmp_path: Path, rows: Path) -> None:
    tight = write_draft(tmp_path / "job.toml", largest="0.0000001")
    made = ran(tmp_path, tight, rows, rounds=1, ledger="root")
    row = made.results.rows[0]
    assert row.admitted == 0
    assert row.why == "updates admitted: 0, needed: 2"
    assert row.model_root == made.job.initial_model.root
    entries = (made.wanted.folder / "updates" / "1.bin").read_bytes()
    assert {entries[at + 8] for at in range(0, len(entries), 41)} == {Verdict.RANGE}


SCALED = {
    "multi_krum": ('rule = "weighted_mean"', 'rule = "multi_krum"\nf = 1'),
    "geometric_median": ('rule = "weighted_mean"', 'rule = "geometric_median"'),
    "centred_clipping": ('rule = "weighted_mean"', 'rule = "centred_clipping"\nradius = 0.5'),
    "clip": ("max_norm = 20", 'max_norm = 0.05\non_norm = "clip"'),
}


@pytest.mark.parametrize("said", SCALED.values(), ids=SCALED.keys())
def test_what_has_scalars_has_the_models_of_the_ledger_and_goes_on(tmp_path: Path, said: tuple[str, str]) -> None:
    """Five clients, in one go, in two, and each update on a ledger that an auditor recomputes."""
    rows, draft = write_rows(tmp_path / "rows.csv", 120), write_draft(tmp_path / "job.toml", least=5)
    draft.write_text(draft.read_text().replace(*said))
    plain = ran(tmp_path, draft, rows, clients=5, rounds=3, folder=tmp_path / "plain")
    ran(tmp_path, draft, rows, clients=5, rounds=2, folder=tmp_path / "two")
    rest = ran(tmp_path, draft, rows, clients=5, rounds=3, folder=tmp_path / "two")
    whole = ran(tmp_path, draft, rows, clients=5, rounds=3, ledger="full")
    roots = [row.model_root for row in plain.results.rows]
    assert len(set(roots)) == 3
    assert [row.model_root for row in rest.results.rows] == roots
    assert [row.model_root for row in whole.results.rows] == roots
    checked = audited(whole.wanted.folder)
    assert checked.exit_code == 0, checked.output


def test_an_interrupted_simulation_keeps_what_is_done_and_goes_on(
    tmp_path: Path, draft: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ran(tmp_path, draft, rows, rounds=4, folder=tmp_path / "whole")

    def interrupt(row: Any) -> None:
        if row.round == 2:
            raise KeyboardInterrupt

    part = Simulation(wanted(tmp_path, draft, [rows], rounds=4))
    with pytest.raises(KeyboardInterrupt):
        part.run(interrupt)
    assert len((part.wanted.folder / "rounds.csv").read_text().splitlines()) == 3
    rest = Simulation(wanted(tmp_path, draft, [rows], rounds=4))
    assert rest.done == 2
    rest.run()
    assert rest.results.rows == whole.results.rows


def test_the_command_ends_with_130_where_it_is_interrupted(
    tmp_path: Path, draft: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ledger.cli.main import main

    monkeypatch.setattr(module.Yardstick, "figures", interrupted)
    with pytest.raises(SystemExit) as caught:
        main(["simulate", str(draft), "--data", str(rows), "--folder", str(tmp_path / "out")])
    assert caught.value.code == 130


def test_a_folder_of_another_simulation_is_refused(tmp_path: Path, draft: Path, rows: Path) -> None:
    ran(tmp_path, draft, rows)
    with pytest.raises(UsageError, match="another simulation") as caught:
        ran(tmp_path, draft, rows, seed=2)
    assert caught.value.facts["differs"] == "seed"


@pytest.mark.parametrize("damage", ["state", "model"])
def test_a_folder_that_was_changed_is_refused(tmp_path: Path, draft: Path, rows: Path, damage: str) -> None:
    folder = ran(tmp_path, draft, rows).wanted.folder
    if damage == "state":
        (folder / "simulation.json").write_text("{}")
    else:
        path = folder / "model-2.safetensors"
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(Malformed):
        ran(tmp_path, draft, rows, rounds=3)


def test_a_partition_that_leaves_a_client_without_rows_is_wrong_input(tmp_path: Path, draft: Path, rows: Path) -> None:
    said = call(draft, "--data", rows, "--clients", 60, "--partition", "dirichlet:0.01", "--folder", tmp_path / "out")
    assert isinstance(said.exception, UsageError)
    assert said.exception.exit_code == 2
    assert "larger ALPHA" in said.exception.advice
    assert not (tmp_path / "out" / "simulation.json").exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--clients", "121"], "more clients than rows"),
        (["--partition", "classes:4"], "more classes than there are"),
        (["--partition", "even"], "no such partition"),
        (["--test", "nowhere.csv"], "no such file"),
        (["--device", "gpu"], "no device"),
        (["--data", "job.toml", "--clients", "3"], "one client for each"),
    ],
)
def test_bad_input_is_told(tmp_path: Path, draft: Path, rows: Path, words: list[str], expected: str) -> None:
    words = [str(draft) if word == "job.toml" else word for word in words]
    said = call(draft, "--data", rows, "--folder", tmp_path / "out", *words)
    assert isinstance(said.exception, FedledgerError)
    assert expected in str(said.exception)


def test_weights_too_large_for_exact_sums_are_refused(tmp_path: Path, draft: Path, rows: Path) -> None:
    from participant.simulation import rounds

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rounds, "LARGEST_SUM", 100 << 24)
        with pytest.raises(UsageError, match="do not fit exact sums"):
            ran(tmp_path, draft, rows)
