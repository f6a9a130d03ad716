"""What a scorer measures: a round's scores, on the job's committed set, on the updates alone, or on data of its own.

Committed sets and updates are scored by the ledger's own function, which every auditor runs too, with integers and
without torch. Only a scorer's own data are evaluated here, with the job's task.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.errors import Unavailable, UsageError
from ledger.formats.digest import sha256
from ledger.jobs.document import Job, Measured, recomputable
from ledger.party.connection import Connection
from ledger.rounds.facts import RoundFacts
from ledger.scores.contributions import Utility, committed_utility, score_round
from ledger.scores.utility import from_float
from participant.tasks.data.version import file_version
from participant.tasks.machine import Machine

if TYPE_CHECKING:
    from participant.integers.fixed_point import Stream
    from participant.tasks.training import Local

PATIENCE = 1.0
"""Seconds of measuring between two looks at whether a round wants this node."""


class Interrupted(Unavailable):
    """A round wants this node now. What was measured so far is remembered: calling again goes on from there."""


class Measuring:
    """Works scores out. `urgent` says whether something else is due; it is asked once a second."""

    def __init__(self, connection: Connection, validation: Path, machine: Machine) -> None:
        self._connection, self._validation, self._machine = connection, validation, machine
        self._version = file_version(validation)
        self._locals: dict[bytes, Local] = {}
        self._measured: dict[bytes, int] = {}
        self._of: tuple[int, int] = (0, 0)
        self._looked = 0.0
        self.urgent: Callable[[], bool] = lambda: False

    def changed(self) -> bool:
        """Whether the validation data are not those of the last look."""
        before, self._version = self._version, file_version(self._validation)
        if before != self._version:
            self._measured = {}
        return before != self._version

    def scores(self, facts: RoundFacts, seed: bytes) -> tuple[int, ...]:
        """A round's scores, by ascending member index of the admitted updates.

        Raises Interrupted where something else is due, UsageError where this scorer's data or task yield none, else as
        `ledger.scores.contributions.score_round`.
        """
        job, round_ = facts.job, facts.round
        if (round_.job, round_.number) != self._of:
            self._measured, self._of = {}, (round_.job, round_.number)
        self._looked = time.monotonic()
        measured = self._patient(self._utility(job)) if isinstance(job.scoring, Measured) else None
        return score_round(facts.state, job, round_, seed, self._connection.fetch, measured)

    def _patient(self, utility: Utility) -> Utility:
        """The same, each model measured once, with a look in between whether a round wants this node."""

        def worth_of(model: "Stream") -> int:
            key = sha256(model.data.cast("B"))
            if key not in self._measured:
                self._look()
                self._measured[key] = utility(model)
            return self._measured[key]

        return worth_of

    def _utility(self, job: Job) -> Utility:
        """What models are worth: on the set that the job commits to, else on this scorer's own data."""
        if recomputable(job.scoring) or not isinstance(job.scoring, Measured):
            return committed_utility(job, self._connection.fetch)
        if not self._validation.is_file():
            raise UsageError(
                "this scorer has no validation data",
                advice="name them with --validation FILE, or as `validation` in the home's node.toml",
                file="" if self._validation == Path() else str(self._validation),
            )
        self._check(job)
        name, local = job.scoring.utility, self._local(job)
        return lambda model: worth(name, local.evaluate(model, self._validation))

    def _check(self, job: Job) -> None:
        """Raise UsageError for data that cannot tell models apart, as far as the task's data show their labels."""
        labels = getattr(self._local(job).data(self._validation), "targets", None)
        if labels is not None and bool((labels == labels[0]).all()):
            raise UsageError(
                "the validation data are of one class only: they cannot tell models apart",
                advice="give the scorer rows of two classes at least",
                file=str(self._validation),
            )

    def _local(self, job: Job) -> "Local":
        if job.digest not in self._locals:
            from participant.tasks.training import Local

            self._locals = {job.digest: Local.of(job, self._machine)}
        return self._locals[job.digest]

    def _look(self) -> None:
        if time.monotonic() - self._looked < PATIENCE:
            return
        self._looked = time.monotonic()
        if self.urgent():
            raise Interrupted("measuring is put off: a round wants this node first")


def worth(utility: str, figures: dict[str, float]) -> int:
    """The utility, in parts per million, from what a task's evaluation says of a model (docs/spec/scores.md, "Nodes").

    Raises UsageError where it does not say it, BadUtility where what it says is not a number.
    """
    if utility not in figures:
        raise UsageError(
            f"the task's evaluation has no {utility!r}",
            advice="the job's scoring.utility must be one of the task's figures",
            figures=", ".join(sorted(figures)),
        )
    value = figures[utility]
    return from_float(-value if utility == "loss" else value)
