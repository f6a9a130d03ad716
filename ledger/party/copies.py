"""What a node keeps of rounds, besides its own updates: every copy more is one that may be lost."""

from contextlib import suppress

from ledger.errors import Malformed, Unavailable
from ledger.formats.cid import Cid, of_file
from ledger.history.state import JobState, Round, Update
from ledger.jobs.document import CommittedSet, Job, committed_set
from ledger.party.connection import Connection
from ledger.rounds.admission import Verdict, weigh
from ledger.rounds.outcome import Base, excused
from ledger.scores.evaluation_set import layout_of


class Copies:
    """Keeps files in the own store, under the names that every role uses. What it remembers only spares work."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._kept: set[Cid] = set()

    def job(self, state: JobState, job: Job) -> None:
        """The job's document."""
        self._keep(job.cid, f"job/{state.digest.hex()}", len(job.encode()))

    def base(self, state: JobState, job: Job, base: Base) -> None:
        """The model that a round builds on."""
        pin = model_pin(state.number, base.round) if base.round else f"initial/{base.root.hex()}"
        self._keep(base.cid, pin, job.layout.size)

    def evaluation_set(self, job: Job) -> None:
        """The set that the job commits to, once somebody has opened it."""
        evidence = committed_set(job.scoring)
        if evidence is not None:
            size = layout_of(evidence.samples, evidence.shape).size
            self._keep(Cid.parse(evidence.cid), set_pin(evidence), size)

    def updates(self, job: Job, round_: Round) -> frozenset[int]:
        """All updates of a round that need bytes to be judged; the members whose bytes nobody gives."""
        needed = [u for u in round_.sorted_updates() if weigh(u.weight, job.admission).verdict is Verdict.ADMITTED]
        return frozenset(update.index for update in needed if not self._update(job, round_, update))

    def round(self, job: Job, round_: Round) -> None:
        """All that a finalised round was made of, and its model."""
        self.updates(job, round_)
        if round_.final is not None:
            cid = of_file(round_.final.cid, job.layout.size)
            self._keep(cid, model_pin(round_.job, round_.number), job.layout.size)

    def _update(self, job: Job, round_: Round, update: Update) -> bool:
        cid = of_file(update.cid, job.layout.size)
        return self._keep(cid, f"update/{round_.job}/{round_.number}/{update.index}", job.layout.size)

    def _keep(self, cid: Cid, pin: str, size: int) -> bool:
        """Whether the bytes can be had. A full disk or a damaged own copy is no reason to say they cannot."""
        if cid in self._kept:
            return True
        try:
            self._connection.keep(cid, pin, limit=size)
        except Malformed:
            return True
        except Unavailable:
            return self._readable(cid, size)
        self._kept.add(cid)
        return True

    def _readable(self, cid: Cid, size: int) -> bool:
        with suppress(Malformed):
            try:
                for _ in self._connection.fetch(cid, 0, size + 1):
                    pass
            except Unavailable:
                return False
        return True


def model_pin(job: int, round_: int) -> str:
    """Under what name the global model of a round is kept."""
    return f"model/{job}/{round_}"


def set_pin(evidence: CommittedSet) -> str:
    """Under what name a committed evaluation set is kept."""
    return f"set/{evidence.root}"


def left_out(round_: Round, missing: frozenset[int]) -> frozenset[int]:
    """Whose bytes count as unavailable: those that the aggregator calls so and that this node cannot have either.

    So an aggregator that leaves out an update which a majority of the members can read is refuted by them.
    """
    return frozenset(excused(round_, round_.attempt)) & missing
