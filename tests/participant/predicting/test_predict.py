"""`fedledger predict` and what serves, on a real chain: releases are found, followed, and refused once revoked."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from support.consortia.voters import Council, refused, run, said
from support.predicted import ROWS

from ledger.errors import Malformed, Refuted, Unavailable, UsageError
from ledger.history.names import RevokedRelease, UnknownRelease
from ledger.party.connection import Connection
from participant.predicting.predictor import Predictor
from participant.predicting.released import from_ledger
from participant.serving.desk import ServedModel, ServingDesk
from participant.serving.watch import ReleaseWatch


@pytest.fixture(scope="module")
def released(members: Council) -> Council:
    members.release("cardio", "1.0", 1)
    members.release("cardio", "1.1", 2)
    return members


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "new.csv"
    path.write_text(ROWS)
    return path


def anyone(members: Council, tmp_path: Path) -> tuple[object, ...]:
    return ("--network", members.local.network_file, "--home", tmp_path / "anyone")


def fetched(members: Council, tmp_path: Path, title: str = "cardio@1.1") -> Path:
    folder = tmp_path / title
    run("release", "fetch", title, "--output", folder, *anyone(members, tmp_path))
    return folder


def rolled_back(members: Council, title: str) -> None:
    members.decide(int(said("release", "rollback", title, *members.key(0), "--json")["proposal"]))


def root_of(members: Council, round_: int) -> str:
    root: bytes = members.trial.state.rounds[round_].final.root
    return root.hex()


def test_before_anything_is_released_it_says_what_comes_first(members: Council, tmp_path: Path, data: Path) -> None:
    error = refused(UsageError, "predict", "cardio", "--data", data, "--json", *anyone(members, tmp_path))
    assert error.message == "this consortium has released no model yet"
    assert "fedledger release propose" in error.advice


def test_rows_are_predicted_and_bound_to_the_release(released: Council, tmp_path: Path, data: Path) -> None:
    out = tmp_path / "out.csv"
    result = run("predict", "cardio", "--data", data, "--output", out, *anyone(released, tmp_path))
    root = root_of(released, 2)
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["line"] for row in rows] == ["2", "3", "4"]
    assert {row["root"] for row in rows} == {root}
    document = json.loads((tmp_path / "out.csv.json").read_text())
    assert document["release"]["root"] == root
    assert document["release"]["job_digest"] == released.trial.job.digest.hex()
    assert document["release"]["version"] == "1.1"
    assert document["checked"]["revoked"].startswith("not revoked at block")
    assert document["exact"]
    assert root in result.output


def test_a_fetched_folder_says_the_same_and_is_held_against_the_chain(
    released: Council, tmp_path: Path, data: Path
) -> None:
    folder = fetched(released, tmp_path)
    by_name = said("predict", "cardio", "--data", data, *anyone(released, tmp_path), "--json")
    offline = said("predict", folder, "--data", data, "--offline", "--json")
    online = said("predict", folder, "--data", data, *anyone(released, tmp_path), "--json")
    assert by_name["predictions"] == offline["predictions"] == online["predictions"]
    assert offline["checked"]["revoked"] == "not checked whether revoked"
    assert online["checked"]["revoked"] == by_name["checked"]["revoked"]
    assert by_name["release"] == offline["release"]


def test_verify_holds_the_jobs_document_too(released: Council, tmp_path: Path) -> None:
    folder, where = fetched(released, tmp_path), anyone(released, tmp_path)
    assert said("release", "verify", folder, *where, "--json")["verified"]
    whole = (folder / "job.json").read_bytes()
    (folder / "job.json").write_bytes(whole.replace(b"synthetic", b"synthetiC"))
    assert "job.json" in refused(Refuted, "release", "verify", folder, *where).message
    (folder / "job.json").unlink()
    assert said("release", "verify", folder, *where, "--json")["verified"], "a folder of before it was written"


def test_exports_say_the_same_from_the_chain_as_from_the_folder(released: Council, tmp_path: Path) -> None:
    folder = fetched(released, tmp_path)
    run("export", "cardio@1.1", "--onnx", tmp_path / "a.onnx", *anyone(released, tmp_path))
    run("export", folder, "--onnx", tmp_path / "b.onnx", "--offline")
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
    hub = said("export", "cardio", "--huggingface", tmp_path / "hub", *anyone(released, tmp_path), "--json")
    assert hub["root"] == root_of(released, 2)
    assert (tmp_path / "hub" / "README.md").read_bytes() == (folder / "README.md").read_bytes()


def test_a_folders_card_is_not_exported_unless_it_is_the_ledgers(released: Council, tmp_path: Path) -> None:
    """Model and job are the release's; the card says more than anybody reported."""
    folder, out = fetched(released, tmp_path), tmp_path / "x.onnx"
    with (folder / "README.md").open("a") as card:
        card.write("It was approved for use without a physician.\n")
    assert "README.md" in refused(Refuted, "export", folder, "--onnx", out, *anyone(released, tmp_path)).message
    assert not out.exists()
    run("export", folder, "--onnx", out, "--offline")


def test_a_name_that_nobody_released_says_what_there_is(released: Council, tmp_path: Path, data: Path) -> None:
    error = refused(UnknownRelease, "predict", "cardia", "--data", data, "--json", *anyone(released, tmp_path))
    assert "cardio" in str(error.facts["names"])


