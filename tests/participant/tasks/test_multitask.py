"""Parties with tasks of their own over a shared trunk: heads of any width, and labels that rows do not have."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.drafts import Memory  # noqa: E402
from support.training import machine  # noqa: E402

from ledger.errors import Malformed, UsageError  # noqa: E402
from ledger.jobs.document import Job  # noqa: E402
from participant.integers.tensors import stream_of  # noqa: E402
from participant.jobs.creation import create, tensors_at_home  # noqa: E402
from participant.jobs.draft import read  # noqa: E402
from participant.private.head import read_head  # noqa: E402
from participant.private.tensors import MODEL  # noqa: E402
from participant.tasks.ready.multitask import masked_loss  # noqa: E402
from participant.tasks.sharing import shared_state  # noqa: E402
from participant.tasks.training import Local  # noqa: E402

pytestmark = pytest.mark.node
DRAFT = """
name = "assays"
hold_out = 0

[task]
name = "multitask"

[task.settings]
columns = ["a", "b", "c"]
ranges = ["-1:1", "-1:1", "-1:1"]
hidden = [8]
learning_rate = 0.3
epochs = 40

[private]
tensors = ["head.*"]

[admission]
min_updates = 2
max_weight = 500
max_value = 4.0
max_norm = 16

[terms]
rounds = 4
update_seconds = 60
aggregate_seconds = 30
attest_seconds = 30
attempts = 2
"""


@pytest.fixture
def job(tmp_path: Path) -> Job:
    (tmp_path / "job.toml").write_text(DRAFT)
    return create(read(tmp_path / "job.toml"), Memory().put)


def party(folder: Path, tasks: list[str], rows: int = 60, missing: float = 0.5) -> tuple[Any, Path]:
    """A home with a head, and its table: labels follow from one column each, and many are left out."""
    folder.mkdir()
    said = ", ".join(f'"{one}"' for one in tasks)
    (folder / "head.toml").write_text(f"[multitask]\ntasks = [{said}]\n")
    random = np.random.default_rng(len(tasks))
    lines = [",".join(["a", "b", "c", *tasks])]
    for _ in range(rows):
        values = random.uniform(-1, 1, 3)
        labels = [str(int(values[number % 3] > 0)) for number in range(len(tasks))]
        kept = random.random(len(tasks)) > missing
        kept[random.integers(len(tasks))] = True
        cells = [label if one else "" for label, one in zip(labels, kept, strict=True)]
        lines.append(",".join([*(f"{value:.6f}" for value in values), *cells]))
    (folder / "data.csv").write_text("\n".join(lines) + "\n")
    return machine(folder), folder / "data.csv"


def test_heads_of_different_widths_share_one_trunk(job: Job, tmp_path: Path) -> None:
    assert [tensor.name for tensor in job.tensors] == ["trunk.0.bias", "trunk.0.weight"]
    assert tensors_at_home(job) == ("head.bias", "head.weight")
    updates, widths = [], []
    for number, tasks in enumerate((["x"], ["y", "z"], ["u", "v", "w"])):
        local_machine, path = party(tmp_path / str(number), tasks)
        local = Local.of(job, local_machine)
        base = stream_of(shared_state(local.task, local.task.build_model(1), job.private.tensors), job.layout)
        first = local.train(base, path, 1, 5)
        second = local.train(base + first.update, path, 2, 6, own=first.own)
        before, after = local.evaluate(base, path), local.evaluate(base + first.update, path, own=second.own)
        assert after["loss"] < before["loss"]
        assert after["accuracy"] > 0.8
        updates.append(first.update)
        widths.append(len(first.own[MODEL]["head.bias"]))
    assert widths == [1, 2, 3]
    assert {len(update) for update in updates} == {job.layout.values}


def test_rows_without_any_label_are_named_together(job: Job, tmp_path: Path) -> None:
    """The lines of the first ten, and how many there are."""
    path = tmp_path / "data.csv"
    rows = ["1" if number == 3 else ("", "NaN")[number % 2] for number in range(14)]
    path.write_text("a,b,c,label\n" + "\n".join(f"0,0,0,{label}" for label in rows) + "\n")
    with pytest.raises(Malformed, match="no label of any task") as caught:
        Local.of(job, machine(tmp_path)).data(path)
    facts = caught.value.facts
    assert facts["lines"] == "2, 3, 4, 6, 7, 8, 9, 10, 11, 12"
    assert (facts["line"], facts["rows"], facts["file"]) == (2, 13, str(path))


def test_a_trunk_of_another_shape_is_refused(job: Job, tmp_path: Path) -> None:
    """A member's own settings reach tensors at home, and no others: hidden is the job's."""
    local_machine, _ = party(tmp_path / "one", ["x"])
    (tmp_path / "one" / "head.toml").write_text('[multitask]\nhidden = ["16"]\n')
    with pytest.raises(Malformed, match="no setting 'hidden'"):
        Local.of(job, local_machine)


def test_a_head_that_changed_its_width_is_told_from_what_was_kept(job: Job, tmp_path: Path) -> None:
    local_machine, path = party(tmp_path / "one", ["x"])
    local = Local.of(job, local_machine)
    base = stream_of(shared_state(local.task, local.task.build_model(1), job.private.tensors), job.layout)
    own = local.train(base, path, 1, 5).own
    other_machine, other = party(tmp_path / "two", ["x", "y"])
    with pytest.raises(Malformed, match=r"tensor 'head\.(bias|weight)', kept at home, does not fit the model"):
        Local.of(job, other_machine).train(base, other, 2, 6, own=own)


def test_what_a_member_says_of_its_own_head_reaches_no_job_that_shares_it(tmp_path: Path) -> None:
    """A head of as many tasks fits any: others' labels would be trained into it, and no shape would say so."""
    (tmp_path / "job.toml").write_text(DRAFT.replace('[private]\ntensors = ["head.*"]\n', ""))
    shared = create(read(tmp_path / "job.toml"), Memory().put)
    local_machine, _ = party(tmp_path / "one", ["x"])
    task: Any = Local.of(shared, local_machine).task
    assert task.inner.tasks == ("label",)


