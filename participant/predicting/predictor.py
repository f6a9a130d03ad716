"""A release ready to predict: its description and its network put together."""

import hashlib
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ledger.scores.inference import HIGHEST
from participant.predicting.arrays import ArrayDescription
from participant.predicting.describing import describe
from participant.predicting.description import Description, require_outputs, require_whole
from participant.predicting.meaning import Tensors
from participant.predicting.network import LayeredNetwork, RowNetwork, network_of
from participant.predicting.released import FoundRelease

Ints = NDArray[np.int32]
DOMAIN = b"fedledger/prediction-input/1"


@dataclass(frozen=True, slots=True)
class Predictor:
    """One release. Nothing in it changes: a roll-back makes another."""

    released: FoundRelease
    description: Description | ArrayDescription
    network: RowNetwork

    @classmethod
    def of(cls, released: FoundRelease) -> Self:
        """Raises UsageError where the release cannot predict here, saying what is missing, and Malformed."""
        require_whole(released.job)
        description = describe(released.job)
        network = network_of(released.job, released.model, description.shape)
        if isinstance(network, LayeredNetwork):
            require_outputs(description.meaning, network.network.shapes[-1])
        return cls(released, description, network)

    def predict(self, inputs: Ints) -> Tensors:
        """What the model says of prepared rows, n × …, by the names of `Description.meaning.fields`."""
        return self.counted(inputs)[0]

    def counted(self, inputs: Ints) -> tuple[Tensors, int]:
        """The same, and of how many rows an output was cut at ±2^15, where a model is of no use for the row."""
        outputs = self.network.outputs(inputs)
        cut = int((np.abs(outputs) >= HIGHEST).reshape(len(outputs), -1).any(axis=1).sum())
        return self.description.meaning.of(outputs), cut


def digest_of(inputs: Ints, salt: bytes = b"") -> str:
    """The SHA-256 of prepared rows, after a domain, a salt and their shape: which rows a prediction is of."""
    made = hashlib.sha256(DOMAIN)
    made.update(len(salt).to_bytes(1, "big") + salt)
    for size in inputs.shape:
        made.update(size.to_bytes(8, "big"))
    made.update(np.ascontiguousarray(inputs, "<i4").data)
    return made.hexdigest()
