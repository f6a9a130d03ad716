"""Held-out rows, and what an update says it was trained on, as a party and an inspector use them, on a real chain."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.consortia import aggregators
from support.consortia.synthetic import Trial
from support.consortia.trainers import data_of, drive, node, train_on

from ledger.errors import FedledgerError, Refuted, UsageError
from ledger.formats.row_proofs import OpenedRows
from ledger.formats.rows import Draw
from ledger.party.held_out import require_held_out
from ledger.releases.report import Evaluation, HeldOutRows, parse
from participant.cli.node import node as commands
from participant.rows.records import RowRecords

pytestmark = [pytest.mark.node, pytest.mark.usefixtures("warm_trainers")]
SHARE = 50
ROWS = 24


@pytest.fixture
def trained(found: Callable[..., Any]) -> Iterator[Trial]:
    """A job that holds half of the rows out, complete after two rounds."""
    with Trial(found(3), propose=False) as trial:
        train_on(trial, rounds=2, hold_out=SHARE)
        nodes = [node(party, until_complete=True) for party in trial.parties]
        drive(*nodes, aggregators.service(trial.parties[0]), looks=60)
        assert trial.state.complete
        yield trial


def call(*arguments: str | Path, fails: type[FedledgerError] | None = None) -> Result:
    result = CliRunner().invoke(commands, [str(argument) for argument in arguments])
    if fails is None:
        assert result.exception is None, (result.exception, result.output)
    else:
        assert isinstance(result.exception, fails), (result.exception, result.output)
    return result


def document(result: Result) -> Any:
    return json.loads(result.stdout)


def home(trial: Trial, index: int = 0) -> tuple[str, Path]:
    return "--home", trial.consortium.members[index].home.folder


def records(trial: Trial, index: int = 0) -> RowRecords:
    return RowRecords(trial.consortium.members[index].home.folder / "rows")


def sides(trial: Trial, tmp_path: Path, index: int = 0) -> dict[str, Path]:
    """A party's rows in files of their own: those trained on, and those held out."""
    draw = records(trial, index).draw(trial.job)
    (leaves,) = records(trial, index).kept(trial.job)
    header, *lines = data_of(trial.parties[index]).read_text().splitlines()
    found = {}
    for name, places in zip(("trained", "held"), draw.places(leaves), strict=True):
        found[name] = tmp_path / f"{name}-{index}.csv"
        found[name].write_text("\n".join([header, *(lines[place] for place in places)]) + "\n")
    return found


def rows_of(path: Path) -> int:
    return len(path.read_text().splitlines()) - 1


def test_a_party_trains_on_what_is_not_held_out_and_evaluates_on_what_is(trained: Trial, tmp_path: Path) -> None:
    files = sides(trained, tmp_path)
    assert rows_of(files["trained"]) + rows_of(files["held"]) == ROWS
    for round_ in trained.state.rounds.values():
        assert round_.updates[0].weight == rows_of(files["trained"])
    held, on_file = (
        document(call("evaluate", *options, *home(trained), "--json")) for options in ((), ("--data", files["held"]))
    )
    assert (held["rows"], on_file["rows"], held["samples"]) == ("held_out", "own_file", rows_of(files["held"]))
    same = held.keys() - {"rows"}
    assert {name: held[name] for name in same} == {name: on_file[name] for name in same}
    fitted = document(call("evaluate", "--trained-on", *home(trained), "--json"))
    assert (fitted["rows"], fitted["samples"]) == ("trained_on", rows_of(files["trained"]))
    named = document(call("evaluate", "--data", files["trained"], *home(trained), "--json"))
    assert named["rows"] == "trained_on"
    with files["held"].open("a") as file:
        file.write(files["trained"].read_text().splitlines()[1] + "\n")
    mixed = document(call("evaluate", "--data", files["held"], *home(trained), "--json"))
    assert mixed["rows"] == "trained_on", "one row is enough"
    call("evaluate", "--trained-on", "--data", files["held"], *home(trained), fails=SystemExit)  # type: ignore[arg-type]
    _report(trained, tmp_path)


