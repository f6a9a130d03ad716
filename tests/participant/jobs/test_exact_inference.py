"""Exact inference is the forward pass of the built-in tasks' networks, to what 16 fraction bits can tell."""

from typing import Any

import numpy as np
import pytest

from ledger.formats.artifact import Layout
from ledger.scores.inference import NeuralNetwork
from ledger.scores.utility import measure

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.node

TABULAR: dict[str, Any] = {
    "columns": [f"c{k}" for k in range(7)],
    "ranges": ["0:1"] * 7,
    "classes": ["a", "b", "c"],
}
IMAGE: dict[str, Any] = {"height": 9, "width": 8, "channels": 2, "classes": ["a", "b", "c"]}


def task(name: str, settings: dict[str, Any]) -> Any:
    from participant.tasks.discovery import find

    return find(name).create(settings)


CASES = [
    ("tabular", TABULAR | {"model": "mlp", "hidden": ["16", "5"]}, (7,)),
    ("tabular", TABULAR | {"model": "logistic"}, (7,)),
    ("image", IMAGE, (2, 9, 8)),
]


@pytest.mark.parametrize(("name", "settings", "shape"), CASES, ids=["mlp", "logistic", "image"])
def test_exact_inference_is_the_networks_forward_pass(name: str, settings: Any, shape: Any) -> None:
    """Outputs within what 16 fraction bits can tell, and the task's own figures from them."""
    from participant.integers.tensors import stream_of, table
    from participant.tasks.classification import Labelled

    made = task(name, settings)
    model = made.build_model(3)
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    inputs = torch.rand(200, *shape) * 2 - 1
    targets = torch.randint(0, 3, (200,))
    layout = Layout(table(model.state_dict(), 24))
    rows = np.rint(inputs.double().numpy() * 65536).astype("<i4")
    labels = targets.numpy().astype("<i4")
    outputs = NeuralNetwork(shape, made.layers(model), layout).outputs(stream_of(model.state_dict(), layout), rows)
    with torch.no_grad():
        expected = model(inputs).double().numpy()
    assert np.abs(outputs / 65536 - expected).max() < 5e-4
    figures = made.evaluate(model, Labelled(inputs, targets))
    assert abs(measure("loss", outputs, labels) / -1e6 - figures["loss"]) < 5e-4
    assert abs(measure("accuracy", outputs, labels) / 1e6 - figures["accuracy"]) <= 0.01
