"""What a scorer measures: a round's scores, on the job's committed set, on the updates alone, or on data of its own.

Committed sets and updates are scored by the ledger's own function, which every auditor runs too, with integers and
without torch. Only on a scorer's own data is the job's task run, in a process of its own.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.errors import Unavailable, UsageError
from ledger.formats.digest import sha256
from ledger.jobs.document import Job
from ledger.jobs.scores import GroupShapley, Measured, recomputable
from ledger.party.connection import Connection
from ledger.rounds.facts import RoundFacts
from ledger.rounds.masking.summed import grouped_inputs
from ledger.scores.contributions import Utility, committed_utility, score_round
from ledger.scores.utility import from_float
from participant.private.states import PrivateStates
from participant.tasks.data.files import DataFiles
from participant.tasks.data.version import file_version
from participant.trainer.errand import Errand, Tries
from participant.trainer.messages import Answer, DataRead, Measure, ReadData
from participant.trainer.messages import Measured as Figures
from participant.trainer.trainers import WHOLE_DAY, Trainers

if TYPE_CHECKING:
    from participant.integers.fixed_point import Stream

Seen = tuple[Path, tuple[int, int]]

PATIENCE = 1.0
"""Seconds of measuring between two looks at whether a round wants this node."""

SHORTEST = 10.0
"""Seconds that an evaluation may take, at least."""


class Interrupted(Unavailable):
    """A round wants this node now. What was measured so far is remembered: calling again goes on from there."""


class Measuring:
    """Works scores out. `urgent` says whether something else is due; it is asked once a second. `party` is the
    scorer's key: models are measured with its own private tensors, where it has some.
    """

    def __init__(self, connection: Connection, files: DataFiles, trainers: Trainers, party: str = "") -> None:
        self._connection, self._files, self._trainers, self._party = connection, files, trainers, party
        self._seen: dict[int, Seen] = {}
        self._measured: dict[bytes, int] = {}
        self._errands: dict[bytes, Errand] = {}
        self._tries = Tries()
        self._of: tuple[int, int] = (0, 0)
        self._looked = 0.0
        self._until: int | None = None
        self.urgent: Callable[[], bool] = lambda: False

    def changed(self, number: int) -> bool:
        """Whether a job's validation data are not those that it was last measured on."""
        if number not in self._seen:
            return False
        path, before = self._seen[number]
        if file_version(path) == before:
            return False
        del self._seen[number]
        self._forget()
        return True

    def scores(self, facts: RoundFacts, seed: bytes) -> tuple[int, ...]:
        """A round's scores, by ascending member index of the admitted updates.

        Raises Interrupted where something else is due, UsageError where this scorer's data or task yield none, else as
        `ledger.scores.contributions.score_round`.
        """
        job, round_ = facts.job, facts.round
        if (round_.job, round_.number) != self._of:
            self._forget()
            self._of = round_.job, round_.number
        self._looked = time.monotonic()
        scoring = facts.state.scorings.get(round_.number)
        self._until = scoring.reveal_deadline if scoring is not None else None
        measured = self._patient(self._utility(facts)) if isinstance(job.scoring, Measured) else None
        fetch = self._connection.fetch
        groups = grouped_inputs(facts, fetch) if isinstance(job.scoring, GroupShapley) else None
        return score_round(facts.state, job, round_, seed, fetch, measured, groups)

    def _forget(self) -> None:
        """What was measured, and what is being measured, is for another round, or on other data."""
        for errand in self._errands.values():
            self._trainers.close_errand(errand)
        self._errands, self._measured = {}, {}
        self._tries.forget()

    def _patient(self, utility: Utility) -> Utility:
        """The same, each model measured once, with a look in between whether a round wants this node."""

        def worth_of(model: "Stream") -> int:
            key = sha256(model.data.cast("B"))
            if key not in self._measured:
                self._look()
                self._measured[key] = utility(model)
            return self._measured[key]

        return worth_of

    def _utility(self, facts: RoundFacts) -> Utility:
        """What models are worth: on the set that the job commits to, else on this scorer's own data."""
        job, number = facts.job, facts.round.job
        if recomputable(job.scoring) or not isinstance(job.scoring, Measured):
            return committed_utility(job, self._connection.fetch)
        path = self._path(number, job)
        own = self._own(facts)
        name, known = job.scoring.utility, sha256(str((path, file_version(path))).encode())
        if known not in self._measured:
            self._check(job, number, path, known)
            self._measured[known] = 0

        def evaluate(model: "Stream") -> int:
            key = sha256(model.data.cast("B"))
            answer = self._answered(key, job, number, Measure(), path, model, own)
            return worth(name, answer.floats() if isinstance(answer, Figures) else {})

        return evaluate

    def _own(self, facts: RoundFacts) -> bytes:
        """The scorer's private tensors as of the round. Raises UsageError where they are lost, Unavailable."""
        member, states = self._connection.history.member_of(self._party), PrivateStates(self._connection.folder)
        if member is None or not facts.job.private.tensors:
            return b""
        return states.before(facts.state, facts.job, member.index, facts.round.number + 1)

    def _path(self, number: int, job: Job) -> Path:
        """The validation data. Raises UsageError where there are none."""
        path = self._files.of(number, job.task.name)
        if path is not None:
            self._seen[number] = (path, file_version(path))
        if path is None or not path.is_file():
            raise UsageError(
                "this scorer has no validation data",
                advice="name them with --validation FILE, or as `validation` in the home's node.toml",
                file=str(path or ""),
            )
        return path

    def _check(self, job: Job, number: int, path: Path, key: bytes) -> None:
        """Raise UsageError for data that cannot tell models apart, as far as the task's data show their labels."""
        answer = self._answered(key, job, number, ReadData(), path)
        if isinstance(answer, DataRead) and answer.one_class:
            raise UsageError(
                "the validation data are of one class only: they cannot tell models apart",
                advice="give the scorer rows of two classes at least",
                file=str(path),
            )

    def _answered(
        self,
        key: bytes,
        job: Job,
        number: int,
        do: ReadData | Measure,
        path: Path,
        model: "Stream | None" = None,
        own: bytes = b"",
    ) -> Answer:
        """What a trainer answers, once it does; meanwhile the rounds are looked at. Raises what its answer raises, and
        Unavailable where something from outside ended its process for the first time.
        """
        if key not in self._errands:
            seconds = WHOLE_DAY if self._until is None else max(float(self._until - self._connection.time()), SHORTEST)
            self._errands[key] = self._trainers.begin(job, number, do, path, seconds=seconds, model=model, own=own)
        errand = self._errands[key]
        while not errand.wait(PATIENCE):
            self._look()
        self._trainers.close_errand(self._errands.pop(key))
        with self._tries.of(key):
            return errand.answer()

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
