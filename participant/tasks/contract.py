"""Whether a task keeps its contract (docs/tasks.md), and what its training costs.

1. Settings: the task takes the given ones, and refuses one that it does not know.
2. Model: `build_model` depends on seed and settings alone.
3. Shared: `shared` names tensors of `state`, at least one.
4. Integers: every shared tensor of the initial model fits the ledger's integers.
5. Load: a model built from another seed takes the shared tensors by `load`, to the same integers.
6. Training: two rounds in this process give the same bytes twice, and what is trained fits the integers.
7. Result: `samples` is an integer above 0, `loss` a finite number.
8. Evaluation: `evaluate` returns finite floats by name.
9. Fresh process: the two rounds give the same bytes in another process.

6 to 9 need data. A rule that a broken one stands in the way of is not checked.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np
import torch

from ledger.errors import FedledgerError, Malformed
from participant.integers.tensors import stream_of
from participant.tasks.protocol import Task
from participant.tasks.sharing import load_shared, shared_state
from participant.tasks.trial import TrialRequest, TrialResult, run

UNKNOWN = "a setting that no task has"


class Broken(Malformed):
    """A rule of the contract that the task breaks."""


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule: whether it `held`, None where it was not checked, and why."""

    rule: str
    held: bool | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class ContractReport:
    """What was found, in the order of the rules, and what training was, in a fresh process where it came to that."""

    task: str
    findings: list[RuleResult]
    trial: TrialResult | None

    @property
    def held(self) -> bool:
        """Whether no rule is broken."""
        return all(finding.held is not False for finding in self.findings)


def check(request: TrialRequest) -> ContractReport:
    """Check a task against every rule. Raises UsageError where it is not installed or does not load."""
    subject = _Subject(request)
    findings = [_judged(rule, judge, obstacle) for rule, judge, obstacle in subject.rules()]
    return ContractReport(subject.installed.name, findings, subject.fresh or subject.first)


def suggested(measured: float) -> float:
    """A limit for a job's draft from what one round needed: twice as much, rounded up to one digit."""
    if not measured > 0:
        return 1.0
    digit = 10.0 ** np.floor(np.log10(2 * measured))
    return float(f"{np.ceil(2 * measured / digit) * digit:g}")


def _judged(rule: str, judge: Callable[[], object], obstacle: str) -> RuleResult:
    if obstacle:
        return RuleResult(rule, None, obstacle)
    try:
        judge()
    except FedledgerError as error:
        return RuleResult(rule, False, str(error))
    except Exception as error:  # noqa: BLE001 - the edge to a task's own code, whose errors are what is looked for
        return RuleResult(rule, False, f"{type(error).__name__}: {error}")
    return RuleResult(rule, True)


class _Subject:
    """The task under check; a method for each rule raises where the task breaks it."""

    def __init__(self, request: TrialRequest) -> None:
        self.request, self.installed = request, request.installed()
        self.fresh: TrialResult | None = None
        self.first: TrialResult | None = None
        self._task: Task | None = None

    def rules(self) -> Iterator[tuple[str, Callable[[], object], str]]:
        """Each rule, its check, and what stands in its way, seen once the rules before it were checked."""
        yield "settings", self.settings, ""
        obstacle = "" if self._task else "the task does not take its settings"
        yield "model", self.model, obstacle
        yield "shared", lambda: shared_state(self.task, self.built()), obstacle
        yield "integers", lambda: self.integers(self.built()), obstacle
        yield "load", self.load, obstacle
        obstacle = obstacle or ("" if self.request.data else "needs data: --data FILE")
        yield "training", self.training, obstacle
        obstacle = obstacle or ("" if self.first else "nothing was trained")
        yield "result", self.result, obstacle
        yield "evaluation", self.evaluation, obstacle
        yield "fresh process", self.fresh_process, obstacle

    @property
    def task(self) -> Task:
        if self._task is None:
            self._task = self.installed.create(self.request.settings)
        return self._task

    def built(self, seed: int | None = None) -> Any:
        return self.task.build_model(self.request.seed if seed is None else seed)

    def integers(self, model: Any) -> Any:
        return stream_of(shared_state(self.task, model), self.request.layout(self.task, model))

    def settings(self) -> None:
        _ = self.task
        try:
            self.installed.create({**self.request.settings, UNKNOWN: 1})
        except FedledgerError:
            return
        raise Broken("the task takes a setting that it does not know: call Settings.done()")

    def model(self) -> None:
        states = []
        for draws in (0, 3):
            torch.rand(draws)
            states.append({name: tensor.clone() for name, tensor in self.task.state(self.built()).items()})
        first, second = states
        unlike = [name for name in first if name not in second or not torch.equal(first[name], second[name])]
        if unlike or first.keys() != second.keys():
            raise Broken("build_model gives another model for the same seed", tensor=(unlike or ["names"])[0])

    def load(self) -> None:
        model, other = self.built(), self.built(self.request.seed + 1)
        layout, expected = self.request.layout(self.task, model), self.integers(model)
        load_shared(self.task, other, layout, expected)
        actual = stream_of(shared_state(self.task, other), layout)
        if not np.array_equal(actual, expected):
            tensor, index = layout.locate(int(np.argmax(actual != expected)))
            raise Broken("load does not put the shared tensors into a model", tensor=tensor, index=index)

    def training(self) -> None:
        with TemporaryDirectory(prefix="fedledger-") as folder:
            self.first = run(self.request, Path(folder) / "scratch")
            again = run(self.request, Path(folder) / "again")
        _same(self.first, again, "the same seed gives other bytes")

    def fresh_process(self) -> None:
        with TemporaryDirectory(prefix="fedledger-") as folder:
            command = [sys.executable, "-m", "participant.tasks.trial", str(Path(folder) / "scratch")]
            done = subprocess.run(command, input=msgspec.json.encode(self.request), capture_output=True, check=False)
        if done.returncode:
            raise Broken("training failed in a fresh process", output=done.stderr.decode(errors="replace")[-500:])
        self.fresh = msgspec.json.decode(done.stdout, type=TrialResult)
        _same(self.trained, self.fresh, "a fresh process gives other bytes")

    def result(self) -> None:
        found = self.trained
        if type(found.samples) is not int or found.samples < 1:
            raise Broken("samples must be an integer above 0", actual=repr(found.samples))
        if found.loss is None or not isfinite(found.loss):
            raise Broken("loss must be a finite number", actual=found.loss)

    def evaluation(self) -> None:
        figures = self.trained.figures
        bad = [name for name, value in figures.items() if not isinstance(value, float) or not isfinite(value)]
        if bad or not figures:
            name = bad[0] if bad else "none"
            raise Broken("evaluate must return finite floats by name", figure=name, actual=repr(figures.get(name)))

    @property
    def trained(self) -> TrialResult:
        if self.first is None:
            raise Broken("nothing was trained")
        return self.first


def _same(expected: TrialResult, actual: TrialResult, why: str) -> None:
    if expected.digest != actual.digest:
        raise Broken(
            f"{why}, in the update or in the scratch folder",
            advice="let everything random follow from round.seed, and read no clock, no global state, no set's order",
            expected=expected.digest,
            actual=actual.digest,
        )
