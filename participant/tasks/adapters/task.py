"""Classification of texts by an adapter (LoRA) on a transformer that stays as it is, and off the ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn

from ledger.errors import Malformed
from ledger.jobs.document import Setting
from ledger.releases.counts import Counts
from ledger.releases.peft import ALPHA, RANK, TARGETS, TASK, WHOLE, Lora
from participant.tasks.adapters import backbone, libraries
from participant.tasks.adapters import model as models
from participant.tasks.adapters.texts import Columns, read_texts, reader_of
from participant.tasks.classification import Labelled, counted, join, merit, part
from participant.tasks.data.leaves import leaves_of_rows
from participant.tasks.learning import learn
from participant.tasks.optimisers import Plan
from participant.tasks.protocol import RoundContext, Task, TrainResult
from participant.tasks.settings import Settings

MAX_LENGTH = 1 << 16


class Adapter(Task):
    """Settings (docs/tasks.md): backbone, rank, alpha, target_modules, modules_to_save, freeze_a, reads, length, text,
    label, classes, and those of `Plan`.
    """

    name: ClassVar[str] = TASK
    version: ClassVar[str] = "1"
    corrects: ClassVar[bool] = True

    def __init__(self, settings: Mapping[str, Setting]) -> None:
        read = Settings(self.name, settings)
        self.backbone = _digest(read.text("backbone"))
        lora = Lora(
            read.integer("rank", RANK, high=1024),
            read.integer("alpha", ALPHA, high=1 << 16),
            tuple(read.texts("target_modules", list(TARGETS))),
            tuple(read.texts("modules_to_save", list(WHOLE))),
        )
        freeze_a = read.flag("freeze_a")
        self.reads = read.text("reads", "text", choices=("text", "ids"))
        self.length = read.integer("length", 128, low=2, high=MAX_LENGTH)
        self.classes = tuple(read.unique("classes", minimum=2))
        self.columns = Columns(read.text("text", "text"), read.text("label", "label"), self.classes)
        self.plan = Plan.read(read)
        read.done()
        self.shape = models.AdapterShape(lora, freeze_a, self.length, len(self.classes))
        libraries.require()

    def build_model(self, seed: int) -> nn.Module:
        """Raises as `backbone.require`, and `models.build`."""
        return models.build(backbone.require(self.backbone), self.shape, seed)

    def load_data(self, path: Path) -> Labelled:
        """Read a .csv file with a column of texts, or of tokens, and one of classes. Raises as `build_model`, too."""
        encode = reader_of(backbone.require(self.backbone), self.length, self.reads)
        found = read_texts(path, self.columns)
        try:
            tokens = encode(found.texts, found.lines)
        except Malformed as error:
            raise Malformed(error.message, advice=error.advice, file=str(path), **error.facts) from error
        leaves = leaves_of_rows(tokens.astype("<f8"), found.targets)
        return Labelled(torch.from_numpy(tokens), torch.from_numpy(found.targets), leaves)

    def train(self, model: nn.Module, data: Labelled, round: RoundContext) -> TrainResult:
        """The names of parameters are the model's, those of the backbone and the correction the ledger's."""
        names = models.parameters_of(_adapted(model))
        known = replace(round, base=_renamed(round.base, names))
        if (correction := round.correction) is not None:
            known = replace(known, correction=replace(correction, shift=_renamed(correction.shift, names)))
        return learn(model, data.inputs, data.targets, nn.functional.cross_entropy, self.plan, known)

    def evaluate(self, model: nn.Module, data: Labelled) -> dict[str, float]:
        return merit(model, data, self.classes)

    def counts(self, model: nn.Module, data: Labelled) -> Counts | None:
        return counted(model, data, self.classes)

    def state(self, model: nn.Module) -> Mapping[str, Tensor]:
        """The adapter and the head, under PEFT's names; the backbone is no part of it."""
        return models.state(_adapted(model))

    def load(self, model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
        models.load(_adapted(model), tensors)

    def leaves(self, data: Labelled) -> Sequence[bytes]:
        return data.leaves

    def part(self, data: Labelled, places: Sequence[int]) -> Labelled:
        return part(data, places)

    def join(self, parts: Sequence[Labelled]) -> Labelled:
        return join(parts)


def _adapted(model: nn.Module) -> models.Adapted:
    if not isinstance(model, models.Adapted):
        raise TypeError(f"a model of the task {TASK} is expected, not {type(model).__name__}")
    return model


def _renamed(tensors: Mapping[str, Tensor], names: Mapping[str, str]) -> dict[str, Tensor]:
    return {names[name]: tensor for name, tensor in tensors.items()}


def _digest(text: str) -> str:
    if len(text) != 64 or any(sign not in "0123456789abcdef" for sign in text):
        raise Malformed(
            "setting 'backbone' of task 'adapter' is not the digest of a backbone",
            advice="fedledger task backbone FOLDER says it",
            expected="64 digits",
            actual=repr(text)[:200],
        )
    return text
