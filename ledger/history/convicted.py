"""Convicted models in words: what a job waits for, why a model is not to be built on or used, and jobs that begin from
one.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from ledger.errors import UsageError
from ledger.formats.text import command, listed
from ledger.history.state import Aggregate, JobState


class ConvictedModel(UsageError):
    """The court convicted the model, or one that it stands on."""


def model_name(number: int) -> str:
    """The model of a round, 0 the initial one."""
    return f"the model of round {number}" if number else "the initial model"


def waits(state: JobState) -> str:
    """What a job waits for whose model the court convicted."""
    ways = f"{command('proposal', 'propose', 'rewind', state.number)}, or close-job"
    found, sound = model_name(state.convicted), model_name(state.sound)
    return f"the court convicted {found}: the members rewind the job to {sound} or close it ({ways})"


def judged(state: JobState) -> dict[str, str]:
    """What the court convicted and the members have not decided on, and what rewinds left out; nothing of most."""
    void = listed([f"{first} to {last}" if first < last else str(first) for first, last in state.void])
    said = {"convicted": waits(state)} if state.convicted else {}
    return said | ({"rounds left out": f"{void}, by rewinds"} if void else {})


def require_sound(state: JobState, number: int) -> None:
    """Raises ConvictedModel where the model of a round is convicted, or stands on a convicted one."""
    if state.is_convicted(number):
        raise ConvictedModel(
            f"the court convicted {model_name(number)} of job {state.number}, or one that it stands on",
            advice="name a model that stands on no convicted one: fedledger trace",
            job=state.number,
            round=number,
        )


StartWhy = Literal["convicted", "above", "left_out", "begun"]
_WHY: dict[StartWhy, str] = {
    "convicted": "the court convicted",
    "above": "stands on a model that the court convicted",
    "left_out": "a rewind left out, after a conviction below it",
    "begun": "stands on the beginning of its job, a model that was convicted or left out elsewhere",
}


class FalseStart(NamedTuple):
    """The model that a job begins from: one that the court convicted, that stands on such a one, or that a rewind left
    out; of a round of another job on the same ledger.
    """

    job: int
    round: int
    why: StartWhy

    @property
    def text(self) -> str:
        """What to know, in a sentence."""
        return f"it begins from {model_name(self.round)} of job {self.job}, which {_WHY[self.why]}"


def false_start(jobs: Iterable[JobState], initial: bytes, until: int | None = None) -> FalseStart | None:
    """What a job begins from whose initial model has this tensor root; None where that is no false model.

    `until` is the block in which it was proposed; None for a job that is not. A root that a job which was opened began
    from before, or that a model has which stands, is none: a liar can publish an honest job's initial model as a false
    one of its own. What a job made that began falsely is false, too.
    """
    known = list(jobs)
    return _Beginnings(known).of(initial, until) if any(state.convictions for state in known) else None


def start_of(jobs: Iterable[JobState], state: JobState) -> FalseStart | None:
    """The same of a job on the ledger; `jobs` may be all there are."""
    before = [one for one in jobs if one.number < state.number]
    return false_start(before, state.model.initial, state.block)


def begun(jobs: Iterable[JobState], state: JobState) -> dict[str, str]:
    """What a summary of a job says of its beginning; nothing of most."""
    found = start_of(jobs, state)
    return {"begins falsely": found.text} if found else {}


class _Beginnings:
    """The models of some jobs by tensor root, and how each job begins: worked out from the lowest number up, once each,
    as many may begin from one model, or each from one of the last.
    """

    def __init__(self, jobs: Sequence[JobState]) -> None:
        self._models: dict[bytes, list[tuple[JobState, int, Aggregate | None]]] = defaultdict(list)
        self._false: dict[int, bool] = {}
        for state in sorted(jobs, key=lambda one: one.number):
            self._false[state.number] = self.of(state.model.initial, state.block) is not None
            self._models[state.model.initial].append((state, 0, None))
            for number, round_ in state.rounds.items():
                for made in round_.aggregates:
                    self._models[made.root].append((state, number, made))

    def of(self, root: bytes, until: int | None) -> FalseStart | None:
        """See `false_start`, of what these jobs have."""
        found = None
        for state, number, made in self._models.get(root, ()):
            why = None if made is None else self._falsehood(state, number, made)
            if not _by(state.opened_in if made is None else made.block, until):
                continue
            if why is not None:
                found = found or FalseStart(state.number, number, why)
            elif self._stands(state, number, made):
                return None
        return found

    def _stands(self, state: JobState, number: int, made: Aggregate | None) -> bool:
        """Of what is not known to be false: whether members decided on it."""
        if made is None:
            return bool(state.opened_in) and not self._false[state.number]
        return state.rounds[number].final is made

    def _falsehood(self, state: JobState, number: int, made: Aggregate) -> StartWhy | None:
        """Why the model of an attempt is false; None where it is not known to be."""
        if state.conviction_of(number, made.attempt) is not None:
            return "convicted"
        if state.rounds[number].final is not made:
            return None
        if state.is_void(number):
            return "left_out"
        if state.is_convicted(number):
            return "above"
        return "begun" if self._false[state.number] else None


def _by(block: int, until: int | None) -> bool:
    return until is None or block <= until
