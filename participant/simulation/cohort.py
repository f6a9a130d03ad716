"""Many small models trained at once: the built-in tasks' training with one more dimension, the client's.

Each client has the batches, steps and seed that it has alone; floats are rounded in another order, so its integers can
differ in the last places from those that a node makes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import groupby
from math import isfinite
from time import process_time

import numpy as np
import torch
from msgspec.structs import replace
from torch import Tensor
from torch.func import functional_call, vmap
from torch.nn import Module
from torch.nn.utils.rnn import pad_sequence

from participant.integers.compression import compressed
from participant.integers.fixed_point import NotRepresentable, Stream, difference, to_integers
from participant.node.trainings import seed_of
from participant.simulation.clients import SimulatedClient, of_client
from participant.simulation.training import Batch
from participant.tasks.classification import ClassLoss
from participant.tasks.optimisers import Plan, deterministic, diverged, in_batches, pull, stepper
from participant.tasks.protocol import Task
from participant.tasks.ready.image import Image
from participant.tasks.ready.tabular import Tabular
from participant.tasks.seam import GuardedTask
from participant.tasks.sharing import load_shared
from participant.tasks.training import Local

AT_ONCE = 1 << 21
"""Values of models that are trained at once: 8 MiB, about as much as a core's caches take."""


def hindrance(task: Task) -> str:
    """Why a task's clients cannot be trained together; empty where they can."""
    inner = task.inner if isinstance(task, GuardedTask) else task
    if isinstance(inner, Tabular | Image) and type(inner) in (Tabular, Image):
        by_steps = "they train by steps, not by epochs" if inner.plan.steps else ""
        return by_steps or ("batch normalisation keeps what it saw" if getattr(inner, "norm", "") == "batch" else "")
    return f"task {task.name} has a method train of its own"


class Together:
    """The clients in cohorts of as many batches each, its units. Only for a task without a `hindrance`."""

    def __init__(self, local: Local, clients: Sequence[SimulatedClient]) -> None:
        self._local, self._plan = local, _inner(local.task).plan
        trained = [client.data.trained for client in clients]
        self._rows = [len(rows.targets) for rows in trained]
        self._starts = np.cumsum([0, *self._rows]).tolist()
        self._inputs = torch.cat([rows.inputs for rows in trained])
        self._targets = torch.cat([rows.targets for rows in trained])
        at_once = max(1, AT_ONCE // local.job.layout.values)
        self.units = list(_cohorts(self._rows, self._plan, at_once))
        self.way = f"together, up to {max(map(len, self.units))} at once"
        self._model = local.task.build_model(local.job.initial_model.seed).to(local.device).train()

    def fit(self, place: int, base: Stream, number: int, again: int = 0, drift: Stream | None = None) -> Batch:
        began, members = process_time(), self.units[place]
        load_shared(self._local.task, self._model, self._local.job.layout, base)
        with deterministic(self._model, 0):
            parameters, losses = self._fit(members, number)
        spent = process_time() - began
        updates = self._updates(members, parameters, base, number)
        return Batch(members, updates, [self._rows[k] for k in members], losses, spent)

    def _fit(self, members: Sequence[int], number: int) -> tuple[dict[str, Tensor], list[float]]:
        """As `participant.tasks.optimisers.fit`, of all members at once: their parameters, and mean losses."""
        plan, orders = self._plan, [self._order(member, number) for member in members]
        base = {name: parameter.detach() for name, parameter in self._model.named_parameters()}
        stacked = {name: values.expand(len(members), *values.shape).clone() for name, values in base.items()}
        parameters = [values.requires_grad_() for values in stacked.values()]
        anchors = [values.expand(len(members), *values.shape) for values in base.values()] if plan.proximal else []
        step, loss = stepper(parameters, plan), vmap(_loss_of(self._model, _inner(self._local.task).loss))
        rows, means = torch.tensor([self._rows[member] for member in members]), list[float]()
        for epoch in range(plan.epochs):
            total = torch.zeros(len(members), dtype=torch.float64)
            for chosen in zip(*(order[epoch] for order in orders), strict=True):
                counts = torch.tensor([len(places) for places in chosen])
                places = pad_sequence(list(chosen), batch_first=True)
                share = (torch.arange(places.shape[1]) < counts[:, None]) / counts[:, None]
                share = share.to(self._inputs.device)
                values = loss(stacked, self._inputs[places], self._targets[places], share)
                gradients = list(torch.autograd.grad(values.sum(), parameters))
                with torch.no_grad():
                    pull(gradients, parameters, anchors, plan)
                    step(gradients)
                total += values.detach().cpu().double() * counts
            means = (total / rows).tolist()
            for member, mean in zip(members, means, strict=True):
                if not isfinite(mean):
                    with self._of(member, number):
                        raise diverged(epoch, mean, plan)
        return stacked, means

    def _order(self, member: int, number: int) -> list[list[Tensor]]:
        """A client's rows, by epoch and batch, in the order that it has alone."""
        random = torch.Generator().manual_seed(seed_of(self._local.job.digest, number, member))
        rows, start = self._rows[member], self._starts[member]
        return [
            [places + start for places in in_batches(rows, self._plan.batch_size, random)]
            for _ in range(self._plan.epochs)
        ]

    def _of(self, member: int, number: int) -> AbstractContextManager[None]:
        return of_client(member, round=number, task=self._local.task.name)

    def _updates(self, members: Sequence[int], parameters: Mapping[str, Tensor], base: Stream, number: int) -> Stream:
        """The integers of each member's update, a row each."""
        layout, many = self._local.job.layout, len(members)
        models = np.empty((many, layout.values), np.int32)
        for tensor, start in zip(layout.tensors, layout.starts, strict=False):
            stacked = replace(tensor, shape=(many, *tensor.shape))
            values = parameters[tensor.name].detach().cpu().numpy()
            try:
                integers = to_integers(stacked, values)
            except NotRepresentable as error:
                member = members[int(error.facts["coordinates"][0])]  # type: ignore[index]
                with self._of(member, number):
                    raise
            models[:, start : start + tensor.values] = integers.reshape(many, -1)
        for member, model in zip(members, models, strict=True):
            with self._of(member, number):
                model[:] = compressed(self._local.job, difference(layout, model, base))[0]
        return models


def _inner(task: Task) -> Tabular | Image:
    inner: Tabular | Image = task.inner if isinstance(task, GuardedTask) else task  # type: ignore[assignment]
    return inner


def _cohorts(rows: Sequence[int], plan: Plan, at_once: int) -> Iterator[list[int]]:
    """Clients with as many batches each, cut into cohorts of at most `at_once`."""
    batches = [sum(1 for _ in in_batches(count, plan.batch_size)) for count in rows]
    for _, group in groupby(sorted(range(len(rows)), key=lambda client: batches[client]), key=batches.__getitem__):
        members = list(group)
        yield from (members[start : start + at_once] for start in range(0, len(members), at_once))


def _loss_of(model: Module, of_class: ClassLoss) -> Callable[..., Tensor]:
    """The loss of one client's parameters on a batch, each of its rows with a share in the mean."""

    def loss(parameters: Mapping[str, Tensor], inputs: Tensor, targets: Tensor, share: Tensor) -> Tensor:
        outputs = functional_call(model, dict(parameters), (inputs,))
        return (of_class.of_rows(outputs, targets) * share).sum()

    return loss
