"""Whether a task keeps its contract (docs/tasks.md), and what its training costs.

1. Settings: the task takes the given ones, and refuses one that it does not know.
2. Model: `build_model` depends on seed and settings alone.
3. Shared: `shared` names tensors of `state`, at least one.
4. Integers: every shared tensor of the initial model fits the ledger's integers.
5. Load: a model built from another seed takes the shared tensors by `load`, to the same integers.
6. Training: two rounds give the same bytes twice in one process, and what is trained fits the integers.
7. Result: `samples` is an integer above 0, `loss` a finite number.
8. Evaluation: `evaluate` returns finite floats by name.
9. Rows: where the task names `leaves`, `part` returns the rows that it is asked for, and `counts` add up.
10. Fresh process: the second round alone gives the same bytes in another process, on what the first one left.

6 to 10 need data, and run in processes of their own (`participant.tasks.trial`). A rule that a broken one stands in the
way of is not checked.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from ledger.errors import FedledgerError, Malformed, UsageError
from participant.integers.tensors import stream_of
from participant.tasks import answers
from participant.tasks.devices import choose
from participant.tasks.protocol import Task
from participant.tasks.sharing import load_shared, shared_state
from participant.tasks.trial import BUILD, SECOND, TWICE, TrialOutcome, TrialRequest, TrialResult, ask

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
    """What was found, in the order of the rules, and what training was, where it came to that."""

    task: str
    findings: list[RuleResult]
    trial: TrialResult | None

    @property
    def held(self) -> bool:
        """Whether no rule is broken."""
        return all(finding.held is not False for finding in self.findings)


def check(request: TrialRequest) -> ContractReport:
    """Check a task against every rule.

    Raises UsageError where it is not installed or does not load, ends the process, or the device is not there.
    """
    choose(request.device)
    with TemporaryDirectory(prefix="fedledger-") as folder:
        subject = _Subject(request, Path(folder) / "first")
        findings = [_judged(rule, judge, obstacle) for rule, judge, obstacle in subject.rules()]
    return ContractReport(subject.installed.name, findings, subject.first)


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
        return RuleResult(rule, False, f"{error}\n  try: {error.advice}" if error.advice else str(error))
    except Exception as error:  # noqa: BLE001 - the edge to a task's own code, whose errors are what is looked for
        return RuleResult(rule, False, f"{type(error).__name__}: {str(error)[:500]}")
    return RuleResult(rule, True)


def _tried(request: TrialRequest, folder: Path) -> TrialOutcome:
    """What became of the task in another process, before its code runs in this one, which it might end.

    Raises UsageError where it ends that process before it trains.
    """
    outcome = TrialOutcome()
    if request.data:
        try:
            return ask(request, folder, TWICE)
        except UsageError as ended:
            outcome = TrialOutcome(why=str(ended))
    ask(request, folder, BUILD)
    return outcome


class _Subject:
    """The task under check; a method for each rule raises where the task breaks it."""

    def __init__(self, request: TrialRequest, folder: Path) -> None:
        self.request, self.folder, self._tried = request, folder, _tried(request, folder)
        self.installed = request.installed()
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
        yield "rows", self.rows, obstacle
        yield "fresh process", self.fresh_process, obstacle

    @property
    def task(self) -> Task:
        if self._task is None:
            self._task = self.installed.create(self.request.settings, self.request.preparation)
        return self._task

    def built(self, seed: int | None = None) -> Any:
        return self.task.build_model(self.request.seed if seed is None else seed)

    def integers(self, model: Any) -> Any:
        return stream_of(shared_state(self.task, model), self.request.layout(self.task, model))

    def settings(self) -> None:
        try:
            _ = self.task
        except FedledgerError as error:
            if not self.request.settings and not error.advice:
                error.advice = "give --settings FILE, a draft of a job with [task.settings]"
            raise
        try:
            self.installed.create({**self.request.settings, UNKNOWN: 1}, self.request.preparation)
        except FedledgerError:
            return
        raise Broken("the task takes a setting that it does not know: call Settings.done()")

    def model(self) -> None:
        states = []
        for draws in (0, 3):
            torch.rand(draws)
            state = answers.state(self.task.name, self.task.state(self.built()))
            states.append({name: tensor.clone() for name, tensor in state.items()})
        first, second = states
        unlike = [name for name in first if name not in second or not _equal(first[name], second[name])]
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
        if self._tried.why:
            raise Broken(self._tried.why)
        self.first, again = self._tried.results
        _same(self.first.digests, again.digests, "the same seed gives other bytes")

    def result(self) -> None:
        self._complain("result")

    def evaluation(self) -> None:
        self._complain("evaluation")

    def rows(self) -> None:
        self._complain("rows")

    def fresh_process(self) -> None:
        outcome = ask(self.request, self.folder, SECOND)
        if outcome.why:
            raise Broken(f"training failed in a fresh process: {outcome.why}")
        _same(self.trained.digests[-1:], [outcome.digest], "a fresh process gives other bytes")

    def _complain(self, rule: str) -> None:
        if rule in self.trained.complaints:
            raise Broken(self.trained.complaints[rule])

    @property
    def trained(self) -> TrialResult:
        if self.first is None:
            raise Broken("nothing was trained")
        return self.first


def _equal(first: torch.Tensor, second: torch.Tensor) -> bool:
    """Whether two tensors are the same, NaN being the same as NaN."""
    if first.dtype != second.dtype or first.shape != second.shape:
        return False
    return bool(((first == second) | ((first != first) & (second != second))).all())  # noqa: PLR0124


def _same(expected: list[str], actual: list[str], why: str) -> None:
    if expected != actual:
        raise Broken(
            f"{why}, in the update or in the scratch folder",
            advice="let everything random follow from round.seed, keep what the next round needs in round.scratch, "
            "and read no clock, no global state, no set's order",
            expected=", ".join(expected),
            actual=", ".join(actual),
        )