def test_labels_that_are_not_there_move_nothing() -> None:
    outputs = torch.tensor([[0.3, -0.2], [0.1, 0.9]], requires_grad=True)
    targets = torch.tensor([[1.0, float("nan")], [float("nan"), 0.0]])
    masked_loss(outputs, targets).backward()
    assert outputs.grad is not None
    assert (outputs.grad == 0).tolist() == [[False, True], [True, False]]
    alone = torch.nn.functional.binary_cross_entropy_with_logits(torch.tensor([0.3, 0.9]), torch.tensor([1.0, 0.0]))
    assert float(masked_loss(outputs, targets).detach()) == pytest.approx(float(alone))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1,0,0,,", "a row has no label of any task"),
        ("1,0,0,nan,NA", "a row has no label of any task"),
        ("1,0,0,2,1", "a label is 0, 1 or left out"),
        ("1,,0,1,1", "a value is missing"),
    ],
)
def test_rows_that_teach_nothing_or_say_something_else_are_refused_by_line(
    job: Job, tmp_path: Path, row: str, message: str
) -> None:
    local_machine, path = party(tmp_path / "one", ["x", "y"])
    path.write_text(f"a,b,c,x,y\n0,0,0,1,\n{row}\n")
    with pytest.raises(Malformed, match=message) as caught:
        Local.of(job, local_machine).data(path)
    assert caught.value.facts["line"] == 3


def test_a_task_without_own_settings_says_so(tmp_path: Path) -> None:
    from participant.tasks.discovery import find

    known = {"columns": ["a"], "ranges": ["0:1"], "classes": ["x", "y"]}
    task = find("tabular").create(known)
    with pytest.raises(Malformed, match="takes no settings of a member's own"):
        task.adapt({"tasks": ["x"]})


@pytest.mark.parametrize("text", ["[multitask", 'multitask = "x"', "[multitask]\ntasks = [1]", "[multitask]\nx = 1.5"])
def test_a_file_of_own_settings_that_is_not_one_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "head.toml").write_text(text)
    with pytest.raises(Malformed):
        read_head(tmp_path / "head.toml", "multitask")


def test_no_file_and_other_tasks_tables_say_nothing(tmp_path: Path) -> None:
    assert read_head(tmp_path / "head.toml", "multitask") == {}
    (tmp_path / "head.toml").write_text('[other]\nx = "y"\n')
    assert read_head(tmp_path / "head.toml", "multitask") == {}
    with pytest.raises(UsageError):
        (tmp_path / "job.toml").write_text(DRAFT.replace('"multitask"', '"nowhere"'))
        create(read(tmp_path / "job.toml"), Memory().put)
