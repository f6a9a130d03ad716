"""A simulation, small and whole: what it leaves, what it says, and that its models are those of real nodes."""

import csv
import json
import struct
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from click.testing import CliRunner  # noqa: E402
from support.drafts import Memory  # noqa: E402
from support.installing import install  # noqa: E402
from support.simulated import Nodes, wanted, write_draft, write_own_draft, write_rows  # noqa: E402

from ledger.chain.rpc import Rpc  # noqa: E402
from ledger.cli.main import fedledger  # noqa: E402
from ledger.config import Home, HomeSettings, save  # noqa: E402
from ledger.errors import FedledgerError, Malformed, Unavailable, UsageError  # noqa: E402
from ledger.formats import merkle  # noqa: E402
from ledger.rounds.admission import Decision, Verdict  # noqa: E402
from participant.jobs.creation import create  # noqa: E402
from participant.jobs.draft import read  # noqa: E402
from participant.simulation import simulation as module  # noqa: E402
from participant.simulation.consortium import Consortium  # noqa: E402
from participant.simulation.registration import chain_state, local_chain  # noqa: E402
from participant.simulation.registration import registration as data_of  # noqa: E402
from participant.simulation.simulation import Simulation  # noqa: E402

pytestmark = pytest.mark.node


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    return write_draft(tmp_path / "job.toml")


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "rows.csv", 120)


def call(*words: Any) -> Any:
    return CliRunner().invoke(fedledger, ["simulate", *map(str, words)])


def interrupted(*_: Any) -> None:
    raise KeyboardInterrupt


def ran(tmp_path: Path, draft: Path, rows: Path, **changes: Any) -> Simulation:
    made = Simulation(wanted(tmp_path, draft, [rows], **changes))
    made.run()
    return made


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
    said = call(draft, "--data", rows, "--clients", 8, "--rounds", 2, "--folder", folder, "--json")
    assert said.exit_code == 0, said.output
    facts = json.loads(said.stdout)
    table = list(csv.DictReader((folder / "rounds.csv").read_text().splitlines()))
    assert [row["round"] for row in table] == ["1", "2"]
    assert [row["model_root"] for row in table] == [row["model_root"] for row in facts["rounds"]]
    assert all(float(row["accuracy"]) > 0 for row in table)
    for name in ("accuracy", "loss"):
        assert ET.parse(folder / f"{name}.svg").getroot().tag.endswith("svg")  # noqa: S314
    assert "what the clients train on" in facts["evaluated_on"]
    assert (folder / "model-2.safetensors").exists()
    assert not (folder / "model-1.safetensors").exists()


def test_the_way_of_training_is_said_with_the_reason(tmp_path: Path, draft: Path, rows: Path) -> None:
    shown = [
        call(draft, "--data", rows, "--rounds", 1, "--folder", tmp_path / str(number), *words).stdout
        for number, words in enumerate([(), ("--together",), ("--clients", 40)])
    ]
    assert "one by one, to the bytes as nodes train (up to 32 clients are)" in shown[0]
    assert "together, up to 10 at once" in shown[1]
    assert "together, up to 40 at once" in shown[2]


def test_each_round_has_one_root_on_the_chain(tmp_path: Path, draft: Path, rows: Path) -> None:
    made = ran(tmp_path, draft, rows, ledger="root")
    folder = made.wanted.folder
    with local_chain(chain_state(Home(folder))) as chain:
        rpc = Rpc(chain.url)
        for row in made.results.rows:
            sent = rpc.call("eth_getTransactionByHash", "0x" + row.tx)
            assert sent["input"] == "0x" + data_of(row.round, bytes.fromhex(row.updates_root)).hex()
            assert sent["blockNumber"] is not None
        rpc.close()
    for row in made.results.rows:
        entries = (folder / "updates" / f"{row.round}.bin").read_bytes()
        leaves = [entries[at : at + 41] for at in range(0, len(entries), 41)]
        assert merkle.root([merkle.leaf_hash(leaf) for leaf in leaves]).hex() == row.updates_root
        assert [struct.unpack(">IIB", leaf[:9]) for leaf in leaves] == [(client, 15, 0) for client in range(8)]


def audited(folder: Path) -> Any:
    """The audit of a simulation's ledger, its chain run again."""
    home = Home(folder)
    with local_chain(chain_state(home)) as chain:
        save(home.settings_file, HomeSettings(name="simulation", rpc=(chain.url,)))
        return CliRunner().invoke(fedledger, ["audit", "--home", str(folder), "--json"])


def test_every_update_goes_on_a_ledger_that_audits_and_has_the_same_models(tmp_path: Path, rows: Path) -> None:
    draft = write_draft(tmp_path / "job.toml", hold_out=20)
    plain = ran(tmp_path, draft, rows, folder=tmp_path / "plain")
    whole = ran(tmp_path, draft, rows, ledger="full", rounds=1)
    rest = ran(tmp_path, draft, rows, ledger="full")
    assert whole.done == 1
    assert [row.model_root for row in rest.results.rows] == [row.model_root for row in plain.results.rows]
    assert all(len(row.tx) == 64 for row in rest.results.rows)
    said = audited(rest.wanted.folder)
    assert said.exit_code == 0, said.output


