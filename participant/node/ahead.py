"""Training in buffered jobs, while rounds go on: begun on the newest model, for as long as it takes, and kept until a
round takes the result (docs/tasks.md, "Asynchronous").

A member has one result at a time. It trains again once that is committed to and there is a newer model, or its round
failed, or once it is too old; a result whose round was full before it came is committed to in the next one.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from ledger.errors import FedledgerError, UsageError
from ledger.events.records import Role
from ledger.history.state import JobState, Member, Round
from ledger.jobs.document import Job
from ledger.party.connection import Connection
from ledger.party.copies import Copies
from ledger.party.documents import Pending
from ledger.rounds.admission import Decision, Verdict, judge_values
from ledger.rounds.facts import Base, RoundFacts, base_of
from participant.integers.fixed_point import Stream
from participant.measuring.evaluation import read
from participant.node.harvest import Shelf, committed_in_vain, is_young, last_commitment
from participant.node.trainings import Trainings, seed_of
from participant.trainer.messages import TrainedUpdate
from participant.trainer.trainers import WHOLE_DAY


class Note(Protocol):
    """Writes down what happened to a job: an action, its words, and the error where it is one."""

    def __call__(self, action: str, state: JobState, text: str, why: FedledgerError | None = None, /) -> None: ...


class Fresh(NamedTuple):
    """What a training came to that is not kept yet, as `Shelf.keep` takes it."""

    base: Base
    after: int
    trained: TrainedUpdate
    values: Stream
    leaves: tuple[bytes, ...]


class Ahead:
    """Trains for buffered jobs, as one member. `unready` says, by job, why nothing can be committed to yet; empty where
    something can.
    """

    def __init__(self, connection: Connection, trainings: Trainings, copies: Copies, shelf: Shelf) -> None:
        self._connection, self._trainings, self._copies, self._shelf = connection, trainings, copies, shelf
        self.unready: dict[int, str] = {}
        self._unfit: dict[int, tuple[bytes, int]] = {}
        self._fresh: dict[int, Fresh] = {}
        self._troubles: dict[int, str] = {}

    def retry(self, job: int) -> None:
        """Try again what failed: the data are others."""
        self._unfit.pop(job, None)

    def look(
        self,
        state: JobState,
        member: Member,
        document: Callable[[JobState], Job],
        data: Callable[[Job], Path | None],
        note: Note,
    ) -> None:
        """Keep what was trained, and begin what is to be trained on `data`, None where they are being read. Trouble is
        told once, and stops no duty; what failed by the task's or the data's fault is tried again with the next model
        or round.
        """
        number = state.number
        try:
            self.unready[number] = why = self._next(state, document(state), member, data, note)
            if why != self._troubles.get(number):
                self._troubles.pop(number, None)
        except Pending as pending:
            self.unready[number] = pending.message
        except FedledgerError as error:
            if self._troubles.get(number) != error.message:
                note("failed", state, f"training ahead: {error.message}", error)
            self.unready[number] = self._troubles[number] = error.message

    def _next(self, state: JobState, job: Job, member: Member, data: Callable[[Job], Path | None], note: Note) -> str:
        """Why nothing can be committed to yet, after what can be done for it was done."""
        newest = self.facts(state, job)
        tried = newest.base.root, len(state.rounds)
        try:
            busy = self._under_way(state, job, member, note)
            head = self._shelf.head(state, job)
            if head is not None and not head.is_spent(state, member.index) and head.is_usable(state, job):
                return ""
            if busy is not None:
                return f"trains on the model of round {busy}"
            if not member.has(Role.PARTICIPANT) or state.complete:
                return "this member does not train"
            if _is_in(state.current, member.index) and (head is None or head.base == newest.base.round):
                return "waits for a newer model than the one that it trained on"
            if self._unfit.get(state.number) == tried:
                return self._troubles.get(state.number, "the training failed")
            return self._begin(newest, member.index, data)
        except UsageError:
            self._unfit[state.number] = tried
            raise

    def _begin(self, newest: RoundFacts, index: int, data: Callable[[Job], Path | None]) -> str:
        """Train on the newest model, once it and the data are here."""
        state, job = newest.state, newest.job
        gathering = self._copies.base(newest, WHOLE_DAY)
        if gathering.copying:
            return f"copies {', '.join(gathering.copying)}, to train on"
        path = data(job)
        if path is None:
            return "reads the data"
        base = read(self._connection, state, job, newest.base)
        vain = committed_in_vain(state, index, newest.base.round, len(state.rounds) + 1)
        seed = seed_of(job.digest, newest.round.number + vain, index)
        self._trainings.begin(newest, base, path, seed, WHOLE_DAY, keep=True)
        return f"trains on the model of round {newest.base.round}"

    def facts(self, state: JobState, job: Job, base: int | None = None) -> RoundFacts:
        """The round that training on a model is for: the one after it, opened or not. `base` is the model's round; the
        newest model's without it.
        """
        number = (base_of(state, job, len(state.rounds) + 1).round if base is None else base) + 1
        round_ = state.rounds.get(number) or Round(state.number, number, "", 0, 0, 0, 0, 0, {}, 0, 0)
        return RoundFacts.of(self._connection.place, state, job, round_)

    def _under_way(self, state: JobState, job: Job, member: Member, note: Note) -> int | None:
        """The round whose model is being trained on; None where nothing is, any more. What is done is kept, and what
        would come too late is ended.
        """
        self._keep(state, job, note)
        busy: int | None = None
        for _, number in self._trainings.of_job(state.number):
            facts = self.facts(state, job, number - 1) if number <= len(state.rounds) + 1 else self.facts(state, job)
            if not is_young(state, job, facts.base.root):
                self._trainings.end((state.number, number))
                note("late", state, f"the model of round {number - 1} is too old by now; its training was ended")
                continue
            errand = self._trainings.of(facts)
            if errand is None:
                continue
            if not errand.done:
                busy = facts.base.round
                continue
            trained, values, leaves, _ = self._trainings.take(facts)
            require_admitted(judge_values(values, job.admission))
            self._fresh[state.number] = Fresh(facts.base, last_commitment(state, member.index), trained, values, leaves)
            self._keep(state, job, note)
        return busy

    def _keep(self, state: JobState, job: Job, note: Note) -> None:
        """Write down what came out. Raises Unavailable where the disk takes nothing; it is tried again at each look."""
        fresh = self._fresh.get(state.number)
        if fresh is None:
            return
        self._shelf.keep(state, job, *fresh)
        del self._fresh[state.number]
        note("trained", state, _words(fresh.trained, fresh.base.round))


def require_admitted(decision: Decision) -> None:
    """Raise UsageError for an update that would be refused."""
    if decision.verdict is not Verdict.ADMITTED:
        raise UsageError(
            "this update would be refused, so nothing is committed to",
            advice="the job's limits and its training do not fit these data; the next round is tried again",
            verdict=decision.verdict.name,
            because=decision.message,
        )


def _is_in(round_: Round | None, index: int) -> bool:
    """Whether a member committed in a round that goes on."""
    return round_ is not None and not round_.phase.terminal and index in round_.commitments


def _words(trained: TrainedUpdate, base: int) -> str:
    return f"trained on the model of round {base}, loss {float(trained.loss):.4f}; kept for the round that collects"
