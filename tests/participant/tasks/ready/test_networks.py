"""Networks for images: group normalisation, residual blocks, the same bytes at any number of threads; class weights."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.training import context  # noqa: E402

from ledger.errors import Malformed, UsageError  # noqa: E402
from participant.tasks.classification import ClassLoss, Labelled  # noqa: E402
from participant.tasks.optimisers import Plan, fit  # noqa: E402
from participant.tasks.ready.image import Image  # noqa: E402
from participant.tasks.ready.tabular import Tabular  # noqa: E402
from participant.tasks.settings import Settings  # noqa: E402

pytestmark = pytest.mark.node
PLAIN: dict[str, Any] = {
    "height": 8,
    "width": 8,
    "classes": ["left", "right"],
    "brightest": "1",
    "learning_rate": "0.1",
}
RESNET = PLAIN | {"model": "resnet", "filters": ["4", "8"], "groups": 2, "epochs": 4, "batch_size": 8}
TABLE: dict[str, Any] = {"columns": ["a"], "ranges": ["0:1"], "classes": ["no", "yes"], "learning_rate": "0.3"}


def images(path: Path, rows: int = 48) -> Path:
    """A bright half, left or right."""
    random, sides = np.random.default_rng(1), np.arange(rows) % 2
    x = random.uniform(0, 0.4, (rows, 8, 8))
    for row, side in enumerate(sides):
        x[row, :, 4 * side : 4 * side + 4] += 0.5
    np.savez(path, x=x, y=sides)
    return path


def trained(task: Any, data: Any) -> Any:
    model = task.build_model(1)
    task.train(model, data, context(task, model))
    return model


@pytest.mark.parametrize(
    "settings",
    [
        RESNET,
        PLAIN | {"norm": "group", "epochs": 8},
        PLAIN
        | {
            "model": "resnet",
            "filters": ["4", "8"],
            "norm": "none",
            "epochs": 10,
            "optimiser": "adam",
            "learning_rate": "0.01",
        },
    ],
)
def test_images_are_learnt(tmp_path: Path, settings: dict[str, Any]) -> None:
    task = Image(settings)
    data = task.load_data(images(tmp_path / "images.npz"))
    assert task.evaluate(trained(task, data), data)["accuracy"] > 0.9


def test_a_residual_network_has_the_widths_and_the_depth_of_its_settings() -> None:
    model = Image(RESNET | {"depth": 2, "filters": ["4", "8", "8"]}).build_model(1)
    kinds = [type(part).__name__ for part in model]
    assert kinds == ["Conv2d", "GroupNorm", "ReLU", *["ResidualBlock"] * 6, "PlaceMean", "Linear"]
    assert [model[place].second.out_channels for place in range(3, 9)] == [4, 4, 8, 8, 8, 8]
    assert [model[place].first.stride[0] for place in range(3, 9)] == [1, 1, 2, 1, 2, 1]
    assert not list(model.buffers()), "no running statistics: nothing to average"


@pytest.mark.parametrize("filters", [["4", "8"], ["128", "256"]])
def test_the_same_seed_gives_the_same_bytes_at_any_number_of_threads(tmp_path: Path, filters: list[str]) -> None:
    """Also of a model of more than a million values, whose training takes several."""
    task = Image(RESNET | {"filters": filters, "epochs": 1, "batch_size": 16})
    data = task.load_data(images(tmp_path / "images.npz", 32))
    size = sum(parameter.numel() for parameter in task.build_model(1).parameters())
    assert (size > 1 << 20) == (filters[0] == "128")
    states, before = [], torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            states.append(trained(task, data).state_dict())
    finally:
        torch.set_num_threads(before)
    for state in states[1:]:
        assert all(torch.equal(tensor, states[0][name]) for name, tensor in state.items())


def test_one_image_says_the_same_alone_and_among_others(tmp_path: Path) -> None:
    task = Image(RESNET)
    data = task.load_data(images(tmp_path / "images.npz"))
    model = trained(task, data).eval()
    together, alone = model(data.inputs), torch.cat([model(row[None]) for row in data.inputs])
    assert torch.allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"filters": ["5", "8"]}, "groups"),
        ({"groups": 3}, "groups"),
        ({"norm": "batch"}, "norm"),
        ({"model": "transformer"}, "model"),
        ({"filters": ["4"] * 7}, "filters"),
        ({"filters": ["4"] * 5}, "filters"),
        ({"depth": 0}, "depth"),
        ({"norm": "none", "groups": 2}, "no setting 'groups'"),
    ],
)
def test_settings_that_make_no_network_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(Malformed, match=message):
        Image((PLAIN | {"model": "resnet"} if "norm" in settings and "groups" in settings else RESNET) | settings)
    with pytest.raises(Malformed, match="depth"):
        Image(PLAIN | {"depth": 2})
    with pytest.raises(Malformed, match="filters"):
        Image(PLAIN | {"filters": ["4", "4", "4"]})


def test_exact_inference_says_what_it_does_not_know() -> None:
    for settings, layer in ((RESNET, "Conv2d"), (PLAIN | {"norm": "group"}, "GroupNorm")):
        task = Image(settings)
        with pytest.raises(UsageError, match="exact inference does not know") as caught:
            task.layers(task.build_model(1))
        assert layer in str(caught.value.facts["actual"])


def test_without_new_settings_the_model_is_what_it_was() -> None:
    assert [type(part).__name__ for part in Image(PLAIN).build_model(1)] == [
        *("Conv2d", "ReLU", "MaxPool2d") * 2,
        "Flatten",
        "Linear",
    ]


def rows(positive: int, negative: int) -> Labelled:
    targets = torch.tensor([1] * positive + [0] * negative)
    return Labelled(torch.ones(positive + negative, 1), targets)


def test_class_weights_say_how_much_a_row_of_a_class_counts() -> None:
    """Nine of ten rows say no; weighed nine to one, both classes are as probable."""
    data, chances = rows(10, 90), []
    for weights in ({}, {"class_weights": ["1", "9"]}):
        task = Tabular(TABLE | weights | {"epochs": 60})
        model = trained(task, data)
        chances.append(float(torch.softmax(model(torch.ones(1, 1)), 1)[0, 1].detach()))
    assert chances[0] == pytest.approx(0.1, abs=0.05)
    assert chances[1] == pytest.approx(0.5, abs=0.05)


def test_a_rows_part_in_the_loss_depends_on_no_other_row() -> None:
    """The divisor is the number of rows: with the sum of weights, a row's gradient would follow from its neighbours."""
    loss, outputs, targets = ClassLoss((1.0, 4.0)), torch.tensor([[0.3, -0.2], [1.0, 2.0]]), torch.tensor([0, 1])
    each = [float(loss(outputs[row : row + 1], targets[row : row + 1])) for row in (0, 1)]
    assert float(loss(outputs, targets)) == pytest.approx(sum(each) / 2)
    plain = torch.nn.functional.cross_entropy(outputs[1:], targets[1:])
    assert each[1] == pytest.approx(4 * float(plain))
    assert ClassLoss()(outputs, targets) == torch.nn.functional.cross_entropy(outputs, targets)


def test_equal_weights_change_nothing_but_the_rate(tmp_path: Path) -> None:
    data, plan = rows(5, 7), Plan(3, 4, "sgd", 0.1, 0, 0, 0)
    models = []
    for loss in (ClassLoss(), ClassLoss((1.0, 1.0))):
        model = Tabular(TABLE).build_model(1)
        fit(model, data.inputs, data.targets, loss, plan, seed=1, base=dict(model.state_dict()))
        models.append(model.state_dict())
    assert all(torch.allclose(tensor, models[1][name], atol=1e-7) for name, tensor in models[0].items())


@pytest.mark.parametrize("weights", [["1"], ["1", "2", "3"], ["1", "0"], ["1", "-1"], ["1", "much"], ["1", "nan"], "1"])
def test_weights_that_fit_no_classes_are_refused(weights: Any) -> None:
    for kind, settings in ((Tabular, TABLE), (Image, PLAIN)):
        with pytest.raises(Malformed, match="class_weights"):
            kind({**settings, "class_weights": weights})
    read = Settings("tabular", {})
    assert read.decimals("class_weights", 2) == []
    read.done()