def test_a_round_that_only_the_ledger_has_is_adopted(tmp_path: Path, draft: Path, rows: Path) -> None:
    made = Simulation(wanted(tmp_path, draft, [rows], ledger="full", clients=3))
    with pytest.MonkeyPatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(made.evaluation, "figures", interrupted)
        made.run()
    again = Simulation(wanted(tmp_path, draft, [rows], ledger="full", clients=3))
    assert again.done == 0
    again.run()
    plain = ran(tmp_path, draft, rows, clients=3, folder=tmp_path / "plain")
    assert [row.model_root for row in again.results.rows] == [row.model_root for row in plain.results.rows]


@pytest.mark.parametrize(
    ("stop", "phase"),
    [("openRound", ""), ("commitUpdate", "Collecting"), ("publishAggregate", "Aggregating"), ("attest", "Attesting")],
)
def test_a_round_that_was_broken_off_on_the_chain_is_not_recorded(
    tmp_path: Path, draft: Path, rows: Path, monkeypatch: pytest.MonkeyPatch, stop: str, phase: str
) -> None:
    """The node fails in the middle of the second round."""
    send = Consortium.send

    def failing(self: Consortium, index: int, function: str, *arguments: object) -> None:
        if function == stop and arguments[1:2] != (1,) and self.state.rounds:
            raise Unavailable("no block comes in time")
        send(self, index, function, *arguments)

    with monkeypatch.context() as patched, pytest.raises(Unavailable, match="in time"):
        patched.setattr(Consortium, "send", failing)
        ran(tmp_path, draft, rows, clients=3, ledger="full")
    again = Simulation(wanted(tmp_path, draft, [rows], clients=3, ledger="full"))
    assert again.done == 1
    if not phase:
        again.run()
        assert again.done == 2
        return
    with pytest.raises(Unavailable, match="broken off") as caught:
        again.run()
    assert (caught.value.facts["round"], caught.value.facts["phase"]) == (2, phase)
    assert "another --folder" in caught.value.advice
    assert again.done == 1