def _report(trained: Trial, tmp_path: Path) -> None:
    """Two parties' held-out rows in one report, which their updates bear out."""
    path = tmp_path / "report.json"
    for index in (0, 1):
        call("evaluate", *home(trained, index), "--report", path)
    report, connection = parse(path.read_bytes()), trained.parties[2].connection
    connection.refresh()
    require_held_out(connection, trained.state, report)
    assert report.rows == "held out"
    assert {"accuracy", "auc", "f1", "calibration_error", "balanced_accuracy"} == set(report.pooled)
    assert "auc" not in report.mean
    assert {party.held_out.round for party in report.parties if party.held_out} == {2}
    for lie, why in _lies(trained, report):
        with pytest.raises(FedledgerError, match=why):
            require_held_out(connection, trained.state, lie)


def _lies(trained: Trial, report: Evaluation) -> Iterator[tuple[Evaluation, str]]:
    """Reports of rows that were trained on, which claim that they were held out."""
    first = next(party for party in report.parties if party.key == trained.consortium.members[0].address)

    def with_opening(number: int, **changes: Any) -> Evaluation:
        shown = HeldOutRows(round=number, opening=OpenedRows.of(opening._replace(**changes)))
        return msgspec.structs.replace(report, parties=(msgspec.structs.replace(first, held_out=shown),))

    draw = records(trained).draw(trained.job)
    (leaves,) = records(trained).kept(trained.job)
    opening = draw.tree(2, leaves).opening
    swapped = {"trained": opening.held_out, "trained_root": opening.held_out_root}
    swapped |= {"held_out": opening.trained, "held_out_root": opening.trained_root}
    yield with_opening(2, **swapped), "says otherwise"
    yield with_opening(2, held_out=opening.held_out + 1), "says otherwise"
    yield with_opening(1), "says otherwise"
    yield with_opening(3), "no update"
    stranger = msgspec.structs.replace(first, key="0x" + "11" * 20)
    yield msgspec.structs.replace(report, parties=(stranger,)), "no update"


def test_an_inspector_is_shown_which_rows_were_in(trained: Trial, tmp_path: Path) -> None:
    files = sides(trained, tmp_path)
    stranger = tmp_path / "absent.csv"
    stranger.write_text("a,b,kind\n5.25,0.125,high\n")
    network = ("--network", home(trained)[1] / "network.toml", "--home", tmp_path / "inspector")
    proof = tmp_path / "proof.json"
    for name, answer in (("trained", "trained on"), ("held", "held out")):
        shown = document(
            call("rows", "prove", files[name], "--round", "2", "--output", proof, *home(trained), "--json")
        )
        assert {row["answer"] for row in shown["rows"]} == {answer}
        checked = document(call("rows", "check", proof, "--data", files[name], *network, "--json"))
        assert checked["rows"] == shown["rows"]
        assert (checked["round"], checked["trained"]) == (2, rows_of(files["trained"]))
    call("rows", "prove", stranger, "--round", "1", "--output", proof, *home(trained))
    assert "row 1  absent" in call("rows", "check", proof, *network).stdout
    call("rows", "check", proof, "--data", files["held"], *network, fails=UsageError)
    _false_proofs(proof, network)
    call("rows", "prove", stranger, "--round", "9", "--output", proof, *home(trained), fails=UsageError)


def _false_proofs(proof: Path, network: tuple[str | Path, ...]) -> None:
    said = json.loads(proof.read_bytes())
    for changes, error in (
        ({"round": 2}, Refuted),
        ({"key": "11" * 32}, Refuted),
        ({"round": 7}, UsageError),
        ({"chain": 5}, UsageError),
        ({"party": "nobody"}, UsageError),
    ):
        proof.write_bytes(msgspec.json.encode(said | changes, order="sorted"))
        call("rows", "check", proof, *network, fails=error)
    proof.write_bytes(b"{}")
    call("rows", "check", proof, *network, fails=UsageError)
    call("rows", "check", proof.with_name("none"), *network, fails=UsageError)


