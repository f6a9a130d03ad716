"""What the built-in tasks commit to is what exact inference runs: against torch's own forward pass."""

from typing import Any

import numpy as np
import pytest

from ledger.artifact import Layout
from ledger.errors import Malformed
from ledger.inference import Network
from ledger.layers import Conv2d, Flatten, Linear, MaxPool, Relu
from ledger.utility import measure

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.node

TABULAR: dict[str, Any] = {
    "columns": [f"c{k}" for k in range(7)],
    "ranges": ["0:1"] * 7,
    "classes": ["a", "b", "c"],
}
IMAGE: dict[str, Any] = {"height": 9, "width": 8, "channels": 2, "classes": ["a", "b", "c"]}


def task(name: str, settings: dict[str, Any]) -> Any:
    from participant.task import find

    return find(name).create(settings)


CASES = [
    ("tabular", TABULAR | {"model": "mlp", "hidden": ["16", "5"]}, (7,)),
    ("tabular", TABULAR | {"model": "logistic"}, (7,)),
    ("image", IMAGE, (2, 9, 8)),
]


@pytest.mark.parametrize(("name", "settings", "shape"), CASES, ids=["mlp", "logistic", "image"])
def test_exact_inference_is_the_networks_forward_pass(name: str, settings: Any, shape: Any) -> None:
    """Outputs within what 16 fraction bits can tell, and the task's own figures from them."""
    from participant.classification import Labelled
    from participant.committing import evaluation_set, layers_of
    from participant.state import stream_of, table

    made = task(name, settings)
    model = made.build_model(3)
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    inputs = torch.rand(200, *shape) * 2 - 1
    targets = torch.randint(0, 3, (200,))
    layout = Layout(table(model.state_dict(), 24))
    rows = evaluation_set(inputs, targets)
    outputs = Network(shape, layers_of(model), layout).outputs(stream_of(model, layout), rows.inputs)
    with torch.no_grad():
        expected = model(inputs).double().numpy()
    assert np.abs(outputs / 65536 - expected).max() < 5e-4
    figures = made.evaluate(model, Labelled(inputs, targets))
    assert abs(measure("loss", outputs, rows.labels) / -1e6 - figures["loss"]) < 5e-4
    assert abs(measure("accuracy", outputs, rows.labels) / 1e6 - figures["accuracy"]) <= 0.01


def test_the_layers_of_the_image_task() -> None:
    from participant.committing import layers_of

    assert layers_of(task("image", IMAGE).build_model(1)) == (
        Conv2d(weight="0.weight", bias="0.bias", padding=1),
        Relu(),
        MaxPool(size=2),
        Conv2d(weight="3.weight", bias="3.bias", padding=1),
        Relu(),
        MaxPool(size=2),
        Flatten(),
        Linear(weight="7.weight", bias="7.bias"),
    )


@pytest.mark.parametrize(
    "module",
    [
        lambda nn: nn.Dropout(),
        lambda nn: nn.BatchNorm1d(3),
        lambda nn: nn.Linear(2, 2, bias=False),
        lambda nn: nn.Conv2d(1, 1, 3, stride=2),
        lambda nn: nn.Conv2d(2, 2, 3, groups=2),
        lambda nn: nn.Conv2d(1, 1, 3, dilation=2),
        lambda nn: nn.Conv2d(1, 1, 3, padding="same"),
        lambda nn: nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect"),
        lambda nn: nn.Conv2d(1, 1, 3, bias=False),
        lambda nn: nn.MaxPool2d(2, stride=1),
        lambda nn: nn.MaxPool2d(2, padding=1),
        lambda nn: nn.MaxPool2d(2, ceil_mode=True),
        lambda nn: nn.Flatten(start_dim=2),
        lambda nn: nn.Sigmoid(),
    ],
)
def test_a_layer_that_exact_inference_does_not_know_is_refused(module: Any) -> None:
    from participant.committing import layers_of

    with pytest.raises(Malformed, match="layer '0' of the model"):
        layers_of(torch.nn.Sequential(module(torch.nn)))


@pytest.mark.parametrize("module", [lambda nn: nn.Conv2d(1, 1, 3, padding=(1, 0)), lambda nn: nn.MaxPool2d((2, 1))])
def test_a_layer_that_is_not_square_is_refused(module: Any) -> None:
    from participant.committing import layers_of

    with pytest.raises(Malformed, match="both directions"):
        layers_of(torch.nn.Sequential(module(torch.nn)))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 40_000.0])
def test_inputs_that_have_no_integer_are_refused(value: float) -> None:
    from participant.committing import evaluation_set

    with pytest.raises(Malformed, match="no number, or too large"):
        evaluation_set(torch.tensor([[value]]), torch.tensor([0]))