def test_a_job_that_was_proposed_and_not_approved_by_all_is_opened(
    tmp_path: Path, draft: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = Consortium.send

    def failing(self: Consortium, index: int, function: str, *arguments: object) -> None:
        if (function, index) == ("approveJob", 2):
            raise Unavailable("no block comes in time")
        send(self, index, function, *arguments)

    with monkeypatch.context() as patched, pytest.raises(Unavailable, match="in time"):
        patched.setattr(Consortium, "send", failing)
        ran(tmp_path, draft, rows, clients=4, rounds=1, ledger="full")
    assert ran(tmp_path, draft, rows, clients=4, rounds=1, ledger="full").done == 1


def test_each_round_of_a_full_ledger_is_in_the_results_at_once(
    tmp_path: Path, draft: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A simulation that is killed leaves the chain one round ahead at most."""
    monkeypatch.setattr("participant.simulation.results.PAUSE", 1e9)
    written: list[int] = []
    made = Simulation(wanted(tmp_path, draft, [rows], clients=3, ledger="full"))
    state = made.wanted.folder / "simulation.json"
    made.run(lambda row: written.append(len(json.loads(state.read_bytes())["rows"])))
    assert written == [1, 2]


@pytest.mark.parametrize("clients", [2, 256])
def test_a_ledger_of_every_update_has_3_to_255_clients(tmp_path: Path, draft: Path, rows: Path, clients: int) -> None:
    with pytest.raises(UsageError, match="3 to 255 members") as caught:
        ran(tmp_path, draft, rows, clients=clients, ledger="full")
    assert "--ledger root" in caught.value.advice


def test_no_more_rounds_go_on_a_ledger_than_the_job_has(tmp_path: Path, draft: Path, rows: Path) -> None:
    with pytest.raises(UsageError, match="fewer rounds"):
        ran(tmp_path, draft, rows, ledger="full", rounds=5)


@pytest.mark.parametrize("ledger", ["root", "full"])
def test_a_chain_that_is_not_where_the_results_are_is_refused(
    tmp_path: Path, draft: Path, rows: Path, ledger: str
) -> None:
    folder = ran(tmp_path, draft, rows, clients=3, ledger=ledger).wanted.folder
    for name in ("chain/state.json", "network.toml", "index.sqlite"):
        (folder / name).unlink(missing_ok=True)
    with pytest.raises(Unavailable, match="the chain"):
        ran(tmp_path, draft, rows, clients=3, rounds=3, ledger=ledger)


def test_more_than_255_clients_make_one_exact_mean(tmp_path: Path, draft: Path) -> None:
    rows = write_rows(tmp_path / "many.csv", 600)
    made = ran(tmp_path, draft, rows, clients=300, rounds=1)
    assert made.results.rows[0].admitted == 300


@pytest.mark.parametrize("rule", ["median", "weighted_mean"])
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


def test_after_a_round_without_a_model_the_latest_one_stays_as_it_was(tmp_path: Path, own: Path) -> None:
    files = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for file, numbers in zip(files, ("16", "8"), strict=True):
        file.write_text(numbers)
    made = Simulation(wanted(tmp_path, own, files, rounds=1))
    made.run()
    before = (made.wanted.folder / "model-1.safetensors").read_bytes()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("participant.simulation.rounds.judge", lambda *_: Decision(Verdict.RANGE, "too large"))
        again = Simulation(wanted(tmp_path, own, files, rounds=2))
        again.run()
    assert [row.admitted for row in again.results.rows] == [2, 0]
    assert again.results.rows[0].model_root == again.results.rows[1].model_root
    assert (made.wanted.folder / "model-1.safetensors").read_bytes() == before


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


OWN = """
from types import SimpleNamespace
import torch
from torch import nn
from participant.tasks.protocol import Task, TrainResult

class Own(Task):
    name = "{name}"
    version = "1"
    def __init__(self, settings): pass
    def build_model(self, seed):
        model = nn.Linear(1, 1)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.fill_(0.5)
        return model
    def load_data(self, path):
        return torch.tensor([[float(line)] for line in path.read_text().split()])
    def leaves(self, data):
        import hashlib
        return [hashlib.sha256(str(row).encode()).digest() for row in data.tolist()]
    def part(self, data, places):
        return data[list(places)]
    def join(self, parts):
        return torch.cat(list(parts))
    def train(self, model, data, round):
        print("said by the task")
        if float(data.sum()) < 0:
            raise RuntimeError("negative")
        with torch.no_grad():
            model.weight += 0.25 * data.mean()
        return TrainResult(samples=len(data), loss=1.0)
    def evaluate(self, model, data):
        return {{"error": float(model(data).detach().square().mean())}}
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A draft of a job with a task of one's own, not a classification."""
    monkeypatch.syspath_prepend(tmp_path)
    install(tmp_path, "simulated", OWN)
    yield write_own_draft(tmp_path / "own.toml", "simulated")
    for name in [name for name in sys.modules if name.startswith(("own_", "helper_"))]:
        del sys.modules[name]


def test_a_task_of_ones_own_is_trained_one_by_one(tmp_path: Path, own: Path) -> None:
    numbers = tmp_path / "numbers.txt"
    numbers.write_text("\n".join(str(number) for number in range(40)))
    said = call(own, "--data", numbers, "--clients", 40, "--rounds", 1, "--folder", tmp_path / "out", "--json")
    assert said.exit_code == 0, said.output
    facts = json.loads(said.stdout)
    assert "has a method train of its own" in facts["training"]
    assert (tmp_path / "out" / "error.svg").exists()


@pytest.mark.parametrize("partition", ["dirichlet:1", "classes:2"])
def test_rows_without_classes_are_dealt_evenly_only(tmp_path: Path, own: Path, partition: str) -> None:
    numbers = tmp_path / "numbers.txt"
    numbers.write_text("1 2 3 4")
    with pytest.raises(UsageError, match="have no classes") as caught:
        ran(tmp_path, own, numbers, clients=2, partition=partition)
    assert "iid" in caught.value.advice


def test_what_the_tasks_code_raises_is_told_with_client_method_and_line(tmp_path: Path, own: Path) -> None:
    numbers = tmp_path / "numbers.txt"
    numbers.write_text("1 -2")
    with pytest.raises(UsageError, match="failed in train: RuntimeError: negative") as caught:
        ran(tmp_path, own, numbers, clients=2)
    assert caught.value.facts["client"] in (0, 1)
    assert {"task", "method", "line", "round"} <= caught.value.facts.keys()


def test_a_member_whose_update_would_be_refused_commits_to_none(tmp_path: Path, own: Path) -> None:
    files = []
    for client, number in enumerate((1, 2, 3, 100)):
        files.append(tmp_path / f"{client}.txt")
        files[-1].write_text(str(number))
    made = Simulation(wanted(tmp_path, own, files, ledger="full", rounds=1))
    made.run()
    assert made.results.rows[0].admitted == 3
    assert audited(made.wanted.folder).exit_code == 0


def test_where_nobody_can_commit_the_reason_is_told(tmp_path: Path, own: Path) -> None:
    numbers = tmp_path / "numbers.txt"
    numbers.write_text("100 100 100")
    with pytest.raises(UsageError, match="nobody commits") as caught:
        ran(tmp_path, own, numbers, clients=3, ledger="full")
    assert "magnitude" in str(caught.value.facts["because"])
