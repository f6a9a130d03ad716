"""Private tensors of any task, without its help: split off after training, put back before the next round."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.drafts import DRAFT, Memory  # noqa: E402
from support.judging import judge_bytes  # noqa: E402
from support.training import machine  # noqa: E402

from ledger.errors import Malformed, UsageError  # noqa: E402
from ledger.formats.artifact import Layout, Tensor  # noqa: E402
from ledger.formats.header import Binding  # noqa: E402
from ledger.jobs.document import Job  # noqa: E402
from ledger.rounds.admission import Verdict  # noqa: E402
from participant.integers.artifacts import file_of, root_of  # noqa: E402
from participant.integers.tensors import stream_of  # noqa: E402
from participant.jobs.creation import create, tensors_at_home  # noqa: E402
from participant.jobs.draft import read  # noqa: E402
from participant.private.tensors import MODEL, NOTHING, PERSONAL  # noqa: E402
from participant.tasks.learning import require_noisy  # noqa: E402
from participant.tasks.protocol import Personal, Task, TrainResult  # noqa: E402
from participant.tasks.sharing import shared_state  # noqa: E402
from participant.tasks.training import Local  # noqa: E402

pytestmark = pytest.mark.node
PRIVATE = '\n[private]\ntensors = ["4.*"]\n'
SMALL = DRAFT.replace("max_value = 0.1", "max_value = 4.0\n").replace(
    'name = "two columns"', 'name = "two columns"\nhold_out = 0'
)


def made(folder: Path, text: str) -> Job:
    (folder / "job.toml").write_text(text)
    return create(read(folder / "job.toml"), Memory().put)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return made(tmp_path, SMALL + PRIVATE)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    random = np.random.default_rng(3)
    rows = random.uniform(-1, 1, (40, 2))
    lines = [f"{abs(a):.6f},{b:.6f},{'x' if b > 0.2 else 'y'}" for a, b in rows]
    (tmp_path / "data.csv").write_text("\n".join(["a,b,label", *lines]) + "\n")
    return tmp_path / "data.csv"


def initial(local: Local) -> Any:
    model = local.task.build_model(local.job.initial_model.seed)
    return stream_of(shared_state(local.task, model, local.job.private.tensors), local.job.layout)


def test_a_job_lists_what_is_shared_and_what_is_not(job: Job) -> None:
    assert [tensor.name for tensor in job.tensors] == ["0.bias", "0.weight", "2.bias", "2.weight"]
    assert tensors_at_home(job) == ("4.bias", "4.weight")
    assert job.private.tensors == ("4.*",)


def test_a_draft_with_a_pattern_of_nothing_makes_no_job(tmp_path: Path) -> None:
    for patterns, message in (
        ('["head.*"]', "'head.\\*' is of no tensor"),
        ('["0.*", "2.*", "4.*"]', "no tensor to share"),
    ):
        with pytest.raises(Malformed, match=message):
            made(tmp_path, SMALL + f"\n[private]\ntensors = {patterns}\n")
    with pytest.raises(Malformed, match="end of a pattern"):
        made(tmp_path, SMALL + '\n[private]\ntensors = ["*.bias"]\n')


def test_a_tensor_that_is_tied_to_a_shared_one_is_not_private(tmp_path: Path) -> None:
    """By its other name it would be on the ledger, and what is at home would overwrite the round's model."""

    class Tied(Task):
        name, version = "tied", "1"

        def __init__(self) -> None: ...

        build_model = load_data = train = evaluate = None  # type: ignore[assignment]

    model = torch.nn.Sequential(torch.nn.Embedding(4, 2), torch.nn.Linear(2, 4))
    assert sorted(shared_state(Tied(), model, ["1.*"])) == ["0.weight"]
    model[1].weight = model[0].weight
    with pytest.raises(Malformed, match=r"'1\.weight' is the same as '0\.weight', which is on the ledger"):
        shared_state(Tied(), model, ["1.*"])
    assert sorted(shared_state(Tied(), model, ["0.*", "1.weight"])) == ["1.bias"]
    whole = torch.arange(6.0)
    model[0].weight, model[1] = torch.nn.Parameter(whole[:4].view(2, 2)), torch.nn.Module()
    model[1].head = torch.nn.Parameter(whole[4:])
    assert sorted(shared_state(Tied(), model, ["1.*"])) == ["0.weight"], "beside each other in one memory"


def test_the_next_round_goes_on_from_what_the_last_one_left(job: Job, tmp_path: Path, data: Path) -> None:
    local = Local.of(job, machine(tmp_path))
    base = initial(local)
    first = local.train(base, data, 1, 5)
    assert first.own[MODEL].keys() == {"4.bias", "4.weight"}
    assert len(first.update) == job.layout.values
    again = Local.of(job, machine(tmp_path / "other")).train(base, data, 1, 5)
    assert (again.update == first.update).all()
    fresh, second = (local.train(base, data, 2, 6, own=own) for own in (NOTHING, first.own))
    assert (fresh.update != second.update).any(), "private tensors shape the shared part"
    start = dict(local.task.build_model(job.initial_model.seed).state_dict())
    assert not torch.equal(first.own[MODEL]["4.weight"], start["4.weight"])


