"""Which of a model's tensors are on the ledger, how they come back into a model, and a round's training starts."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import torch

from ledger.errors import Malformed, UsageError
from ledger.formats.artifact import Layout
from ledger.jobs.document import Setting
from ledger.jobs.private import ANY, chosen
from participant.integers.fixed_point import Stream
from participant.integers.tensors import State, tensors_of
from participant.tasks import answers
from participant.tasks.protocol import Personal, ProgressReport, RoundContext, Task, unreported

if TYPE_CHECKING:
    from participant.privacy.noise import Noise
    from participant.tasks.correction import Correction


def shared_state(task: Task, model: torch.nn.Module, private: Sequence[str] = ()) -> State:
    """The model's tensors that are on the ledger, by name; `private` are the job's patterns of those that are not.

    Raises UsageError where the task names others, or none; Malformed for a pattern of no tensor, or of all, and for a
    private tensor that is in the same memory as one on the ledger.
    """
    state, names = _named(task, model)
    unknown = [name for name in names if name not in state]
    if unknown or not names:
        raise UsageError(
            f"task {task.name!r} shares a tensor {unknown[0]!r} that its model does not have"
            if unknown
            else f"task {task.name!r} shares no tensor",
            advice="shared(model) must return names of state(model), at least one",
            state=", ".join(sorted(state))[:300],
        )
    home = set(chosen(private, state))
    if home.issuperset(names):
        chosen((ANY,), names)
    shared = {name: state[name].detach() for name in names if name not in home}
    _require_apart(shared, {name: state[name] for name in home})
    return shared


def _require_apart(shared: State, own: State) -> None:
    """Raise Malformed for tied tensors of which one is private and the other is on the ledger: it would be there all
    the same.
    """
    places = [(*_memory(tensor), name) for name, tensor in shared.items()] if own else []
    for name, tensor in own.items():
        start, stop = _memory(tensor)
        other = next((one for first, last, one in places if first < stop and start < last), None)
        if other is not None:
            raise Malformed(
                f"private.tensors: {name!r} is the same as {other!r}, which is on the ledger",
                advice="the model ties them: name both, or none",
            )


def _memory(tensor: torch.Tensor) -> tuple[int, int]:
    """The first byte of a tensor's values, and the one after the last; two equal numbers for none."""
    start = tensor.data_ptr()
    if not tensor.numel():
        return start, start
    last = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    return start, start + (last + 1) * tensor.element_size()


def private_state(task: Task, model: torch.nn.Module, private: Sequence[str]) -> State:
    """The model's tensors that the job's patterns are of, by name: those that the node keeps from round to round.

    Raises as `shared_state`.
    """
    state = answers.state(task.name, task.state(model))
    return {name: state[name].detach() for name in chosen(private, state)}


def whole_state(task: Task, model: torch.nn.Module) -> State:
    """All of the model's tensors, by name."""
    return {name: tensor.detach() for name, tensor in answers.state(task.name, task.state(model)).items()}


def at_home(task: Task, model: torch.nn.Module, private: Sequence[str] = ()) -> tuple[str, ...]:
    """Names of the model's tensors that are not on the ledger. Raises as `shared_state`."""
    state, names = _named(task, model)
    return tuple(sorted((set(state) - set(names)) | set(chosen(private, state))))


def load_shared(
    task: Task, model: torch.nn.Module, layout: Layout, stream: Stream, private: Sequence[str] = ()
) -> None:
    """Put what a stream stands for into a model. Raises Malformed where its shared tensors are not the layout's."""
    tensors = tensors_of(layout, stream, shared_state(task, model, private))
    with torch.no_grad():
        task.load(model, tensors)


def load_own(task: Task, model: torch.nn.Module, tensors: State) -> None:
    """Put a party's own tensors into a model, on its device. Raises Malformed where it does not have such tensors."""
    if not tensors:
        return
    state = answers.state(task.name, task.state(model))
    for name, tensor in tensors.items():
        mine = state.get(name)
        if mine is None or mine.shape != tensor.shape or mine.dtype != tensor.dtype:
            raise Malformed(
                f"tensor {name!r}, kept at home, does not fit the model",
                advice="it was kept for another model: put head.toml back as it was then, or restore the home's folder "
                "`private` from a copy",
                expected="none" if mine is None else f"{tuple(mine.shape)} {mine.dtype}",
                actual=f"{tuple(tensor.shape)} {tensor.dtype}",
            )
    with torch.no_grad():
        task.load(model, {name: tensor.to(state[name].device) for name, tensor in tensors.items()})


def _named(task: Task, model: torch.nn.Module) -> tuple[State, Collection[str]]:
    return answers.state(task.name, task.state(model)), answers.names(task.name, task.shared(model))


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
    correction: "Correction | None" = None,
    private: Sequence[str] = (),
    personal: Personal | None = None,
) -> RoundContext:
    """The context of a round that trains `model` as it is now; `private` are the job's patterns."""
    base = {name: tensor.clone() for name, tensor in shared_state(task, model, private).items()}
    known, at = MappingProxyType(dict(settings)), torch.device(device)
    given = MappingProxyType(base), at, scratch, known
    return RoundContext(number, seed, *given, report, noise, correction, personal)
