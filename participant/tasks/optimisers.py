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
from dataclasses import dataclass
from math import isfinite

import torch
from torch import Tensor
from torch.nn import Module

from ledger.errors import UsageError
from participant.tasks.protocol import ProgressReport, TrainResult, unreported
from participant.tasks.settings import Settings

Loss = Callable[[Tensor, Tensor], Tensor]
_SMALL = 1 << 20


@dataclass(frozen=True, slots=True)
class Plan:
    """How a party trains within one round. `proximal` is FedProx's mu; 0 is FedAvg."""

    epochs: int
    batch_size: int
    optimiser: str
    learning_rate: float
    momentum: float
    weight_decay: float
    proximal: float

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
        )


def fit(
    model: Module,
    inputs: Tensor,
    targets: Tensor,
    loss: Loss,
    plan: Plan,
    *,
    seed: int,
    base: Mapping[str, Tensor],
    report: ProgressReport = unreported,
) -> TrainResult:
    """Train `model` in place on `inputs` (n × …) and `targets` (n): the same seed gives the same bytes on one CPU.

    FedProx pulls towards the tensors of `base`; a parameter that is not in it, not being shared, is left free. Raises
    UsageError where the loss stops being a number.
    """
    trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    parameters: list[Tensor] = list(trained.values())
    anchors = anchors_of(trained, plan, base)
    step = stepper(parameters, plan)
    mean = float("nan")
    model.train()
    with deterministic(model, seed):
        for epoch in range(plan.epochs):
            losses: list[Tensor] = []
            counts: list[int] = []
            for rows in in_batches(len(targets), plan.batch_size):
                value = loss(model(inputs[rows]), targets[rows])
                gradients = list(torch.autograd.grad(value, parameters))
                with torch.no_grad():
                    pull(gradients, parameters, anchors, plan)
                    step(gradients)
                losses.append(value.detach())
                counts.append(len(rows))
            mean = float((torch.stack(losses).cpu().double() * torch.tensor(counts)).sum()) / len(targets)
            if not isfinite(mean):
                raise diverged(epoch, mean, plan)
            report(epoch + 1, plan.epochs, mean)
    return TrainResult(samples=len(targets), loss=mean)


@contextmanager
def deterministic(model: Module, seed: int) -> Iterator[None]:
    """Random numbers from `seed` alone; one thread for a small model, where more only cost. All is put back after.

    PyTorch's own switch `use_deterministic_algorithms` is not set: on the CPU the operations used here are
    deterministic without it, and it loads the compiler.
    """
    threads = torch.get_num_threads()
    if sum(parameter.numel() for parameter in model.parameters()) <= _SMALL:
        torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)


def in_batches(rows: int, size: int, random: torch.Generator | None = None) -> Iterator[Tensor]:
    """A random order of all rows in batches; a single last row joins the batch before, for batch normalisation."""
    order = torch.randperm(rows, generator=random)
    start = 0
    while start < rows:
        stop = rows if rows - start <= size + (size > 1) else start + size
        yield order[start:stop]
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
