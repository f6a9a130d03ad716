"""A job as prediction needs it: what a row becomes, how that is scaled, and what outputs mean. No torch."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ledger.errors import Malformed, UsageError
from ledger.formats.artifact import Tensor
from ledger.jobs.document import Job
from ledger.jobs.preparation import Preparation
from ledger.scores.inference import FRACTION_BITS
from participant.integers.fixed_point import to_integers
from participant.predicting.meaning import ClassAnswers, EachAnswers, Meaning, NumberAnswers, TimeAnswers
from participant.tasks.data.preparing.scaling import scaled
from participant.tasks.settings import Settings

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Description:
    """A table's job: its preparation, said or implied by its settings, and the meaning of what the model makes."""

    preparation: Preparation
    meaning: Meaning

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What a row becomes, in order."""
        return tuple(output.name for output in self.preparation.outputs)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one input of the network."""
        return (len(self.names),)

    @cached_property
    def low(self) -> Floats:
        """The low end of each one's range, which is scaled to -1."""
        return np.array([float(output.low) for output in self.preparation.outputs])

    @cached_property
    def high(self) -> Floats:
        """The high end, which is scaled to 1."""
        return np.array([float(output.high) for output in self.preparation.outputs])

    def integers(self, values: Floats) -> Ints:
        """Prepared numbers, n × `names`, scaled as in training, as integers with 16 fraction bits."""
        inputs = scaled(values, self.low, self.high)
        return to_integers(Tensor("inputs", inputs.shape, FRACTION_BITS), inputs).reshape(inputs.shape)


def _classes(read: Settings) -> Meaning:
    return ClassAnswers(tuple(read.unique("classes", minimum=2)))


def _numbers(read: Settings) -> Meaning:
    names = tuple(read.unique("targets"))
    bounds = np.array(read.pairs("target_ranges", len(names)))
    return NumberAnswers(names, bounds[:, 0], bounds[:, 1])


def _times(read: Settings) -> Meaning:
    return TimeAnswers(tuple(text.strip() for text in read.texts("bins")))


def _linear(read: Settings) -> Meaning:
    return _classes(read) if read.has("classes") else _numbers(read)


def _each(read: Settings) -> Meaning:
    return EachAnswers(tuple(read.texts("tasks", ["label"])))


MEANINGS = {
    "tabular": _classes,
    "regression": _numbers,
    "survival": _times,
    "sklearn": _linear,
    "multitask": _each,
    "image": _classes,
    "multimodal": _classes,
}
"""Ready tasks, and what their outputs mean."""


def require_whole(job: Job) -> None:
    """Raise UsageError for a job some of whose tensors stay at each party: what is released is a part of a model."""
    if job.private.tensors:
        raise UsageError(
            "the release is a part of a model: each party keeps tensors of its own",
            advice="a party makes its own: fedledger node personalise --help",
            tensors=", ".join(job.private.tensors),
        )


def require_outputs(meaning: Meaning, shape: tuple[int, ...]) -> None:
    """Raise Malformed where the network does not make one output for each thing that the job names."""
    named = max(len(columns) for columns in meaning.fields.values())
    if shape != (named,):
        raise Malformed("the model has other outputs than the job names", expected=(named,), actual=shape)
