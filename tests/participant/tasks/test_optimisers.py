"""Local training: the papers' formulas, same seed same bytes, and no time wasted."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from torch.nn.functional import cross_entropy  # noqa: E402

from ledger.errors import UsageError  # noqa: E402
from participant.tasks.optimisers import Plan, few_threads, fit, in_batches, seeded  # noqa: E402
from participant.tasks.settings import Settings  # noqa: E402

pytestmark = pytest.mark.node


def plan(**settings: Any) -> Plan:
    return Plan.read(Settings("test", settings))


def problem(rows: int = 150, columns: int = 30) -> tuple["torch.Tensor", "torch.Tensor"]:
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(rows, columns, generator=generator)
    return inputs, (inputs[:, 0] > 0).long()


def network(columns: int = 30, dropout: float = 0.0) -> "torch.nn.Module":
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return torch.nn.Sequential(
            torch.nn.Linear(columns, 8), torch.nn.ReLU(), torch.nn.Dropout(dropout), torch.nn.Linear(8, 2)
        )


def state(model: "torch.nn.Module") -> dict[str, "torch.Tensor"]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def trained(how: Plan, seed: int = 1, dropout: float = 0.0) -> list["torch.Tensor"]:
    model = network(dropout=dropout)
    fit(model, *problem(), cross_entropy, how, seed=seed, base=state(model))
    return [parameter.detach().clone() for parameter in model.parameters()]


def same(left: list["torch.Tensor"], right: list["torch.Tensor"]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(left, right, strict=True))


PLANS = [plan(), plan(optimiser="adam", learning_rate="0.01"), plan(momentum="0.9", proximal_mu="0.1", epochs=3)]


@pytest.mark.parametrize("how", PLANS)
def test_the_same_seed_gives_the_same_bytes_regardless_of_what_went_before(how: Plan) -> None:
    first = trained(how, dropout=0.5)
    torch.manual_seed(99)
    torch.rand(7)
    assert same(first, trained(how, dropout=0.5))
    assert not same(first, trained(how, seed=2, dropout=0.5))


def test_training_leaves_the_callers_random_numbers_and_threads_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    threads = torch.get_num_threads()
    torch.manual_seed(5)
    trained(plan())
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(("width", "many", "expected"), [(4, None, 1), (4, 3, 1), (1 << 20, None, 2), (1 << 20, 3, 3)])
def test_a_small_model_is_worked_on_by_one_thread(width: int, many: int | None, expected: int) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(ZeroDivisionError), few_threads(torch.nn.Linear(width, 2), many):
            assert torch.get_num_threads() == expected
            raise ZeroDivisionError
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


def by_the_book(how: Plan) -> list["torch.Tensor"]:
    """The same training as the papers write it, tensor by tensor, the proximal term inside the loss."""
    model = network()
    base = state(model)
    inputs, targets = problem()
    first = [torch.zeros_like(parameter) for parameter in model.parameters()]
    second = [torch.zeros_like(parameter) for parameter in model.parameters()]
    count = 0
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        for rows in (rows for _ in range(how.epochs) for rows in in_batches(len(targets), how.batch_size)):
            count += 1
            model.zero_grad()
            loss = cross_entropy(model(inputs[rows]), targets[rows])
            for name, parameter in model.named_parameters():
                loss = loss + how.proximal / 2 * (parameter - base[name]).square().sum()
                loss = loss + how.weight_decay / 2 * parameter.square().sum()
            loss.backward()
            with torch.no_grad():
                for parameter, m, v in zip(model.parameters(), first, second, strict=True):
                    g = parameter.grad
                    if how.optimiser == "adam":
                        m.copy_(0.9 * m + 0.1 * g)
                        v.copy_(0.999 * v + 0.001 * g * g)
                        unbiased = (v / (1 - 0.999**count)).sqrt() + 1e-8
                        parameter.sub_(how.learning_rate * (m / (1 - 0.9**count)) / unbiased)
                    else:
                        m.copy_(how.momentum * m + g)
                        parameter.sub_(how.learning_rate * m)
    return [parameter.detach() for parameter in model.parameters()]


@pytest.mark.parametrize(
    "settings",
    [
        {"learning_rate": "0.1"},
        {"learning_rate": "0.1", "momentum": "0.9"},
        {"learning_rate": "0.1", "weight_decay": "0.01"},
        {"learning_rate": "0.1", "proximal_mu": "0.5"},
        {"learning_rate": "0.01", "optimiser": "adam"},
    ],
    ids=["SGD", "momentum", "weight decay", "FedProx", "Adam"],
)
def test_it_is_the_training_that_the_papers_describe(settings: dict[str, Any]) -> None:
    how = plan(epochs=3, **settings)
    for ours, theirs in zip(trained(how), by_the_book(how), strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-4, atol=1e-5)


def test_fedprox_stays_nearer_to_the_base_model() -> None:
    start = [parameter.detach() for parameter in network().parameters()]

    def moved(how: Plan) -> float:
        return sum(float((a - b).square().sum()) for a, b in zip(trained(how), start, strict=True))

    assert moved(plan(epochs=5, proximal_mu="1")) < moved(plan(epochs=5)) / 2


@pytest.mark.parametrize(
    ("rows", "size", "sizes"), [(10, 4, [4, 4, 2]), (9, 4, [4, 5]), (1, 4, [1]), (3, 1, [1, 1, 1])]
)
def test_every_row_is_seen_once_and_no_last_row_is_alone(rows: int, size: int, sizes: list[int]) -> None:
    batches = list(in_batches(rows, size))
    assert [len(batch) for batch in batches] == sizes
    assert sorted(torch.cat(batches).tolist()) == list(range(rows))


def test_loss_and_samples_are_reported_and_the_loss_falls() -> None:
    model = network()
    base = state(model)
    first = fit(model, *problem(), cross_entropy, plan(), seed=1, base=base)
    second = fit(model, *problem(), cross_entropy, plan(epochs=20), seed=2, base=base)
    assert first.samples == 150
    assert second.loss < first.loss


def test_a_diverging_training_is_stopped_with_the_way_out() -> None:
    model = network()
    with pytest.raises(UsageError, match="diverged") as caught:
        inputs, targets = problem()
        fit(model, inputs * 1e30, targets, cross_entropy, plan(learning_rate="1000"), seed=1, base=state(model))
    assert "learning_rate" in caught.value.advice


def test_training_does_not_load_the_compiler() -> None:
    """torch.optim would: seconds for every node, for nothing."""
    code = (
        "import sys; from participant.tasks.ready.tabular import Tabular; "
        "from participant.tasks.classification import Labelled; "
        "import torch; task = Tabular({'columns': ['a'], 'ranges': ['0:1'], 'classes': ['x', 'y']}); "
        "model = task.build_model(1); data = Labelled(torch.zeros(4, 1), torch.zeros(4, dtype=torch.long)); "
        "from participant.tasks.sharing import context_of; from pathlib import Path; "
        "round_ = context_of(task, model, 1, 1, 'cpu', Path(), {}); "
        "task.load(model, dict(task.state(model))); task.train(model, data, round_); task.evaluate(model, data); "
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_seed_gives_the_numbers_that_torch_gives_and_leaves_no_trace() -> None:
    before = torch.random.get_rng_state()
    with seeded(7):
        numbers = torch.rand(8)
    assert torch.equal(torch.random.get_rng_state(), before)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        assert torch.equal(torch.rand(8), numbers)
