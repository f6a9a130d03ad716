"""A Flower app, unmodified, as a task: what it trains is on the ledger, what it keeps stays at home."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from torch import Tensor, nn

from ledger.errors import UsageError
from ledger.jobs.document import Setting
from participant.tasks.flower.app import App
from participant.tasks.flower.keeping import keep, kept
from participant.tasks.flower.library import flower
from participant.tasks.flower.nodes import ALONE, FlowerNode, read_node
from participant.tasks.flower.origin import require_apps
from participant.tasks.flower.settings import AppSettings
from participant.tasks.flower.tensors import Tensors, require_same, seeded, tensors_of
from participant.tasks.protocol import RoundContext, Task, TrainResult

TASK = "flower"
LOSSES = ("train_loss", "train-loss", "loss")
"""Names that apps give to the loss of training; one that names it otherwise has 0 on the node's screen."""


class Flower(Task):
    """Settings (docs/bridges.md): app, initial, sources, run.*, config.*, loss, accuracy."""

    name: ClassVar[str] = TASK
    version: ClassVar[str] = "1"

    def __init__(self, settings: Mapping[str, Setting]) -> None:
        said = AppSettings.read(self.name, settings)
        require_apps(said.covered)
        flower()
        self.app = App.load(said)

    @classmethod
    def covers(cls, settings: Mapping[str, Setting]) -> Sequence[str]:
        """The packages of the app, of what makes its first model, and of `sources`: each must be one of an app."""
        said = AppSettings.read(cls.name, settings)
        require_apps(said.covered)
        return said.covered

    def build_model(self, seed: int) -> nn.Module:
        context = self.app.context(flower().RecordDict(), ALONE)
        with seeded(nn.Module(), seed):
            arrays = self.app.initial(context)
        return Tensors(tensors_of(arrays, f"the first model of {self.app.said.app}"))

    def load_data(self, path: Path) -> FlowerNode:
        """The node that the app runs on; the app reads the data themselves. Raises as `read_node`."""
        return read_node(path)

    def train(self, model: nn.Module, data: FlowerNode, round: RoundContext) -> TrainResult:
        held = _held(model)
        context, sent = self.app.context(kept(round.scratch), data.config), held.arrays()
        with seeded(model, round.seed):
            reply = self.app.train(sent, round.number, context)
        came = reply.arrays or {}
        require_same(sent, came, self.app.said.app)
        keep(round.scratch, context.state)
        held.put(tensors_of(came, "the app's reply"))
        loss = next((reply.metrics[name] for name in LOSSES if name in reply.metrics), 0.0)
        return TrainResult(samples=reply.examples, loss=loss, metrics=reply.metrics)

    def evaluate(self, model: nn.Module, data: FlowerNode) -> dict[str, float]:
        """The app's own figures, and by the names that the ledger knows: loss, accuracy, samples. What the app keeps
        from round to round is not there.
        """
        context, said = self.app.context(flower().RecordDict(), data.config), self.app.said
        with seeded(model, 0):
            reply = self.app.evaluate(_held(model).arrays(), context)
        figures = dict(reply.metrics)
        for name, called in (("loss", said.loss), ("accuracy", said.accuracy)):
            if name not in figures and called in figures:
                figures[name] = figures[called]
        return {**figures, "samples": float(reply.examples)}

    def state(self, model: nn.Module) -> Mapping[str, Tensor]:
        return _held(model).named()

    def load(self, model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
        _held(model).put(tensors)

    def layers(self, model: nn.Module) -> Sequence[object]:  # type: ignore[override]
        raise UsageError(
            "a Flower app does not say of what layers its model is",
            advice="score on private sets (docs/tasks.md)",
            task=self.name,
        )


def _held(model: nn.Module) -> Tensors:
    if not isinstance(model, Tensors):
        raise TypeError(f"a model of the task {TASK} is expected, not {type(model).__name__}")
    return model
