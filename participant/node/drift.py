"""How far a party's own updates went, as FedDyn and SCAFFOLD need it: worked out from the ledger's own record of them.

So there is no state to lose: the same updates lead to the same integers, and what was refused, or led to no model, does
not count.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from ledger.formats.cid import of_file
from ledger.history.state import JobState
from ledger.jobs.document import Job
from ledger.jobs.server import Scaffold
from ledger.party.connection import Connection
from ledger.rounds.admission import Verdict, judge_values
from ledger.rounds.facts import Base, RoundFacts, base_of
from ledger.rounds.inputs import Inputs
from ledger.rounds.optimisers import Turnout
from ledger.rounds.rules.arithmetic import Sums
from ledger.rounds.rules.clipping import clipped
from ledger.rounds.server_state import Step, read_carried
from participant.integers.fixed_point import Stream


@dataclass
class Drifts:
    """What the member's updates of each job add up to, worked out once for each model that is built on."""

    connection: Connection
    _known: dict[int, tuple[bytes, int, Sums]] = field(default_factory=dict)

    def of(self, facts: RoundFacts, member: int) -> Stream | None:
        """What corrects a member's training of a round; None where its job corrects none.

        Raises Unavailable or Malformed where one of its updates cannot be read.
        """
        if not facts.job.server.corrects:
            return None
        from participant.tasks.correction import drift_of  # not above: it loads torch, which other jobs leave alone

        return drift_of(self._total(facts, member), self._control(facts.job, facts.base))

    def _total(self, facts: RoundFacts, member: int) -> Sums:
        state, job, number = facts.state, facts.job, facts.round.job
        root, upto, total = self._known.get(number, (job.initial_root, 0, np.zeros(job.layout.values, np.int64)))
        lineage = list(_lineage(state, job, facts.base))
        if (upto, root) not in [
            (base.round, base.root) for base in (*lineage, Base(0, job.initial_root, job.initial_cid))
        ]:
            upto, total = 0, np.zeros(job.layout.values, np.int64)  # the chain was reorganised
        for made in reversed(lineage):
            if made.round > upto:
                total = total + self._went(state, job, made, member)
        self._known[number] = facts.base.root, facts.base.round, total
        return total

    def _went(self, state: JobState, job: Job, made: Base, member: int) -> Sums:
        """How far the member's update took it in a finalised round, as the round counted it: no further than the job's
        norm, where it cuts to that; nothing where the round did not take it.
        """
        from participant.tasks.correction import went_of

        round_ = state.rounds[made.round]
        final, update = round_.final, round_.updates.get(member)
        taken = final is not None and dict(
            zip((one.index for one in round_.sorted_updates()), final.verdicts, strict=True)
        )
        if update is None or not taken or taken[member] != Verdict.ADMITTED:
            return np.zeros(job.layout.values, np.int64)
        base = base_of(state, job, made.round)
        inputs = Inputs(job.layout, job.aggregation, base.cid, [], [], self.connection.fetch, job.packing)
        values = inputs.update_values(of_file(update.cid, job.update_size), 0, job.layout.values)
        counted = clipped(values, judge_values(values, job.admission).factor)
        return went_of(counted, self._control(job, base))

    def _control(self, job: Job, base: Base) -> Sums:
        """The server's c beside a model; zeros where the job has none."""
        from participant.tasks.correction import control_of

        state: list[Sums] = []
        if isinstance(job.server, Scaffold):
            streams = read_carried(base.carried, self.connection.fetch).streams
            step = Step(job.server, job.layout, Turnout(1, 1), streams, self.connection.fetch)
            state = step.state(0, job.layout.values)
        return control_of(job.server, state, job.layout.values)


def _lineage(state: JobState, job: Job, base: Base) -> Iterator[Base]:
    """The finalised rounds that a model comes from, newest first."""
    while base.round:
        yield base
        base = base_of(state, job, base.round)
