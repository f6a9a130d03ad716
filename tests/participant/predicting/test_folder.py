"""A fetched folder predicts with nobody to ask, is held against itself, and says what nobody checked."""

import csv
import io
import json
import os
import shlex
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from msgspec.structs import replace
from support import predicted
from support.consortia.voters import refused, run, said

from ledger.cli.main import fedledger
from ledger.errors import Malformed, Refuted, UsageError
from ledger.formats.artifact import Tensor
from ledger.jobs.permitted_use import Expired, PermittedUse
from ledger.jobs.preparation import Category, Missing, Number, Preparation
from ledger.jobs.private import Private
from participant.predicting import table as predicting_table
from participant.predicting.released import from_folder
from participant.predicting.sources import require_permitted_now
from participant.tasks.data.sources.columns_file import beside

USE = PermittedUse(
    purpose="find heart disease", data_sets=("Cleveland",), legal_basis="consent", licence="cc-by-4.0", expires=""
)


def folder_of(tmp_path: Path, **more: Any) -> Path:
    return predicted.folder_of(tmp_path / "cardio-1.0", predicted.released(predicted.job_of(**more)))


def table(tmp_path: Path, text: str = predicted.ROWS) -> Path:
    path = tmp_path / "new.csv"
    path.write_text(text)
    return path


def predict(tmp_path: Path, folder: Path, text: str = predicted.ROWS, *options: object) -> Any:
    where = ("--offline", "--home", tmp_path / "nowhere")
    return said("predict", folder, "--data", table(tmp_path, text), *where, *options, "--json")


def test_a_folder_predicts_and_says_what_nobody_checked(tmp_path: Path) -> None:
    folder, out = folder_of(tmp_path), tmp_path / "out.csv"
    document = predict(tmp_path, folder, predicted.ROWS, "--output", out)
    assert document["checked"] == {"root": True, "revoked": "not checked whether revoked"}
    assert document == json.loads(out.with_name("out.csv.json").read_text()) | {"files": document["files"]}
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["line"] for row in rows] == ["2", "3", "4"]
    assert {row["root"] for row in rows} == {document["release"]["root"]}
    plain = predict(tmp_path, folder)
    assert [row["class"] for row in plain["predictions"]] == [row["class"] for row in rows]
    for row in plain["predictions"]:
        assert abs(row["probability_no"] + row["probability_yes"] - 1) < 2e-6


