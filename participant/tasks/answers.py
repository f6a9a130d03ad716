"""What a task's methods return, checked and converted before anything is made of it."""

import numbers
from collections.abc import Collection, Mapping, Sequence
from math import isfinite, isnan
from typing import Any

import msgspec
import numpy as np
import torch
from torch.nn.parameter import is_lazy

from ledger.errors import Malformed, UsageError
from ledger.formats.rows import DIGEST
from ledger.jobs.layers import Layer
from ledger.releases.counts import Counts
from ledger.releases.counts import check as check_counts
from ledger.releases.sums import Sums
from ledger.releases.sums import check as check_sums
from participant.tasks.protocol import TrainResult

SHOWN = 200


class WrongAnswer(UsageError):
    """A task's method returned what its contract does not allow; the fact `method` says which one."""


def wrong(task: str, method: str, field: str, expected: str, actual: object) -> WrongAnswer:
    """The error that names task, method and field, what was expected, and what was there."""
    return WrongAnswer(
        f"task {task!r} returned an impossible {field} from {method}",
        task=task,
        method=method,
        field=field,
        expected=expected,
        actual=shown(actual),
    )


def shown(value: object) -> str:
    """A foreign value with its type, cut to a bound."""
    try:
        text = repr(value)[:SHOWN]
    except Exception:  # noqa: BLE001 - the edge to a task's own code
        text = "(it cannot be shown)"
    return f"{text} ({type(value).__name__})"


def trained(task: str, result: object) -> TrainResult:
    """The result of training, numbers of numpy and torch as Python's own.

    Raises WrongAnswer for samples that are not an integer above 0, a loss or a metric that is not a finite number.
    """
    if not isinstance(result, TrainResult):
        raise wrong(task, "train", "result", "a TrainResult", result)
    samples = _integer(result.samples)
    if samples is None or samples < 1:
        raise wrong(task, "train", "samples", "an integer, at least 1", result.samples)
    loss = _number(result.loss)
    if loss is None or not isfinite(loss):
        raise wrong(task, "train", "loss", "a finite number", result.loss)
    return TrainResult(samples, loss, _finite(task, "train", "metrics", result.metrics))


def figures(task: str, result: object) -> dict[str, float]:
    """An evaluation's figures as Python's floats, NaN among them. Raises WrongAnswer for anything else."""
    return _floats(task, "evaluate", "figures", result)


def finite_figures(task: str, result: object) -> dict[str, float]:
    """The same, all of them finite, and at least one."""
    found = _finite(task, "evaluate", "figures", result)
    if not found:
        raise wrong(task, "evaluate", "figures", "finite floats by name, at least one", result)
    return found


def state(task: str, result: object) -> Mapping[str, torch.Tensor]:
    """A model's tensors by name. Raises WrongAnswer for anything else."""
    if not isinstance(result, Mapping):
        raise wrong(task, "state", "state", "tensors by name", result)
    for name, tensor in result.items():
        if not isinstance(name, str):
            raise wrong(task, "state", "name", "a text", name)
        if not isinstance(tensor, torch.Tensor):
            raise wrong(task, "state", f"tensor {name[:SHOWN]!r}", "a torch.Tensor", tensor)
        if is_lazy(tensor):
            raise wrong(task, "state", f"tensor {name[:SHOWN]!r}", "a tensor with a shape, not a lazy one", tensor)
    return result


def names(task: str, result: object) -> list[str]:
    """The names that a task shares, sorted. Raises WrongAnswer for one text, or what is not a collection of texts."""
    if isinstance(result, str | bytes) or not isinstance(result, Collection):
        raise wrong(task, "shared", "collection", "names of tensors, such as a list", result)
    for name in result:
        if not isinstance(name, str):
            raise wrong(task, "shared", "name", "a text", name)
    return sorted(set(result))


def layers(task: str, result: object) -> tuple[Layer, ...]:
    """A model layer by layer. Raises WrongAnswer for anything but a sequence of `ledger.jobs.layers`."""
    if not isinstance(result, Sequence) or not all(isinstance(layer, Layer) for layer in result):
        raise wrong(task, "layers", "layers", "a list of layers (ledger.jobs.layers)", result)
    return tuple(result)


def counts(task: str, result: object) -> Counts | None:
    """What was counted. Raises WrongAnswer for anything but counts that add up."""
    if result is None:
        return None
    if not isinstance(result, Counts):
        raise wrong(task, "counts", "counts", "ledger.releases.counts.Counts, or None", result)
    try:
        made = msgspec.convert(msgspec.to_builtins(result), Counts)
        check_counts(made, made.rows, task)
    except (Malformed, TypeError, ValueError) as error:  # msgspec's errors are of the last kind
        raise wrong(task, "counts", "counts", "counts that add up", str(error)) from error
    return made


def sums(task: str, result: object) -> Sums | None:
    """What was summed. Raises WrongAnswer for anything but sums that rows can have."""
    if result is None:
        return None
    if not isinstance(result, Sums):
        raise wrong(task, "sums", "sums", "ledger.releases.sums.Sums, or None", result)
    try:
        made: Sums = msgspec.convert(msgspec.to_builtins(result), Sums)
        check_sums(made, made.rows, task)
    except (Malformed, TypeError, ValueError) as error:  # msgspec's errors are of the last kind
        raise wrong(task, "sums", "sums", "sums that rows can have", str(error)) from error
    return made


def leaves(task: str, result: object) -> tuple[bytes, ...]:
    """The leaves of data. Raises WrongAnswer for anything but digests of 32 bytes, at least one."""
    if not isinstance(result, Sequence) or isinstance(result, str | bytes) or not result:
        raise wrong(task, "leaves", "leaves", "a list of digests, at least one", result)
    for leaf in result:
        if not isinstance(leaf, bytes) or len(leaf) != DIGEST:
            raise wrong(task, "leaves", "leaf", f"a digest of {DIGEST} bytes", leaf)
    return tuple(result)


def _finite(task: str, method: str, field: str, result: object) -> dict[str, float]:
    found = _floats(task, method, field, result)
    for name, value in found.items():
        if not isfinite(value):
            raise wrong(task, method, f"{field}[{name[:SHOWN]!r}]", "finite floats by name", value)
    return found


def _floats(task: str, method: str, field: str, result: object) -> dict[str, float]:
    expected = "finite floats by name"
    if not isinstance(result, Mapping):
        raise wrong(task, method, field, expected, result)
    found = dict[str, float]()
    for name, value in result.items():
        number = _number(value)
        if not isinstance(name, str) or number is None:
            raise wrong(task, method, f"{field}[{shown(name)}]", expected, value)
        found[name] = number
    return found


def _scalar(value: Any) -> Any:
    """A number of numpy's or torch's, or an array of one value without shape, as Python's own."""
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray | torch.Tensor) and value.shape == ()):
        return value.item()
    return value


def _integer(value: Any) -> int | None:
    plain = _scalar(value)
    return int(plain) if isinstance(plain, int) and not isinstance(plain, bool) else None


def _number(value: Any) -> float | None:
    """A real number as a float of the same value; None for one that has none, a bool, or no number at all."""
    plain = _scalar(value)
    if isinstance(plain, bool) or not isinstance(plain, numbers.Real):
        return None
    try:
        number = float(plain)
    except OverflowError:
        return None
    return number if number == plain or isnan(number) else None
