"""Opacus as an oracle: sums of clipped gradients are the same by another's hooks, for the same rows."""

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')
opacus = pytest.importorskip("opacus", reason="Opacus is not installed: uv pip install --group oracle")

from opacus import GradSampleModule  # noqa: E402
from opacus.optimizers import DPOptimizer  # noqa: E402
from support.gradients import MODELS, noise, rows, summed  # noqa: E402
from torch.nn.functional import cross_entropy  # noqa: E402

pytestmark = [
    pytest.mark.node,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


def by_opacus(model: Any, inputs: Any, targets: Any, clip: float) -> Any:
    """The same sum, by per-sample gradients of hooks, clipped by its optimiser without noise."""
    hooked = GradSampleModule(model, loss_reduction="sum")
    optimiser = DPOptimizer(
        torch.optim.SGD(model.parameters(), lr=1.0),
        noise_multiplier=0.0,
        max_grad_norm=clip,
        expected_batch_size=len(targets),
        loss_reduction="sum",
    )
    cross_entropy(hooked(inputs), targets, reduction="sum").backward()
    optimiser.clip_and_accumulate()
    return torch.cat([parameter.summed_grad.flatten() for parameter in model.parameters()])


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("clip", [0.1, 1.0, 100.0])
def test_opacus_comes_to_the_same_sums(name: str, clip: float) -> None:
    torch.manual_seed(3)
    model, (inputs, targets) = MODELS[name](), rows(50)
    ours = summed(model, inputs, targets, noise(clip))
    assert torch.allclose(ours, by_opacus(model, inputs, targets, clip).to(ours), rtol=1e-4, atol=5e-5)