def test_the_same_rows_make_the_same_bytes(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    made = []
    for name in ("first.csv", "second.csv"):
        predict(tmp_path, folder, predicted.ROWS, "--output", tmp_path / name)
        made.append((tmp_path / name).read_bytes())
    assert made[0] == made[1]


def test_what_cannot_be_read_is_listed_with_every_reason(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    text = "pressure,age,name\n120,fifty,a\n70,,b\n130,40,c\n130,40\n"
    error = refused(
        Malformed, "predict", folder, "--data", table(tmp_path, text), "--output", tmp_path / "o", "--offline"
    )
    assert error.facts["line"] == 2
    assert not (tmp_path / "o").exists()
    document = predict(tmp_path, folder, text, "--skip-bad")
    assert [row["line"] for row in document["predictions"]] == [4]
    found = [(one["line"], one["column"], one["value"]) for one in document["unreadable"]]
    assert found == [(2, "age", "fifty"), (3, "age", ""), (3, "pressure", "70"), (5, "", "2 cells")]
    assert all(one["reason"] and one["advice"] for one in document["unreadable"])
    assert document["rows"] == {"predicted": 1, "unreadable": 3, "saturated": 0}


@pytest.mark.parametrize("name", ["new.csv", "new", "cardio-1.0/../new.csv", "columns.toml", "cardio-1.0/job"])
def test_what_is_read_is_not_written_over(tmp_path: Path, name: str) -> None:
    """Neither by the table nor by the document beside it."""
    folder, data = folder_of(tmp_path), table(tmp_path)
    if name == "new":
        data = data.rename(tmp_path / "new.json")
    if name.endswith(".toml"):
        name = beside(data).name
    before = {path: path.read_bytes() for path in (data, *folder.iterdir())}
    words = ("--data", data, "--output", tmp_path / name, "--offline")
    assert "another" in refused(UsageError, "predict", folder, *words).advice
    assert before == {path: path.read_bytes() for path in before}


def test_a_pipe_is_no_table(tmp_path: Path) -> None:
    """It can be read once, and the document would have the SHA-256 of nothing."""
    pipe = tmp_path / "rows"
    os.mkfifo(pipe)
    refused(UsageError, "predict", folder_of(tmp_path), "--data", pipe, "--json", "--offline")


def test_a_table_that_is_replaced_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The document would have the SHA-256 of rows that nothing was predicted of."""
    folder, data = folder_of(tmp_path), table(tmp_path)
    read = predicting_table.prepared

    def replaced(*arguments: Any) -> Any:
        found = read(*arguments)
        table(tmp_path, predicted.ROWS.replace("71", "17"))
        return found

    monkeypatch.setattr(predicting_table, "prepared", replaced)
    error = refused(UsageError, "predict", folder, "--data", data, "--output", tmp_path / "o", "--offline")
    assert "changed" in error.message
    assert not (tmp_path / "o").exists()


def test_a_missing_column_names_what_is_there(tmp_path: Path) -> None:
    error = refused(
        Malformed, "predict", folder_of(tmp_path), "--data", table(tmp_path, "age,x\n1,2\n"), "--json", "--offline"
    )
    assert "pressure" in error.message


def test_words_become_what_the_job_says_and_new_ones_are_named(tmp_path: Path) -> None:
    preparation = Preparation(
        inputs=(
            Number(column="age", low="0", high="100", missing=Missing(by="flag", value="50")),
            Category(column="pain", vocabulary=("none", "some")),
        )
    )
    settings = {name: value for name, value in predicted.SETTINGS.items() if name not in ("columns", "ranges")}
    tensors = (Tensor("0.bias", (2,)), Tensor("0.weight", (2, 4)))
    folder = folder_of(tmp_path, settings=settings | {"model": "logistic"}, tensors=tensors, preparation=preparation)
    document = predict(tmp_path, folder, "age,pain\n,some\n40,none\n40,terrible\n", "--skip-bad")
    assert [row["line"] for row in document["predictions"]] == [2, 3]
    (bad,) = document["unreadable"]
    assert (bad["line"], bad["column"], bad["value"]) == (4, "pain", "terrible")
    assert "vocabulary" in bad["reason"]


@pytest.mark.parametrize("name", ["model.safetensors", "job.json", "README.md"])
def test_a_folder_that_was_changed_is_refused(tmp_path: Path, name: str) -> None:
    folder = folder_of(tmp_path)
    found = from_folder(folder)
    data = bytearray((folder / name).read_bytes())
    marks = {"job.json": b"small", "README.md": found.root.hex().encode()}
    data[data.index(marks[name]) if name in marks else len(data) - 2] ^= 1
    (folder / name).write_bytes(data)
    refused(Refuted, "predict", folder, "--data", table(tmp_path), "--json", "--offline")


def test_a_model_of_another_job_is_refused(tmp_path: Path) -> None:
    """Its tensors are another job's, though its header says this release."""
    folder = folder_of(tmp_path)
    settings = predicted.SETTINGS | {"model": "logistic"}
    other = predicted.job_of(settings=settings, tensors=(Tensor("0.bias", (2,)), Tensor("0.weight", (2, 2))))
    strange = predicted.folder_of(tmp_path / "other", predicted.released(other))
    (folder / "model.safetensors").write_bytes((strange / "model.safetensors").read_bytes())
    refused(Refuted, "predict", folder, "--data", table(tmp_path), "--json", "--offline")


@pytest.mark.parametrize("name", ["../other", "a\0b", "c" * 5000, ""])
def test_a_name_that_no_ledger_has_is_not_taken_from_a_folder(tmp_path: Path, name: str) -> None:
    """It names the server's log, and stands in its lines."""
    folder = predicted.folder_of(tmp_path / "strange", predicted.released(name=name))
    refused(Malformed, "serve", folder, "--offline", "--home", tmp_path / "home")
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("missing", ["job.json", "README.md", "model.safetensors"])
def test_a_folder_that_is_not_whole_says_how_to_fetch_it(tmp_path: Path, missing: str) -> None:
    folder = folder_of(tmp_path)
    (folder / missing).unlink()
    error = refused(UsageError, "predict", folder, "--data", table(tmp_path), "--json", "--offline")
    assert "release fetch" in error.advice


def test_a_root_that_was_not_made_again_is_told_with_the_way_to_check_it(tmp_path: Path) -> None:
    job = predicted.job_of()
    model = predicted.model_of(job)
    model[0] = (1 << 25) + 1
    folder = predicted.folder_of(tmp_path / "big", predicted.released(job, model))
    assert not from_folder(folder).root_checked
    assert not predict(tmp_path, folder)["checked"]["root"]
    asked = ["predict", str(folder), "--data", str(table(tmp_path)), "--output", str(tmp_path / "o.csv"), "--offline"]
    said = CliRunner().invoke(fedledger, asked).output.splitlines()
    assert f"    fedledger release verify {shlex.quote(str(folder))} --network network.toml" in said
    assert not [line for line in said[2:-1] if "lost" in line or (len(line) > 80 and str(tmp_path) not in line)], said


def test_permitted_use_is_carried_and_its_end_is_heeded(tmp_path: Path) -> None:
    today = datetime.now(UTC).date()
    open_ = folder_of(tmp_path / "open", permitted_use=replace(USE, expires=today.isoformat()))
    assert predict(tmp_path, open_)["permitted_use"]["purpose"] == USE.purpose
    out = tmp_path / "out.csv"
    text = run("predict", open_, "--data", table(tmp_path), "--output", out, "--offline").output
    assert USE.purpose in text
    ended = folder_of(tmp_path / "ended", permitted_use=replace(USE, expires=(today - timedelta(2)).isoformat()))
    refused(Expired, "predict", ended, "--data", table(tmp_path), "--json", "--offline")


def test_a_clock_that_was_set_back_prolongs_nothing() -> None:
    """The chain's latest block is a day later than this machine's clock, or earlier."""
    now = datetime.now(UTC)
    job = predicted.job_of(permitted_use=replace(USE, expires=now.date().isoformat()))
    later, before = (int((now + timedelta(days)).timestamp()) for days in (1, -9))
    assert require_permitted_now(predicted.released(job)).by == "this machine's clock"
    assert require_permitted_now(predicted.released(job, at_time=before)).by == "this machine's clock"
    with pytest.raises(Expired) as caught:
        require_permitted_now(predicted.released(job, at_time=later))
    assert caught.value.facts["by"] == "the chain's latest block"
    with pytest.raises(Expired):
        require_permitted_now(predicted.released(job, at_time=before), later)


def test_outputs_at_their_bound_are_counted_and_said(tmp_path: Path) -> None:
    job = predicted.job_of()
    model = np.full(job.layout.values, 2**31 - 1, np.int32)
    folder = predicted.folder_of(tmp_path / "wild", predicted.released(job, model))
    document = predict(tmp_path, folder)
    assert document["rows"]["saturated"] > 0
    out = tmp_path / "out.csv"
    text = run("predict", folder, "--data", table(tmp_path), "--output", out, "--offline").output
    assert "an output was cut" in text


@pytest.mark.parametrize(
    ("classes", "mark"), [(["no", "yes"], False), (["gesund", "krank, müde"], True), (["無", "有"], True)]
)
def test_a_table_with_more_than_ascii_is_marked_for_spreadsheets(
    tmp_path: Path, classes: list[str], mark: bool
) -> None:
    job = predicted.job_of(settings=predicted.SETTINGS | {"classes": classes})
    folder = predicted.folder_of(tmp_path / "named", predicted.released(job))
    out = tmp_path / "out.csv"
    run("predict", folder, "--data", table(tmp_path), "--output", out, "--offline")
    data = out.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf") == mark
    assert f"probability_{classes[1]}" in next(csv.reader(io.StringIO(data.decode("utf-8-sig"))))


def test_what_a_table_becomes_is_bounded_before_it_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("participant.tasks.data.preparing.table.MAX_NUMBERS", 5)
    folder = folder_of(tmp_path / "release")
    error = refused(Malformed, "predict", folder, "--data", table(tmp_path), "--json", "--offline")
    assert "too many numbers" in error.message


def test_a_part_of_a_model_does_not_predict(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, private=Private.of(["4.*"]))
    error = refused(UsageError, "predict", folder, "--data", table(tmp_path), "--json", "--offline")
    assert "personalise" in error.advice


def test_a_name_needs_a_chain(tmp_path: Path) -> None:
    error = refused(UsageError, "predict", "cardio", "--data", table(tmp_path), "--json", "--offline")
    assert "fetch" in error.advice


def test_neither_torch_nor_web3_is_imported(tmp_path: Path) -> None:
    """Cold, a fetched folder is all that is needed: what takes long to import is left alone."""
    folder = folder_of(tmp_path)
    arguments = ["predict", str(folder), "--data", str(table(tmp_path)), "--json", "--offline"]
    script = f"""
import sys
from ledger.cli.main import main
main({arguments!r})
assert not {{"torch", "web3", "sklearn", "eth_account", "onnx"}} & sys.modules.keys()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["predictions"]) == 3


def test_integers_come_back_from_the_file(tmp_path: Path) -> None:
    found = predicted.released()
    again = from_folder(predicted.folder_of(tmp_path / "again", found))
    assert np.array_equal(again.model, found.model)
    assert (again.root, again.title, again.job.digest) == (found.root, "cardio@1.0", found.job.digest)
