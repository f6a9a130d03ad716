"""A round's local training as the job asks for it: plain (`participant.tasks.optimisers`), or with noise."""

from collections.abc import Mapping
from dataclasses import replace
from math import isfinite

import torch
from torch import Tensor
from torch.nn import Module

from ledger.errors import Malformed, UsageError
from ledger.jobs.document import Setting
from participant.privacy.gradients import drawn_rows, noisy_sum
from participant.privacy.noise import Noise
from participant.tasks.optimisers import Loss, Plan, anchors_of, deterministic, diverged, fit, pull, stepper
from participant.tasks.protocol import RoundContext, Task, TrainResult

INSTEAD = {"epochs": "steps", "batch_size": "sampling", "steps": "steps"}
"""Settings of a task that a job with noise says in its section `dp` instead."""


def learn(model: Module, inputs: Tensor, targets: Tensor, loss: Loss, plan: Plan, round: RoundContext) -> TrainResult:
    """Train `model` in place on `inputs` (n × …) and `targets` (n), with the round's noise where the job has some; a
    personal model, which stays at home, without it.

    Raises UsageError where training diverges.
    """
    if round.personal is not None:
        round.personal.heard = True
        plan = replace(plan, steps=round.personal.steps, proximal=round.personal.pull, personal="joint")
        return fit(model, inputs, targets, loss, plan, seed=round.seed, base=round.base, report=round.report)
    if round.noise is None:
        known = (round.seed, round.base, round.report, round.correction)
        return fit(model, inputs, targets, loss, plan, *known)
    return fit_noisily(model, inputs, targets, loss, plan, round, round.noise)


def require_noisy(task: Task, settings: Mapping[str, Setting]) -> None:
    """Refuse a job with noise whose task cannot train so. Raises UsageError for a task that adds none, Malformed for
    settings that the job's `dp` says instead.
    """
    if not task.noisy:
        raise UsageError(
            "the job trains with noise, and its task does not add any",
            advice="let the task train by `participant.tasks.learning.learn` and say noisy = True (docs/tasks.md)",
            task=task.name,
        )
    for setting, other in INSTEAD.items():
        if setting in settings:
            raise Malformed(
                f"setting {setting!r} has no meaning in a job with noise",
                advice=f"leave it out of [task.settings]: {other} in [dp] says it",
                actual=settings[setting],
            )
    if settings.get("personal") == "alternate":
        raise Malformed(
            "setting personal = alternate does not go with noise: its budget counts steps that train all tensors",
            advice='leave it out of [task.settings], or say personal = "joint"',
        )


def require_correcting(task: Task, optimiser: str) -> None:
    """Refuse a job whose server optimiser has a half in training for a task that does not do that half."""
    if not task.corrects:
        raise UsageError(
            f"the job's server optimiser {optimiser} corrects each party's steps, and its task does not",
            advice="let the task train by `participant.tasks.learning.learn` and say corrects = True (docs/tasks.md)",
            task=task.name,
        )


def fit_noisily(
    model: Module, inputs: Tensor, targets: Tensor, loss: Loss, plan: Plan, round: RoundContext, noise: Noise
) -> TrainResult:
    """DP-SGD (M. Abadi et al. 2016): `noise.steps` steps, each on the noisy sum of some rows' clipped gradients.

    The sum is divided by how many rows a step has in the mean, not by how many it has. What the plan adds, momentum or
    a pull towards the base model, depends on no row but by that sum. What the model itself draws, such as dropout,
    follows from the noise's secret: were it known, it would tell which rows stand where in a step. The loss is that of
    the last step's rows: it has no noise, stays at home, and ends no training. Raises UsageError where the parameters
    stop being numbers, which no row decides but by those sums.
    """
    trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    parameters: list[Tensor] = list(trained.values())
    anchors, step = anchors_of(trained, plan, round.base), stepper(parameters, plan)
    if round.correction is not None:
        step = round.correction.around(step, trained, round.base, noise.steps)
    expected = float(noise.sampling) * len(targets)
    model.train()
    loss_of_rows: float | None = None
    with deterministic(model, noise.randomness.seed()):
        for number in range(noise.steps):
            rows = drawn_rows(len(targets), noise)
            now = {name: parameter.detach() for name, parameter in trained.items()}
            sums, losses = noisy_sum(model, now, inputs[rows], targets[rows], loss, noise)
            with torch.no_grad():
                gradients = [values / expected for values in sums]
                pull(gradients, parameters, anchors, plan)
                step(gradients)
                if not all(bool(parameter.isfinite().all()) for parameter in parameters):
                    raise diverged(number, float("nan"), plan)
            mean = float(losses.double().mean()) if len(losses) else float("nan")
            loss_of_rows = mean if isfinite(mean) else None
            round.report(number + 1, noise.steps, loss_of_rows)
    return TrainResult(samples=len(targets), loss=loss_of_rows or 0.0)
