"""A party's half of FedDyn and SCAFFOLD is that of the papers, in units of the model."""

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from torch.nn.functional import cross_entropy  # noqa: E402

from participant.tasks.correction import Correction  # noqa: E402
from participant.tasks.optimisers import Plan, batches, fit, in_batches  # noqa: E402
from participant.tasks.settings import Settings  # noqa: E402

pytestmark = pytest.mark.node
RATE, EPOCHS, ROWS, BATCH = 0.1, 2, 20, 6


def plan(**settings: Any) -> Plan:
    said = {"learning_rate": str(RATE), "epochs": EPOCHS, "batch_size": BATCH}
    return Plan.read(Settings("test", said | settings))


def problem() -> tuple["torch.Tensor", "torch.Tensor"]:
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(ROWS, 4, generator=generator, dtype=torch.float64)
    return inputs, (inputs[:, 0] > 0).long()


def network() -> "torch.nn.Module":
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return torch.nn.Linear(4, 2).double()


def trained(correction: Correction | None) -> "tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]":
    model = network()
    base = {name: values.clone() for name, values in model.state_dict().items()}
    fit(model, *problem(), cross_entropy, plan(), seed=5, base=base, correction=correction)
    return base, model.state_dict()


def by_hand(gradient_of: Any) -> "dict[str, torch.Tensor]":
    """The same steps, with a correction of the paper's own form."""
    model = network()
    inputs, targets = problem()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        for _ in range(EPOCHS):
            for rows in in_batches(ROWS, BATCH):
                loss = cross_entropy(model(inputs[rows]), targets[rows])
                gradients = torch.autograd.grad(loss, list(model.parameters()))
                with torch.no_grad():
                    for (name, values), gradient in zip(model.named_parameters(), gradients, strict=True):
                        values.sub_(RATE * gradient_of(name, values, gradient))
    return model.state_dict()


def test_fed_dyn_adds_the_papers_linear_term_and_penalty() -> None:
    """The gradient of L(w) − ⟨g, w⟩ + α/2 · |w − w_base|², g being −α times what the party's updates add up to."""
    alpha, went = 0.3, {"weight": torch.full((2, 4), 0.25), "bias": torch.tensor([0.5, -0.5])}
    base, found = trained(Correction({name: -values for name, values in went.items()}, alpha))

    def gradient(name: str, values: "torch.Tensor", plain: "torch.Tensor") -> "torch.Tensor":
        return plain - (-alpha * went[name].double()) + alpha * (values - base[name])

    expected = by_hand(gradient)
    assert all(torch.allclose(found[name], expected[name], rtol=0, atol=1e-12) for name in base)


def test_scaffold_moves_each_step_by_the_papers_control_variates() -> None:
    """y ← y − η·(g − c_i + c): with ours scaled by −K·η, the step moves by (c − c_i) / K beside η·g."""
    steps = EPOCHS * batches(ROWS, BATCH)
    paper = {"weight": torch.full((2, 4), 0.1), "bias": torch.tensor([0.2, -0.3])}
    shift = {name: -steps * RATE * values.double() for name, values in paper.items()}
    base, found = trained(Correction(shift))
    expected = by_hand(lambda name, _, plain: plain + paper[name].double())
    assert all(torch.allclose(found[name], expected[name], rtol=0, atol=1e-12) for name in base)


def test_what_is_not_shared_is_left_alone() -> None:
    plain = trained(None)[1]
    model = network()
    base = {"weight": model.state_dict()["weight"].clone()}
    correction = Correction({"weight": torch.zeros(2, 4)}, 0.0)
    fit(model, *problem(), cross_entropy, plan(), seed=5, base=base, correction=correction)
    assert torch.equal(model.state_dict()["bias"], plain["bias"])


@pytest.mark.parametrize(
    ("rows", "size", "count"), [(1, 1, 1), (20, 6, 4), (19, 6, 3), (13, 6, 2), (6, 6, 1), (5, 1, 5)]
)
def test_steps_are_counted_as_they_are_taken(rows: int, size: int, count: int) -> None:
    assert batches(rows, size) == len(list(in_batches(rows, size))) == count
