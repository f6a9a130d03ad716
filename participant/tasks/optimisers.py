"""Local training: FedAvg's and FedProx's share of a round, in plain tensors.

FedAvg (McMahan et al. 2017, "Communication-Efficient Learning of Deep Networks from Decentralized Data"): each party
runs some epochs of minibatch gradient descent from the round's base model. FedProx (Li et al. 2020, "Federated
Optimization in Heterogeneous Networks") adds mu/2 · |w - w_base|² to each party's loss, which holds parties with unlike
data together; its gradient mu · (w - w_base) is added after the backward pass.

SGD with momentum and Adam are written out here: `torch.optim` loads PyTorch's compiler on first use, which takes
longer than the whole training of a small model, and their few lines are better read than looked up.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import isfinite

import torch
from torch import Tensor
from torch.nn import Module

from ledger.errors import UsageError
from participant.tasks.correction import Correction
from participant.tasks.protocol import ProgressReport, TrainResult, unreported
from participant.tasks.settings import Settings

Loss = Callable[[Tensor, Tensor], Tensor]
_SMALL = 1 << 20
_THREADS = 4
"""Of a larger model, on any machine: how sums are cut into pieces, and so their last bits, follows from the number."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a party trains within one round. `proximal` is FedProx's mu; 0 is FedAvg. `steps` above 0 stand in place of
    `epochs`: so many batches. `personal` says how tensors are trained that stay at home: `joint` with the others
    (FedPer: M. G. Arivazhagan et al. 2019), or `alternate`, alone and first, for `personal_epochs` or else as long as
    the others (FedRep: L. Collins et al. 2021).
    """

    epochs: int
    batch_size: int
    optimiser: str
    learning_rate: float
    momentum: float
    weight_decay: float
    proximal: float
    steps: int = 0
    personal: str = "joint"
    personal_epochs: int = 0

    @classmethod
    def read(cls, settings: Settings) -> "Plan":
        return cls(
            epochs=settings.integer("epochs", 1, high=10_000),
            batch_size=settings.integer("batch_size", 32),
            optimiser=settings.text("optimiser", "sgd", choices=("sgd", "adam")),
            learning_rate=settings.decimal("learning_rate", "0.1", low=1e-12, high=1e3),
            momentum=settings.decimal("momentum", "0", high=0.9999),
            weight_decay=settings.decimal("weight_decay", "0", high=1e3),
            proximal=settings.decimal("proximal_mu", "0", high=1e6),
            steps=settings.integer("steps", 0, low=0, high=1_000_000),
            personal=settings.text("personal", "joint", choices=("joint", "alternate")),
            personal_epochs=settings.integer("personal_epochs", 0, low=0, high=10_000),
        )


def fit(
    model: Module,
    inputs: Tensor,
    targets: Tensor,
    loss: Loss,
    plan: Plan,
    seed: int,
    base: Mapping[str, Tensor],
    report: ProgressReport = unreported,
    correction: Correction | None = None,
) -> TrainResult:
    """Train `model` in place on `inputs` (n × …) and `targets` (n): the same seed gives the same bytes on one CPU.

    FedProx pulls towards the tensors of `base`; a parameter that is not in it, not being shared, is left free. So does
    `correction`, where the job's server optimiser has a half here. Raises UsageError where the loss stops being a
    number, and where nothing stays at home to alternate with.
    """
    trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    mean = float("nan")
    model.train()
    with deterministic(model, seed):
        for part, chosen in _parts(trained, plan, base):
            mean = _descend(model, part, inputs, targets, loss, chosen, base, report, correction)
    return TrainResult(samples=len(targets), loss=mean)


def _parts(
    trained: Mapping[str, Tensor], plan: Plan, base: Mapping[str, Tensor]
) -> list[tuple[Mapping[str, Tensor], Plan]]:
    """Which parameters are trained one after another, and how: all at once, or those first that stay at home."""
    if plan.personal == "joint":
        return [(trained, plan)]
    own = {name: parameter for name, parameter in trained.items() if name not in base}
    if not own:
        raise UsageError(
            "personal = alternate trains first what stays at home, and every tensor of this model is shared",
            advice="name tensors in the job's private.tensors, or leave the setting `personal` out",
        )
    shared = {name: parameter for name, parameter in trained.items() if name in base}
    first = replace(plan, epochs=plan.personal_epochs, steps=0) if plan.personal_epochs else plan
    return [(own, first), (shared, plan)]


def _descend(
    model: Module,
    trained: Mapping[str, Tensor],
    inputs: Tensor,
    targets: Tensor,
    loss: Loss,
    plan: Plan,
    base: Mapping[str, Tensor],
    report: ProgressReport,
    correction: Correction | None,
) -> float:
    """Train some parameters of a model by the plan; the mean loss of the last pass over the rows."""
    parameters = list(trained.values())
    anchors, step = anchors_of(trained, plan, base), stepper(parameters, plan)
    if correction is not None and not base.keys().isdisjoint(trained):
        steps = plan.steps or plan.epochs * batches(len(targets), plan.batch_size)
        step = correction.around(step, trained, base, steps)
    mean, done = float("nan"), 0
    for epoch, portions in enumerate(_passes(len(targets), plan)):
        losses: list[Tensor] = []
        counts: list[int] = []
        for rows in portions:
            value = loss(model(inputs[rows]), targets[rows])
            gradients = list(torch.autograd.grad(value, parameters))
            with torch.no_grad():
                pull(gradients, parameters, anchors, plan)
                step(gradients)
            losses.append(value.detach())
            counts.append(len(rows))
        mean = float((torch.stack(losses).cpu().double() * torch.tensor(counts)).sum()) / sum(counts)
        if not isfinite(mean):
            raise diverged(epoch, mean, plan)
        done += len(portions) if plan.steps else 1
        report(done, plan.steps or plan.epochs, mean)
    return mean


def _passes(rows: int, plan: Plan) -> Iterator[list[Tensor]]:
    """The batches of each pass over the rows; where the plan counts steps, the last pass ends with the last of them."""
    if not plan.steps:
        yield from (list(in_batches(rows, plan.batch_size)) for _ in range(plan.epochs))
        return
    left = plan.steps
    while left:
        portions = list(in_batches(rows, plan.batch_size))[:left]
        left -= len(portions)
        yield portions


@contextmanager
def deterministic(model: Module, seed: int) -> Iterator[None]:
    """Random numbers from `seed` alone, and a number of threads that follows from the model alone: one for a small
    model, where more only cost. All is put back after.

    PyTorch's own switch `use_deterministic_algorithms` is not set: on the CPU the operations used here are
    deterministic without it, and it loads the compiler.
    """
    with few_threads(model, _THREADS), seeded(seed):
        if any(parameter.device.type != "cpu" for parameter in model.parameters()):
            torch.manual_seed(seed)
        yield


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """The CPU's random numbers from `seed` alone; put back after.

    `torch.manual_seed` would give the seed to accelerators too, or note down for later where it was called: reading the
    source of each caller takes 5 ms in a new process.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(seed))
        yield


