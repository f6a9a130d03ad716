"""From a draft to a job: decimals stay what was written, limits become exact integers, the initial model is seeded."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.drafts import DRAFT, Memory

from ledger.config import Home
from ledger.errors import FedledgerError, Malformed, UsageError
from ledger.formats import unixfs
from ledger.formats.artifact import Layout
from ledger.jobs import document
from ledger.rounds.facts import initial_binding
from participant.jobs import creation
from participant.jobs import draft as drafts


def read(tmp_path: Path, text: str = DRAFT) -> drafts.Draft:
    path = tmp_path / "draft.toml"
    path.write_text(text)
    return drafts.read(path)


def test_numbers_are_what_was_written(tmp_path: Path) -> None:
    draft = read(tmp_path)
    settings = drafts.settings(draft.task.settings)
    assert settings["learning_rate"] == "0.05"
    assert settings["proximal_mu"] == "0.001"
    assert settings["hidden"] == ["4", "3"]
    assert settings["epochs"] == 2
    limits = creation.limits(draft.admission, 20)
    assert limits.max_value == 2**20 // 10
    assert limits.max_norm == 2 << 20


def test_a_limit_above_all_integers_is_no_limit() -> None:
    draft = drafts.DraftAdmission(min_updates=1, max_weight=1, max_value=Decimal(128), max_norm=Decimal(1))
    assert creation.limits(draft, 24).max_value == (1 << 31) - 1


@pytest.mark.parametrize("value", ["nan", "inf", "0", "-1.5"])
def test_a_limit_must_be_a_positive_number(value: str) -> None:
    draft = drafts.DraftAdmission(min_updates=1, max_weight=1, max_value=Decimal(1), max_norm=Decimal(value))
    with pytest.raises(Malformed, match="max_norm"):
        creation.limits(draft, 24)


@pytest.mark.parametrize(
    ("value", "named"), [({"a": 1}, "nested"), ([[1]], "nested"), ([True], "nested"), (Decimal("nan"), "nested")]
)
def test_a_setting_that_a_job_cannot_hold_is_named(value: Any, named: str) -> None:
    with pytest.raises(Malformed, match=named):
        drafts.settings({"nested": value})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "not valid"),
        (DRAFT.replace("seed", "sead"), "sead"),
        (DRAFT.replace("max_weight = 500\n", ""), "max_weight"),
        (DRAFT.replace("rounds = 4", 'rounds = "4"'), "rounds"),
        ("x" * (drafts.MAX_DRAFT + 1), "too large"),
    ],
)
def test_a_draft_that_breaks_its_form_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(Malformed, match=message):
        read(tmp_path, text)


def test_a_draft_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such draft"):
        drafts.read(tmp_path / "nowhere.toml")


@pytest.mark.node
def test_a_job_is_made_whole_and_the_same_each_time(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    store, again = Memory(), Memory()
    made = creation.create(read(tmp_path), store.put)
    assert document.parse(store.files[f"job/{made.digest.hex()}"]) == made
    layout = Layout(made.tensors)
    artifact = store.files[f"initial/{made.initial_model.root}"]
    assert artifact.startswith(layout.header(initial_binding()))
    assert len(artifact) == layout.size
    assert unixfs.cid_of([artifact])[0] == made.initial_cid
    assert {tensor.fraction_bits for tensor in made.tensors} == {20}
    assert creation.create(read(tmp_path), again.put) == made
    other = creation.create(read(tmp_path, DRAFT.replace("seed = 3", "seed = 4")), again.put)
    assert other.initial_model.root != made.initial_model.root


@pytest.mark.node
@pytest.mark.parametrize(
    "text",
    [
        DRAFT.replace('name = "tabular"', 'name = "nowhere"'),
        DRAFT.replace("epochs = 2", "epoch = 2"),
        DRAFT.replace("rounds = 4", "rounds = 0"),
        DRAFT + '\n[aggregation]\nrule = "trimmed_mean"\ntrim = 1\n',
    ],
)
def test_a_job_that_could_not_be_run_is_not_made(tmp_path: Path, text: str) -> None:
    pytest.importorskip("torch")
    with pytest.raises(FedledgerError):
        creation.create(read(tmp_path, text), Memory().put)


@pytest.mark.node
def test_the_command_writes_document_and_store(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from ledger.store.home import open_store
    from participant.cli.job import create

    read(tmp_path)
    home = Home(tmp_path / "home")
    arguments = [str(tmp_path / "draft.toml"), "--home", str(home.folder)]
    result = CliRunner().invoke(create, [*arguments, "--json"], catch_exceptions=False)
    facts = json.loads(result.stdout)
    made = document.parse((tmp_path / "draft.json").read_bytes())
    assert facts["digest"] == made.digest.hex()
    assert facts["cid"] == str(made.cid)
    assert [tensor["name"] for tensor in facts["tensors"]] == [tensor.name for tensor in made.tensors]
    store = open_store(home)
    assert set(store.pins().values()) == {made.cid, made.initial_cid}
    store.close()
    text = CliRunner().invoke(create, arguments, catch_exceptions=False).stdout
    assert made.digest.hex() in text
    assert "0.weight" in text