def test_the_shared_part_does_not_name_the_private_one(job: Job, tmp_path: Path, data: Path) -> None:
    """A plain job of the same settings has the same shared tensors, and those that are private besides."""
    plain = made(tmp_path, SMALL)
    assert {tensor.name for tensor in plain.tensors} - {tensor.name for tensor in job.tensors} == {"4.bias", "4.weight"}
    local = Local.of(plain, machine(tmp_path))
    assert local.train(initial(local), data, 1, 5).own == NOTHING


def test_a_model_is_evaluated_with_the_start_or_with_ones_own(job: Job, tmp_path: Path, data: Path) -> None:
    local = Local.of(job, machine(tmp_path))
    base = initial(local)
    before = local.evaluate(base, data)
    own = local.train(base, data, 1, 5).own
    assert local.evaluate(base, data) == before
    assert local.evaluate(base, data, own=own) != before
    assert local.evaluate(base, data) == before, "one's own tensors are in no later global figure"


def test_an_update_that_carries_a_private_tensor_is_refused(job: Job, tmp_path: Path, data: Path) -> None:
    local = Local.of(job, machine(tmp_path))
    trained = local.train(initial(local), data, 1, 5)
    binding = Binding(
        kind="update", chain=1, contract="0x" + "1" * 40, job=1, round=1, party="0x" + "2" * 40, base=bytes(32)
    ).on(1, bytes(32))
    right, root = list(file_of(job.layout, binding, trained.update)), root_of(trained.update)
    assert judge_bytes(iter(right), job.layout, binding, root, job.admission).verdict is Verdict.ADMITTED
    wide = Layout((*job.tensors, Tensor("4.bias", (2,), 20)))
    carried = np.append(trained.update, np.zeros(2, np.int32)).astype(np.int32)
    file = list(file_of(wide, binding, carried))
    assert judge_bytes(iter(file), job.layout, binding, root_of(carried), job.admission).verdict is Verdict.HEADER


def test_a_personal_model_has_all_tensors_and_leaves_no_update(job: Job, tmp_path: Path, data: Path) -> None:
    local = Local.of(job, machine(tmp_path))
    base = initial(local)
    made_ = local.personalise(base, data, 3, 5, Personal(60), NOTHING)
    assert sorted(made_.own[PERSONAL]) == ["0.bias", "0.weight", "2.bias", "2.weight", "4.bias", "4.weight"]
    assert not made_.update.any()
    assert local.evaluate(base, data, own=made_.own)["loss"] < local.evaluate(base, data)["loss"]
    held = local.personalise(base, data, 3, 5, Personal(60, 5.0), NOTHING)
    start = local.task.build_model(job.initial_model.seed).state_dict()
    moved = [float((one.own[PERSONAL]["0.weight"] - start["0.weight"]).norm()) for one in (made_, held)]
    assert moved[1] < moved[0]


def test_a_task_that_does_not_train_by_steps_makes_no_personal_model(
    job: Job, tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = Local.of(job, machine(tmp_path))
    inner: Any = local.task
    monkeypatch.setattr(inner.inner, "train", lambda _model, _data, _round: TrainResult(samples=1, loss=0.0))
    with pytest.raises(UsageError, match="does not train by steps"):
        local.personalise(initial(local), data, 3, 5, Personal(10), NOTHING)


def test_alternating_does_not_go_with_noise() -> None:
    class Noisy(Task):
        name, version, noisy = "noisy", "1", True

        def __init__(self) -> None: ...

        build_model = load_data = train = evaluate = None  # type: ignore[assignment]

    with pytest.raises(Malformed, match="does not go with noise"):
        require_noisy(Noisy(), {"personal": "alternate"})
    require_noisy(Noisy(), {"personal": "joint"})


def test_noise_depends_on_the_private_tensors_that_training_starts_from(tmp_path: Path, data: Path) -> None:
    """Two updates on the same noise would tell their difference."""
    noisy = SMALL.replace("epochs = 2\n", "").replace("proximal_mu = 1e-3\n", "")
    dp = '\n[dp]\nlevel = "example"\nclip = 1.0\nsampling = 0.5\nsteps = 2\nepsilon = 8\ndelta = 1e-5\nscope = "rows"\n'
    job = made(tmp_path, noisy + PRIVATE + dp)
    local = Local.of(job, machine(tmp_path), salt=bytes(32))
    base, divided = initial(local), local.split(data)
    own = local.train(base, data, 1, 5).own
    seeds = [local._noise(base, 2, divided, one) for one in (NOTHING, own, NOTHING)]
    drawn = [one.randomness.seed() for one in seeds if one is not None]
    assert len(drawn) == 3
    assert drawn[0] == drawn[2] != drawn[1]
