"""What a member reads before it approves a job: what would run here, be read, trained and sent."""

import hashlib
from pathlib import Path

import pytest
from msgspec.structs import replace
from support.drafts import DRAFT as PLAIN
from support.drafts import Memory
from support.preparation import DRAFT

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from ledger.jobs.document import Job, Setting
from participant.jobs.creation import create
from participant.jobs.draft import read
from participant.jobs.reviewing import Review, review
from participant.tasks import discovery
from participant.tasks.code import code_digest
from participant.tasks.data.files import DataFiles

pytestmark = pytest.mark.node


def job_of(text: str, tmp_path: Path) -> Job:
    path = tmp_path / "draft.toml"
    path.write_text(text)
    return create(read(path), Memory().put)


def reviewed(job: Job, data: Path | None = None) -> Review:
    return review(3, job, DataFiles.at(data) if data else DataFiles.at(Path("patients.csv")))


def test_it_says_what_runs_is_read_trained_and_sent(tmp_path: Path) -> None:
    job = job_of(PLAIN, tmp_path)
    found = reviewed(job)
    assert (found.job, found.name, found.digest) == (3, "two columns", job.digest.hex())
    assert found.columns == ("a", "b")
    assert "installed here as the job names it" in found.says["runs"]
    assert job.task.code in found.says["runs"]
    assert found.says["reads"] == "patients.csv; columns a, b, as the settings name them"
    assert found.says["holds out"].startswith("20 % ")
    assert found.says["sends, each round"].startswith(f"{job.update_size:,} bytes")
    assert "every member reads every update" in found.says["readers"]
    assert found.says["may be used"] == "for anything: the job names no purpose"
    assert found.facts["says"] == found.says


def test_the_files_are_those_that_the_digest_covers(tmp_path: Path) -> None:
    found = reviewed(job_of(PLAIN, tmp_path))
    names = [one.name for one in found.code]
    assert "participant/tasks/ready/tabular.py" in names
    for one in found.code:
        assert hashlib.sha256(Path(one.path).read_bytes()).hexdigest() == one.sha256
    kind = discovery.find("tabular").kind
    assert code_digest((kind.__module__, *kind.sources)) == found.says["runs"].split("code ")[1].split(":")[0]


def test_columns_that_are_prepared_are_told_with_what_becomes_of_them(tmp_path: Path) -> None:
    job = job_of(DRAFT, tmp_path)
    found = reviewed(job)
    assert job.preparation is not None
    assert found.columns[: len(job.preparation.inputs)] == tuple(one.column for one in job.preparation.inputs)
    assert not any("=" in name for name in found.columns), "one-hot inputs are no columns of the table"
    assert "a number from" in found.says["reads"]
    assert found.says["may be used"].startswith("purpose: ")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"code": "00" * 32}, "another code than the job approved"),
        ({"version": "9"}, "another version than the job approved"),
        ({"name": "tabulr"}, "no task 'tabulr' is installed here"),
    ],
)
def test_code_that_is_not_the_jobs_is_named(tmp_path: Path, changed: dict[str, str], why: str) -> None:
    job = job_of(PLAIN, tmp_path)
    found = reviewed(replace(job, task=replace(job.task, **changed)))
    assert why in found.differs
    assert why in found.says["runs"]


def test_an_app_that_is_not_installed_is_named(tmp_path: Path) -> None:
    pytest.importorskip("flwr", reason='Flower is not installed: pip install "fedledger[flower]"')
    job = job_of(PLAIN, tmp_path)
    settings: dict[str, Setting] = {"app": "elsewhere.client_app:app"}
    found = reviewed(replace(job, task=replace(job.task, name="flower", version="1", settings=settings)))
    assert "no Flower app that is installed here has the package 'elsewhere'" in found.differs
    assert found.code == ()
    assert found.says["trains"]
