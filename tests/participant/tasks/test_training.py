"""A round's training on this machine: what a task is given, what it keeps, and what leaves for the ledger."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.drafts import DRAFT, Memory  # noqa: E402
from support.installing import install  # noqa: E402
from support.judging import judge_bytes  # noqa: E402
from support.training import machine  # noqa: E402

from ledger.errors import Malformed, UsageError  # noqa: E402
from ledger.formats.artifact import Binding, Layout, Tensor  # noqa: E402
from ledger.jobs.document import Job  # noqa: E402
from ledger.rounds.admission import Verdict  # noqa: E402
from participant.integers.artifacts import file_of, root_of  # noqa: E402
from participant.integers.tensors import stream_of  # noqa: E402
from participant.jobs.creation import create, tensors_at_home  # noqa: E402
from participant.jobs.draft import read  # noqa: E402
from participant.tasks.sharing import shared_state  # noqa: E402
from participant.tasks.training import Local  # noqa: E402

pytestmark = pytest.mark.node

SOURCE = '''
from types import SimpleNamespace
import torch
from torch import nn
from participant.tasks.protocol import Task, TrainResult

class Own(Task):
    """A shared body, and a head that stays at home, kept from round to round in the scratch folder."""
    name = "{name}"
    version = "1"
    seen = []

    def __init__(self, settings): pass

    def build_model(self, seed):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return nn.ModuleDict(dict(body=nn.Linear(2, 3), head=nn.Linear(3, 1)))

    def shared(self, model):
        return [name for name in self.state(model) if name.startswith("body")]

    def load_data(self, path):
        numbers = torch.tensor([float(line) for line in path.read_text().split()])
        return SimpleNamespace(inputs=numbers.reshape(-1, 2), targets=torch.zeros(len(numbers) // 2, dtype=torch.long))

    def train(self, model, data, round):
        kept = round.scratch / "head"
        if kept.exists():
            values = torch.tensor([float(text) for text in kept.read_text().split()])
            nn.utils.vector_to_parameters(values, model["head"].parameters())
        Own.seen.append((round, [float(value) for value in nn.utils.parameters_to_vector(model.parameters()).detach()]))
        generator = torch.Generator().manual_seed(round.seed)
        rows = data.inputs + torch.rand(data.inputs.shape, generator=generator)
        loss = model["head"](model["body"](rows)).square().mean()
        parameters = list(model.parameters())
        with torch.no_grad():
            for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters)):
                parameter.sub_(0.01 * gradient)
        head = nn.utils.parameters_to_vector(model["head"].parameters()).detach()
        kept.write_text(" ".join(repr(float(value)) for value in head))
        return TrainResult(samples=len(data.inputs), loss=float(loss.detach()))

    def evaluate(self, model, data):
        with torch.no_grad():
            return {{"loss": float(model["head"](model["body"](data.inputs)).square().mean())}}
'''


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    for name in [name for name in sys.modules if name.startswith(("own_", "helper_"))]:
        del sys.modules[name]


@pytest.fixture
def job(site: Path, tmp_path: Path) -> Job:
    install(site, "personal", SOURCE)
    return made(tmp_path)


def made(folder: Path, changes: Callable[[str], str] = lambda text: text) -> Job:
    start, end = DRAFT.index("[task]"), DRAFT.index("[admission]")
    text = DRAFT[:start] + '[task]\nname = "personal"\n[task.settings]\nepochs = 2\n\n' + DRAFT[end:]
    (folder / "job.toml").write_text(changes(text))
    return create(read(folder / "job.toml"), Memory().put)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.txt"
    path.write_text(" ".join(str(number / 7) for number in range(12)))
    return path


def initial(local: Local) -> Any:
    state = shared_state(local.task, local.task.build_model(local.job.initial_model.seed))
    return stream_of(state, local.job.layout)


def test_a_job_holds_the_shared_tensors_alone(job: Job) -> None:
    assert [tensor.name for tensor in job.tensors] == ["body.bias", "body.weight"]
    assert tensors_at_home(job) == ("head.bias", "head.weight")
    assert job.initial_model.seed == 3


def test_a_task_is_given_the_rounds_context(job: Job, tmp_path: Path, data: Path) -> None:
    local = Local.of(job, machine(tmp_path))
    local.train(initial(local), data, 4, 99)
    context, _ = sys.modules["own_personal"].Own.seen[-1]
    assert (context.number, context.seed, context.device) == (4, 99, torch.device("cpu"))
    assert dict(context.settings) == {"epochs": 2}
    assert sorted(context.base) == ["body.bias", "body.weight"]
    assert context.scratch.is_relative_to(tmp_path / "scratch" / job.digest.hex())
    model = local.task.build_model(3)
    assert torch.allclose(context.base["body.weight"], model["body"].weight, atol=2**-20)
    for mapping in (context.base, context.settings):
        with pytest.raises(TypeError):
            mapping["body.bias"] = 0
    with pytest.raises(AttributeError):
        context.seed = 1


def test_what_stays_at_home_starts_from_the_jobs_seed_unless_the_task_kept_it(
    job: Job, tmp_path: Path, data: Path
) -> None:
    local = Local.of(job, machine(tmp_path))
    base = initial(local)
    head = [float(value) for value in local.task.build_model(3)["head"].weight.detach().ravel()]
    first, second = local.train(base, data, 1, 5), local.train(base, data, 2, 6)
    seen = [values[9:12] for _, values in sys.modules["own_personal"].Own.seen[-2:]]
    assert seen[0] == head
    assert seen[1] != head
    assert len(first.update) == len(second.update) == 9
    assert first.device == "cpu"


def test_a_round_trained_again_by_another_process_gives_the_same_bytes(job: Job, tmp_path: Path, data: Path) -> None:
    local = Local.of(job, machine(tmp_path))
    base = initial(local)
    local.train(base, data, 1, 5)
    first = local.train(base, data, 2, 6).update
    for again in (local, Local.of(job, machine(tmp_path))):
        assert (again.train(base, data, 2, 6).update == first).all()
    assert (local.train(base, data, 2, 6, keep=False).update == first).all()
    assert (Local.of(job, machine(tmp_path / "other")).train(base, data, 2, 6).update != first).any()


def test_a_model_is_evaluated_with_what_stays_at_home_as_the_job_built_it(job: Job, tmp_path: Path, data: Path) -> None:
    local = Local.of(job, machine(tmp_path))
    base = initial(local)
    before = local.evaluate(base, data)
    local.train(base, data, 1, 5)
    assert local.evaluate(base, data) == before
    assert local.evaluate(base * 2, data) != before


def test_an_update_that_carries_another_tensor_is_refused(job: Job, tmp_path: Path, data: Path) -> None:
    local = Local.of(job, machine(tmp_path))
    trained = local.train(initial(local), data, 1, 5)
    binding = Binding(
        kind="update", chain=1, contract="0x" + "1" * 40, job=1, round=1, party="0x" + "2" * 40, base=bytes(32)
    ).on(1, bytes(32))
    right = list(file_of(job.layout, binding, trained.update))
    root = root_of(trained.update)
    assert judge_bytes(iter(right), job.layout, binding, root, job.admission).verdict is Verdict.ADMITTED
    wide = Layout((*job.tensors, Tensor("head.bias", (1,), 20)))
    carried = np.append(trained.update, np.int32(1)).astype(np.int32)
    file = list(file_of(wide, binding, carried))
    assert judge_bytes(iter(file), job.layout, binding, root_of(carried), job.admission).verdict is Verdict.HEADER


@pytest.mark.parametrize(
    ("shared", "message"), [('["body.bias", "tail"]', "its model does not have"), ("[]", "shares no tensor")]
)
def test_names_that_the_model_has_not_cannot_be_shared(site: Path, tmp_path: Path, shared: str, message: str) -> None:
    names = '[name for name in self.state(model) if name.startswith("body")]'
    install(site, "personal", SOURCE.replace(names, shared))
    with pytest.raises(UsageError, match=message):
        made(tmp_path)


ADAPTER = """
    def state(self, model):
        return {{"a": model["body"].weight.detach(), "b": model["head"].weight.detach()}}

    def shared(self, model):
        return ["a"]

    def load(self, model, tensors):
        model["body"].weight.copy_(tensors["a"])

    def layers(self, model):
        from ledger.jobs.layers import Linear
        return [Linear(weight="a", bias="b")]
"""


def test_a_task_names_its_state_as_it_likes(site: Path, tmp_path: Path, data: Path) -> None:
    """As adapters do, whose names are not those of `state_dict`."""
    start, end = SOURCE.index("    def shared"), SOURCE.index("    def load_data")
    install(site, "personal", SOURCE[:start] + ADAPTER + SOURCE[end:])
    job = made(tmp_path)
    assert [(tensor.name, tensor.shape) for tensor in job.tensors] == [("a", (3, 2))]
    local = Local.of(job, machine(tmp_path))
    base = initial(local)
    trained = local.train(base, data, 1, 5)
    assert trained.update.any()
    assert local.evaluate(base + trained.update, data) != local.evaluate(base, data)
    scored = '\n[scoring]\nmethod = "shapley"\nutility = "loss"\nevidence = "committed_set"\nset = "data.txt"\n'
    times = "score_seconds = 9\nreveal_seconds = 8\nscorers = 3\n"
    with pytest.raises(Malformed, match="needs tensor 'b', which stays at home"):
        made(tmp_path, lambda text: text + scored + times)
