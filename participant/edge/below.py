"""The update of a member whose own consortium trained it: what a job below made of the round's base model, in as many
rounds as it has (docs/edges.md, "Several rounds at an edge"; ADR 84).

Two ledgers have all of it: the job's first base is this round's, and its last model is that base and the update.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ledger.config import Home
from ledger.errors import UsageError
from ledger.history.convicted import FalseStart, start_of, waits
from ledger.history.state import JobState
from ledger.jobs.document import Job
from ledger.party.connection import Connection
from ledger.rounds.admission import Verdict
from ledger.rounds.facts import RoundFacts, base_of
from participant.integers.fixed_point import Stream, difference
from participant.measuring.evaluation import read
from participant.trainer.messages import TrainedUpdate


@dataclass(frozen=True, slots=True)
class MadeBelow:
    """An update, with the job below that made it, its last round, and the tensor roots of its models in their order.

    `weight` is what the updates of its last model weigh together; a round admits no more of it than of any member's.
    `warning` is what the lower ledger has against it: that it began from a model that was convicted there.
    """

    update: Stream
    weight: int
    job: int
    round: int
    roots: tuple[bytes, ...]
    warning: str = ""

    @property
    def said(self) -> TrainedUpdate:
        """What a trainer would say of it: nothing is measured here."""
        return TrainedUpdate(weight=self.weight, samples=self.weight, loss="nan", metrics={}, device="a job below")


@dataclass(frozen=True, slots=True)
class Below:
    """A job that is over, in the home of one of its members or observers."""

    connection: Connection
    state: JobState
    job: Job

    def made(self, facts: RoundFacts, base: Stream) -> MadeBelow:
        """The update that it is of a round above, which builds on `base`.

        Raises UsageError where it began from another model, or goes on; Malformed or Unavailable for its last model.
        """
        self._require_fit(facts)
        last = base_of(self.state, self.job, len(self.state.rounds) + 1)
        model = read(self.connection, self.state, self.job, last)
        round_, lineage = self.state.rounds[last.round], self.state.lineage(last.round)
        finals = (self.state.rounds[number].final for number in reversed(lineage))
        judged = zip(round_.sorted_updates(), round_.final.verdicts if round_.final else (), strict=True)
        weight = sum(update.weight for update, verdict in judged if verdict == Verdict.ADMITTED)
        roots = tuple(final.root for final in finals if final is not None)
        update, began = difference(facts.job.layout, model, base), self._began()
        return MadeBelow(update, weight, self.state.number, last.round, roots, began.text if began else "")

    def _began(self) -> FalseStart | None:
        return start_of(self.connection.history.jobs.values(), self.state)

    def _require_fit(self, facts: RoundFacts) -> None:
        if self.job.tensors != facts.job.tensors:
            raise UsageError(
                "the job below has other tensors than the round's",
                advice="let both drafts have the same task, settings and fraction bits",
                job=self.job.name,
            )
        if self.job.initial_root != facts.base.root:
            raise UsageError(
                "the job below began from another model than the round's base",
                advice=f"fedledger store get {facts.base.cid} -o FILE, then start = FILE in a draft (docs/edges.md)",
                expected=facts.base.root.hex(),
                actual=self.job.initial_root.hex(),
            )
        if not self.state.complete:
            done = f"{len(self.state.rounds)} of {self.state.terms.rounds}"
            raise UsageError("the job below goes on", advice="wait for its last round", rounds=done)
        if self.state.convicted:
            raise UsageError("the model of the job below is convicted", advice=waits(self.state), job=self.job.name)
        if not self.state.built_on(len(self.state.rounds) + 1):
            raise UsageError("no round of the job below made a model that stands", job=self.job.name)


@contextmanager
def below(home: Path, number: int | None) -> Iterator[Below]:
    """The job with this number, or the only one, on the ledger that a home has joined. Raises as `Connection.open`, and
    UsageError where there is no such job.
    """
    with Connection.open(Home(home)) as connection:
        connection.refresh()
        state = connection.job(number)
        yield Below(connection, state, connection.document(state))


def require_plain(job: Job) -> None:
    """Raise UsageError for a job whose updates need more of a member than a model's difference."""
    needs = {
        "masks": job.masked is not None,
        "noise": job.dp is not None,
        "private tensors": bool(job.private.tensors),
        "compression": job.compression is not None,
        "a buffer": job.buffered is not None,
        job.server.name: job.server.corrects,
    }
    found = next((name for name, needed in needs.items() if needed), None)
    if found is not None:
        raise UsageError(
            f"this job has {found}, which each update's own training goes with",
            advice="train for it at this member: fedledger node submit",
            job=job.name,
        )
