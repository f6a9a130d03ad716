"""A draft's `[preparation]` and `[permitted_use]`: what a person writes, what the job says, and what none says."""

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from support.drafts import DRAFT as PLAIN
from support.drafts import Memory
from support.preparation import DRAFT, NAMES, PREPARATION, USE

from ledger.errors import FedledgerError, Malformed
from ledger.jobs.document import parse
from participant.jobs.draft import Draft, read
from participant.jobs.preparation import permitted_use_of, preparation_of

pytestmark = pytest.mark.node


def drafted(tmp_path: Path, text: str) -> Draft:
    path = tmp_path / "draft.toml"
    path.write_text(text)
    return read(path)


def made(tmp_path: Path, text: str) -> Any:
    pytest.importorskip("torch")
    from participant.jobs.creation import create

    return create(drafted(tmp_path, text), Memory().put)


def test_numbers_are_written_as_numbers_and_kept_as_texts(tmp_path: Path) -> None:
    draft = drafted(tmp_path, DRAFT)
    assert preparation_of(draft.preparation) == PREPARATION
    assert permitted_use_of(draft.permitted_use) == USE


def test_columns_and_ranges_of_the_task_follow(tmp_path: Path) -> None:
    job = made(tmp_path, DRAFT)
    assert job.task.settings["columns"] == list(NAMES)
    assert job.task.settings["ranges"][:2] == ["20:90", "0:1"]
    assert (job.preparation, job.permitted_use) == (PREPARATION, USE)
    assert parse(job.encode()) == job
    said = json.loads(job.encode())
    assert said["preparation"]["inputs"][4]["missing"] == {"by": "flag", "value": "240.5"}
    assert said["permitted_use"]["expires"] == "2099-12-31"


def test_a_draft_without_them_makes_the_job_that_it_ever_made(tmp_path: Path) -> None:
    job = made(tmp_path, PLAIN)
    assert (job.preparation, job.permitted_use) == (None, None)
    assert b"preparation" not in job.encode()
    assert b"permitted_use" not in job.encode()


COLUMNS = 'classes = ["no", "yes"]'


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (COLUMNS, COLUMNS + '\ncolumns = ["age"]', "the task's columns are not what"),
        (COLUMNS, COLUMNS + "\nranges = " + json.dumps(["0:1"] * len(NAMES)), "the task's ranges are not what"),
        (COLUMNS, COLUMNS + '\noutside = "clip"', "outside does not go with a preparation"),
        ('label = "num"', 'label = "ill"', "label map for column 'num', which the task does not learn"),
        ('4 = "yes"', '4 = "maybe"', "leads to what the task does not take"),
        ('label = "num"', 'label = "age"', "a column that the task learns is among the inputs"),
        ("vocabulary = [0, 1]", "vocabulary = [0, 1, 1]", "has a word twice"),
        ("low = 20", "low = 95", "is empty"),
        ("low = 20", "low = 1e-40", "a number of preparation"),
        ('kind = "number"', 'kind = "real"', r"the draft's \[preparation\] is not valid"),
        ("low = 20", "low = 20\nclipped = true", r"the draft's \[preparation\] is not valid"),
        ("expires = 2099-12-31", 'expires = "soon"', "permitted_use.expires is not a date"),
        ("expires = 2099-12-31", "expires = 2099-12-31T00:00:00", r"the draft's \[permitted_use\] is not"),
        ('purpose = "predict heart disease from routine measurements"', "", r"\[permitted_use\] is not valid"),
    ],
)
def test_what_no_job_says_is_refused_by_name(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in DRAFT
    with pytest.raises(FedledgerError, match=message) as caught:
        made(tmp_path, DRAFT.replace(old, new, 1))
    assert caught.value.advice


def test_columns_that_say_the_same_are_taken(tmp_path: Path) -> None:
    job = made(tmp_path, DRAFT)
    columns, ranges = job.task.settings["columns"], [f"{text}.0" for text in job.task.settings["ranges"]]
    said = COLUMNS + f"\ncolumns = {json.dumps(columns)}\nranges = {json.dumps(ranges)}"
    assert made(tmp_path, DRAFT.replace(COLUMNS, said)).task.settings["ranges"] == ranges


def test_a_task_that_reads_no_tables_takes_none(tmp_path: Path) -> None:
    settings = 'height = 2\nwidth = 2\nclasses = ["no", "yes"]\nmodel = "cnn"\nfilters = [2]\n'
    task = DRAFT[DRAFT.index("[task]") : DRAFT.index("[admission]")]
    with pytest.raises(Malformed, match="task 'image' takes no prepared tables"):
        made(tmp_path, DRAFT.replace(task, f'[task]\nname = "image"\n\n[task.settings]\n{settings}\n'))


@pytest.mark.parametrize(
    ("task", "settings", "label", "classes"),
    [
        ("regression", 'targets = ["num"]\ntarget_ranges = ["0:4"]', "num", ("0", "4")),
        ("survival", 'time = "age_at_end"\nevent = "num"\nbins = ["10", "20"]', "num", ("0", "1")),
        ("multitask", 'tasks = ["num"]', "num", ("0", "1")),
    ],
)
def test_every_ready_task_for_tables_takes_them(
    tmp_path: Path, task: str, settings: str, label: str, classes: tuple[str, str]
) -> None:
    old = DRAFT[DRAFT.index("[task]") : DRAFT.index("[admission]")]
    low, high = classes
    new = f'[task]\nname = "{task}"\n\n[task.settings]\nepochs = 1\n{settings}\n'
    text = DRAFT.replace(old, new).replace('"no"', f'"{low}"').replace('"yes"', f'"{high}"')
    assert made(tmp_path, text).preparation.mapped[label]["0"] == low


def test_a_node_refuses_a_job_whose_task_reads_other_columns(tmp_path: Path) -> None:
    job = made(tmp_path, DRAFT)
    from participant.tasks.machine import Machine
    from participant.tasks.training import Local

    columns = list(job.task.settings["columns"])
    other = {**job.task.settings, "columns": [columns[1], columns[0], *columns[2:]]}
    lie = replace(job, task=replace(job.task, settings=other))
    with pytest.raises(Malformed, match="the task's columns are not what the job's preparation makes") as caught:
        Local.of(lie, Machine("cpu", tmp_path / "scratch"))
    assert str(caught.value.facts["expected"]).startswith("age, sex=0")