def test_roll_backs_are_followed_and_revoked_releases_refused(released: Council, tmp_path: Path, data: Path) -> None:
    """In the order in which it happens: 1.1 is served, 1.0 is current again, then 1.0 is revoked."""
    where, folder = anyone(released, tmp_path), fetched(released, tmp_path, "cardio@1.0")
    told: list[str] = []
    with Connection.visit(released.network, tmp_path / "watch") as connection:
        desk = ServingDesk(ServedModel.of(Predictor.of(from_ledger(connection, "cardio"))), 600.0)
        watch = ReleaseWatch(connection, "cardio", desk, told.append, 0.1)
        watch.look()
        assert desk.usable().predictor.released.version == "1.1"
        rolled_back(released, "cardio@1.0")
        watch.look()
        assert desk.usable().predictor.released.root.hex() == root_of(released, 1)
        assert "now served: cardio@1.0" in told[-1]
        document = said("predict", "cardio", "--data", data, *where, "--json")
        assert document["release"]["version"] == "1.0"
        noted = run("predict", fetched(released, tmp_path), "--data", data, "--output", tmp_path / "o.csv", *where)
        assert "the current release of this name is cardio@1.0" in noted.output
        words = ("release", "revoke", "cardio@1.0", "--reason", "a wrong unit", *released.key(0), "--json")
        released.decide(int(said(*words)["proposal"]))
        watch.look()
        with pytest.raises(RevokedRelease):
            desk.usable()
        assert "not served any more" in told[-1]
    for release in ("cardio", "cardio@1.0", folder):
        refused(RevokedRelease, "predict", release, "--data", data, "--json", *where)
        refused(RevokedRelease, "export", release, "--onnx", tmp_path / "x.onnx", *where)
        refused(RevokedRelease, "serve", release, *where)
    assert said("predict", folder, "--data", data, "--offline", "--json")["checked"]["revoked"].startswith(
        "not checked"
    )


def test_a_folder_of_another_consortium_is_refused(released: Council, tmp_path: Path, data: Path) -> None:
    from support import predicted

    strange = predicted.folder_of(tmp_path / "strange", predicted.released())
    refused(UsageError, "predict", strange, "--data", data, "--json", *anyone(released, tmp_path))


def test_a_release_that_the_chain_does_not_know_so_is_refuted(released: Council, tmp_path: Path, data: Path) -> None:
    """Model, card and job of the folder agree with each other, and the ledger has another model under the name."""
    from dataclasses import replace

    from support import predicted

    with Connection.visit(released.network, tmp_path / "anyone") as connection:
        found = from_ledger(connection, "cardio@1.1")
    model = found.model.copy()
    model[0] += 1
    from ledger.formats.merkle import root_of as made

    forged: Any = replace(found, model=model, root=made(model.tobytes()))
    folder = predicted.folder_of(tmp_path / "forged", forged)
    assert said("predict", folder, "--data", data, "--offline", "--json")["rows"]["predicted"] == 3
    refused(Refuted, "predict", folder, "--data", data, "--json", *anyone(released, tmp_path))


def test_a_file_that_says_it_lost_low_bits_is_held_against_the_ledger(
    released: Council, tmp_path: Path, data: Path
) -> None:
    """Of such a file the root cannot be made: it says the right one, and could have any values."""
    from dataclasses import replace

    from support import predicted

    with Connection.visit(released.network, tmp_path / "anyone") as connection:
        found = from_ledger(connection, "cardio@1.1")
    model = found.model.copy()
    model[0] = (1 << 25) + 1
    folder = predicted.folder_of(tmp_path / "forged", replace(found, model=model))
    assert not said("predict", folder, "--data", data, "--offline", "--json")["checked"]["root"]
    for words in (
        ("predict", folder, "--data", data, "--json"),
        ("export", folder, "--onnx", tmp_path / "x.onnx"),
        ("serve", folder, "--port", 0),
    ):
        assert "model.safetensors" in refused(Refuted, *words, *anyone(released, tmp_path)).message


def test_a_revoked_release_ends_though_the_next_one_cannot_be_had(
    released: Council, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rolled back and revoked between two looks of the server, whose holders do not answer."""
    released.release("heart", "1.0", 1)
    released.release("heart", "1.1", 2)

    def away(*_: object) -> None:
        raise Unavailable("no holder answers")

    def broken(*_: object) -> None:
        raise Malformed("the model does not have its tensor root")

    with Connection.visit(released.network, tmp_path / "watch") as connection:
        desk = ServingDesk(ServedModel.of(Predictor.of(from_ledger(connection, "heart"))), 600.0)
        watch = ReleaseWatch(connection, "heart", desk, [].append, 0.1)
        rolled_back(released, "heart@1.0")
        words = ("release", "revoke", "heart@1.1", "--reason", "a wrong unit", *released.key(0), "--json")
        released.decide(int(said(*words)["proposal"]))
        with monkeypatch.context() as patch:
            patch.setattr("participant.serving.watch.from_ledger", away)
            with pytest.raises(Unavailable):
                watch.look()
            with pytest.raises(RevokedRelease):
                desk.usable()
            patch.setattr("participant.serving.watch.from_ledger", broken)
            watch.look()
            with pytest.raises(Unavailable, match="tensor root"):
                desk.usable()
        watch.look()
        assert desk.usable().predictor.released.version == "1.0"