def test_a_round_is_trained_again_to_the_same_root(trained: Trial, tmp_path: Path) -> None:
    data, update = data_of(trained.parties[0]), trained.state.rounds[1].updates[0]
    facts = document(call("replay", "--round", "1", *home(trained), "--json"))
    assert (facts["root"], facts["rows"]) == (update.root.hex(), update.weight)
    before = data.read_text()
    header, *lines = before.splitlines()
    data.write_text("\n".join([header, "1.5,0.5,low", *lines[::-1], "9.5,-0.5,high"]) + "\n")
    facts = document(call("replay", "--round", "2", *home(trained), "--json"))
    assert facts["root"] == trained.state.rounds[2].updates[0].root.hex()
    files = sides(trained, tmp_path)
    call("replay", "--round", "1", "--data", files["held"], *home(trained), fails=UsageError)
    call("replay", "--round", "5", *home(trained), fails=UsageError)


def test_other_rows_have_another_root(trained: Trial, tmp_path: Path) -> None:
    """Rows that were not committed to are refused; committed to, they lead to another update."""
    from support.training import machine

    from participant.integers.artifacts import root_of
    from participant.measuring.evaluation import model_of, read
    from participant.node.trainings import seed_of
    from participant.tasks.training import Local

    draw, state, job = records(trained).draw(trained.job), trained.state, trained.job
    (leaves,) = records(trained).kept(job)
    base = read(trained.parties[0].connection, state, job, model_of(state, job, 0))
    local = Local.of(job, machine(tmp_path), salt=draw.salt)
    trained_on = [leaf for leaf in leaves if not draw.holds_out(leaf)]
    found = {}
    for name, again in {"same": leaves, "fewer": tuple(leaf for leaf in leaves if leaf != trained_on[0])}.items():
        made = local.train(base, data_of(trained.parties[0]), 1, seed_of(job.digest, 1, 0), keep=False, again=again)
        found[name] = (root_of(made.update), draw.tree(1, again).root)
    update = state.rounds[1].updates[0]
    assert found["same"][0] == update.root
    assert found["fewer"][0] != update.root
    assert found["fewer"][1] != found["same"][1]


def test_a_home_that_lost_its_salt_claims_nothing(trained: Trial, tmp_path: Path) -> None:
    kept = home(trained)[1] / "rows"
    kept.rename(tmp_path / "copy")
    call("evaluate", *home(trained), fails=UsageError)
    call("evaluate", *home(trained), "--report", tmp_path / "report.json", fails=UsageError)
    call("replay", "--round", "1", *home(trained), fails=UsageError)
    assert "trained on" in call("evaluate", "--trained-on", *home(trained)).stdout
    draw: Draw = RowRecords(tmp_path / "copy").draw(trained.job)
    assert records(trained).draw(trained.job).salt != draw.salt


def test_a_salt_that_was_lost_alone_is_drawn_again(trained: Trial, tmp_path: Path) -> None:
    copytree(home(trained)[1] / "rows", tmp_path / "rows")
    (tmp_path / "rows" / trained.job.digest.hex() / "salt").unlink()
    kept = RowRecords(tmp_path / "rows")
    assert not kept.is_drawn_again(trained.job)
    kept.draw(trained.job)
    assert kept.is_drawn_again(trained.job), "what is held out now may have been trained on"


def test_salts_and_leaves_are_for_their_owner_alone(trained: Trial) -> None:
    folder = home(trained)[1] / "rows"
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) == 2, "one salt, and one list of leaves for both rounds"
    assert all(path.stat().st_mode & 0o77 == 0 for path in (folder, folder / trained.job.digest.hex(), *files))
    salts = {records(trained, index).draw(trained.job).salt for index in range(3)}
    assert len(salts) == 3
