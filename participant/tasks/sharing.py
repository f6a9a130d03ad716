"""Which of a model's tensors are on the ledger, how they come back into a model, and a round's training starts."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import torch

from ledger.errors import UsageError
from ledger.formats.artifact import Layout
from ledger.jobs.document import Setting
from participant.integers.fixed_point import Stream
from participant.integers.tensors import State, tensors_of
from participant.tasks import answers
from participant.tasks.protocol import ProgressReport, RoundContext, Task, unreported

if TYPE_CHECKING:
    from participant.privacy.noise import Noise


def shared_state(task: Task, model: torch.nn.Module) -> State:
    """The model's tensors that are on the ledger, by name. Raises UsageError where the task names others, or none."""
    state = answers.state(task.name, task.state(model))
    names = answers.names(task.name, task.shared(model))
    unknown = [name for name in names if name not in state]
    if unknown or not names:
        raise UsageError(
            f"task {task.name!r} shares a tensor {unknown[0]!r} that its model does not have"
            if unknown
            else f"task {task.name!r} shares no tensor",
            advice="shared(model) must return names of state(model), at least one",
            state=", ".join(sorted(state))[:300],
        )
    return {name: state[name].detach() for name in names}


def at_home(task: Task, model: torch.nn.Module) -> tuple[str, ...]:
    """Names of the model's tensors that are not on the ledger."""
    state, names = answers.state(task.name, task.state(model)), answers.names(task.name, task.shared(model))
    return tuple(sorted(set(state) - set(names)))


def load_shared(task: Task, model: torch.nn.Module, layout: Layout, stream: Stream) -> None:
    """Put what a stream stands for into a model. Raises Malformed where its shared tensors are not the layout's."""
    tensors = tensors_of(layout, stream, shared_state(task, model))
    with torch.no_grad():
        task.load(model, tensors)


def context_of(
    task: Task,
    model: torch.nn.Module,
    number: int,
    seed: int,
    device: str,
    scratch: Path,
    settings: Mapping[str, Setting],
    report: ProgressReport = unreported,
    noise: "Noise | None" = None,
) -> RoundContext:
    """The context of a round that trains `model` as it is now."""
    base = {name: tensor.clone() for name, tensor in shared_state(task, model).items()}
    known = MappingProxyType(dict(settings))
    return RoundContext(number, seed, MappingProxyType(base), torch.device(device), scratch, known, report, noise)
