"""An app's arrays as the tensors of a model, and what comes back from training against what went there."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ledger.errors import UsageError
from participant.tasks.optimisers import deterministic

Arrays = Mapping[str, NDArray[Any]]
"""Arrays by name, in the app's order."""


class Tensors(nn.Module):
    """The arrays of an app, which alone knows what network they are of; names may be any text."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.names = tuple(tensors)
        self.values = nn.ParameterList(nn.Parameter(tensor, requires_grad=False) for tensor in tensors.values())

    def named(self) -> dict[str, Tensor]:
        """By name, in the app's order."""
        return {name: self.values[place].detach() for place, name in enumerate(self.names)}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Copies of the values, by name."""
        return {name: tensor.cpu().numpy().copy() for name, tensor in self.named().items()}

    def put(self, tensors: Mapping[str, Tensor]) -> None:
        """Values over those of the same names."""
        places = {name: place for place, name in enumerate(self.names)}
        with torch.no_grad():
            for name, tensor in tensors.items():
                self.values[places[name]].copy_(tensor)


def tensors_of(arrays: Arrays, where: str) -> dict[str, Tensor]:
    """Arrays as tensors, of their own types. Raises UsageError for one that is not of numbers, and for none at all."""
    if not arrays:
        raise UsageError(f"{where} has no array", advice="a model has at least one", expected="arrays", actual="none")
    made = dict[str, Tensor]()
    for name, array in arrays.items():
        try:
            made[name] = torch.from_numpy(np.array(array, order="C"))
        except TypeError as error:
            raise UsageError(f"an array of {where} is not of numbers", tensor=name, actual=str(array.dtype)) from error
    return made


def require_same(sent: Arrays, came: Arrays, app: str) -> None:
    """Raise UsageError where an app returned other arrays than it was given: their number, names, shapes, or integers
    where there were none. The width of floats plays no part: the ledger's integers decide.
    """
    if list(came) != list(sent):
        raise (
            _changed(app, "names", _named(sent), _named(came))
            if len(sent) == len(came)
            else _changed(app, "number", f"{len(sent)}: {_named(sent)}", f"{len(came)}: {_named(came)}")
        )
    for name, array in came.items():
        if array.shape != sent[name].shape:
            raise _changed(app, "shapes", sent[name].shape, array.shape, tensor=name)
        if (array.dtype.kind == "f") != (sent[name].dtype.kind == "f") or array.dtype.kind not in "fiub":
            raise _changed(app, "types", sent[name].dtype, array.dtype, tensor=name)


def _changed(app: str, what: str, expected: object, actual: object, **facts: str) -> UsageError:
    return UsageError(
        f"the app changed the {what} of its tensors in training",
        advice="a job's tensors are those of its initial model: let `initial` make the ones that the app trains",
        app=app,
        **facts,
        expected=str(expected),
        actual=str(actual),
    )


def _named(arrays: Arrays) -> str:
    return ", ".join(arrays)[:300]


@contextmanager
def seeded(model: nn.Module, seed: int) -> Iterator[None]:
    """Random numbers of Python's, numpy's and torch's common generators follow from `seed`, those of accelerators too,
    since an app places its model itself. All is put back after, but on accelerators.
    """
    import random

    before, before_numpy = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed % (1 << 32))
    try:
        with deterministic(model, seed):
            torch.manual_seed(seed)
            yield
    finally:
        random.setstate(before)
        np.random.set_state(before_numpy)


def numbered(arrays: Sequence[NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Arrays without names, named by their places, as Flower does."""
    return {str(place): array for place, array in enumerate(arrays)}