@contextmanager
def few_threads(model: Module, many: int | None = None) -> Iterator[None]:
    """One thread for a small model, where others only wait, at the cost of a core each; for a larger one `many`, or as
    many as there are. The number is put back after.
    """
    threads = torch.get_num_threads()
    small = sum(parameter.numel() for parameter in model.parameters()) <= _SMALL
    torch.set_num_threads(1 if small else many or threads)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def in_batches(rows: int, size: int, random: torch.Generator | None = None) -> Iterator[Tensor]:
    """A random order of all rows in batches; a single last row joins the batch before, for batch normalisation."""
    order = torch.randperm(rows, generator=random)
    yield from (order[start:stop] for start, stop in _starts(rows, size))


def batches(rows: int, size: int) -> int:
    """How many there are `in_batches`."""
    return sum(1 for _ in _starts(rows, size))


def _starts(rows: int, size: int) -> Iterator[tuple[int, int]]:
    start = 0
    while start < rows:
        stop = rows if rows - start <= size + (size > 1) else start + size
        yield start, stop
        start = stop


def anchors_of(trained: Mapping[str, Tensor], plan: Plan, base: Mapping[str, Tensor]) -> list[Tensor]:
    """What FedProx pulls each parameter towards; empty where the plan has no such pull."""
    if not plan.proximal:
        return []
    return [base[name].detach().clone() if name in base else itself.detach() for name, itself in trained.items()]


def pull(gradients: list[Tensor], parameters: list[Tensor], anchors: list[Tensor], plan: Plan) -> None:
    """Add to the gradients what pulls the parameters towards their anchors, and towards zero."""
    if anchors:
        torch._foreach_add_(gradients, torch._foreach_sub(parameters, anchors), alpha=plan.proximal)
    if plan.weight_decay:
        torch._foreach_add_(gradients, parameters, alpha=plan.weight_decay)


def stepper(parameters: list[Tensor], plan: Plan) -> Callable[[list[Tensor]], None]:
    """The plan's optimiser: each call takes gradients, and moves the parameters."""
    return _adam(parameters, plan) if plan.optimiser == "adam" else _sgd(parameters, plan)


def _sgd(parameters: list[Tensor], plan: Plan) -> Callable[[list[Tensor]], None]:
    """Stochastic gradient descent with heavy-ball momentum (Polyak 1964; Sutskever et al. 2013)."""
    velocities = [torch.zeros_like(parameter) for parameter in parameters] if plan.momentum else []

    def step(gradients: list[Tensor]) -> None:
        if velocities:
            torch._foreach_mul_(velocities, plan.momentum)
            torch._foreach_add_(velocities, gradients)
        torch._foreach_add_(parameters, velocities or gradients, alpha=-plan.learning_rate)

    return step


def _adam(parameters: list[Tensor], plan: Plan) -> Callable[[list[Tensor]], None]:
    """Adam (Kingma and Ba 2015, algorithm 1), beta 0.9 and 0.999, epsilon 1e-8."""
    first = [torch.zeros_like(parameter) for parameter in parameters]
    second = [torch.zeros_like(parameter) for parameter in parameters]
    count = 0

    def step(gradients: list[Tensor]) -> None:
        nonlocal count
        count += 1
        torch._foreach_lerp_(first, gradients, 1 - 0.9)
        torch._foreach_mul_(second, 0.999)
        torch._foreach_addcmul_(second, gradients, gradients, value=1 - 0.999)
        scale = torch._foreach_div(second, 1 - 0.999**count)
        torch._foreach_sqrt_(scale)
        torch._foreach_add_(scale, 1e-8)
        torch._foreach_addcdiv_(parameters, first, scale, value=-plan.learning_rate / (1 - 0.9**count))

    return step


def diverged(epoch: int, loss: float, plan: Plan) -> UsageError:
    return UsageError(
        "training diverged: the loss is no longer a number",
        advice="lower the job's learning_rate",
        epoch=epoch + 1,
        loss=loss,
        learning_rate=plan.learning_rate,
    )
