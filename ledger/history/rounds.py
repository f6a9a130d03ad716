"""Rounds: the fold of what is committed to, opened, published and attested. `ledger.history.jobs` hands it the events.

Each rule is the contract's. What only time decides there is taken from the events, since they have no time: a round is
in the phase that they need where waiting alone leads to it.
"""

from dataclasses import dataclass
from typing import assert_never

from ledger.errors import Malformed
from ledger.events import rounds as r
from ledger.events.members import Role
from ledger.formats.claims import (
    RoundName,
    UpdateOpening,
    claim_of,
    commitment,
    opened_after,
    unpack_openings,
)
from ledger.formats.digest import NOTHING
from ledger.history.impossible import Impossible
from ledger.history.members import NO_ROLE, Members
from ledger.history.state import (
    Aggregate,
    Attestation,
    JobState,
    Phase,
    Round,
    Update,
    UpdateCommitment,
)

ANCHORS = 256
"""How many of the latest blocks the contract knows the hashes of."""
MOST_STRIKES = 255


@dataclass(slots=True)
class Rounds:
    """The rounds of one job, at an event about the one of this name."""

    members: Members
    job: JobState
    name: RoundName

    def apply(self, event: r.AnyRoundEvent) -> None:
        """Take the event, the frequent kinds first. Raises Impossible where it cannot follow, and changes nothing."""
        match event:
            case r.UpdateCommitted():
                self._commit(event)
            case r.Attested():
                self._attest(event)
            case r.UpdatesOpened():
                self._open_updates(event)
            case r.RoundOpened():
                self._open(event)
            case r.AggregatePublished():
                self._publish(event)
            case r.RoundFinalised():
                self._finalise(event)
            case r.AttemptFailed():
                self._fail(event)
            case r.RoundAbandoned():
                self._abandon(event)
            case r.RoundRefuted():
                self._refute(event)
            case _:
                assert_never(event)

    def _current(self, *phases: Phase) -> Round:
        round_, number = self.job.current, self.name.round
        if round_ is None or round_.number != number:
            raise Impossible(f"round {number} is not the current round of job {self.job.number}")
        if round_.phase not in phases:
            raise Impossible(f"round {number} of job {self.job.number} is {round_.phase.value}")
        return round_

    def _attempt(self, attempt: int, *phases: Phase) -> tuple[Round, Aggregate]:
        round_ = self._current(*phases)
        if round_.attempt != attempt:
            raise Impossible(f"attempt {attempt} of round {round_.number} is not the current one")
        return round_, round_.aggregates[-1]

    def _open(self, event: r.RoundOpened) -> None:
        job, epoch = self.job, self.members.epoch
        opener = self.members.holder(event.opener, Role.AGGREGATOR, epoch)
        last = job.current
        free = job.open and not job.complete and not job.convicted and (last is None or last.phase.terminal)
        if not free or event.round != len(job.rounds) + 1 or event.epoch != epoch:
            raise Impossible(f"round {event.round} of job {event.job} cannot be opened")
        counts = (self.members.count, self.members.having(Role.PARTICIPANT), self.members.having(Role.AGGREGATOR))
        keys = last.keys if last and last.epoch == epoch else self.members.keys
        ends = event.deadline
        opened = Round(
            event.job, event.round, event.opener, opener.index, epoch, *counts, keys, ends, ends, tx=event.tx
        )
        opened.block, opened.buffer, opened.opened = event.block, job.terms.buffer, job.digest
        opened.scored_to = next((n for n in reversed(job.scorings) if job.scorings[n].medians is not None), 0)
        job.rounds[event.round] = opened

    def _commit(self, event: r.UpdateCommitted) -> None:
        """A key that lost its rights since the round opened may still commit to it, if it was checked before."""
        round_ = self._current(Phase.COLLECTING)
        member = self.members.require(event.party)
        acts = event.party == member.key and member.acts(Role.PARTICIPANT, round_.epoch)
        if member.index in round_.commitments or not (acts or self._checked(round_, event.party, member.index)):
            raise Impossible(f"member {member.index} cannot commit to an update in round {event.round}")
        full = len(round_.commitments) + 1 == round_.target
        if not full and event.deadline != round_.deadline:
            raise Impossible(f"the deadline of round {event.round} moved without a cause")
        made = UpdateCommitment(event.party, member.index, event.commitment, event.tx, event.block)
        round_.commitments[member.index], round_.committed_in = made, event.block
        if full:
            round_.phase, round_.deadline = Phase.OPENING, event.deadline

    def _checked(self, round_: Round, party: str, index: int) -> bool:
        """Whether a key committed in an earlier round of the same epoch."""
        for number in range(round_.number - 1, 0, -1):
            earlier = self.job.rounds[number]
            if earlier.epoch != round_.epoch:
                return False
            if index in earlier.commitments and earlier.commitments[index].party == party:
                return True
        return False

    def _open_updates(self, event: r.UpdatesOpened) -> None:
        round_ = self._current(Phase.COLLECTING, Phase.OPENING)
        try:
            openings = unpack_openings(event.openings)
        except Malformed as error:
            raise Impossible(f"impossible openings: {error.message}") from error
        updates = {update.index: update for update in (self._opened(round_, said, event) for said in openings)}
        if not updates or len(updates) != len(openings) or updates.keys() & round_.updates.keys():
            raise Impossible(f"an update of round {event.round} was opened twice, or none was")
        opened = round_.updates | updates
        full = len(opened) == len(round_.commitments)
        late = self.job.terms.open_seconds if round_.phase is Phase.COLLECTING else 0
        if not full and event.deadline != round_.deadline + late:
            raise Impossible(f"the deadline of round {event.round} moved without a cause")
        round_.updates = {index: opened[index] for index in round_.commitments if index in opened}
        round_.opened = opened_after(round_.opened, (round_.entry(one) for one in updates.values()))
        round_.batches += (tuple(updates),)
        round_.phase = Phase.AGGREGATING if full else Phase.OPENING
        round_.deadline, round_.opened_in = event.deadline, event.block

    def _opened(self, round_: Round, said: UpdateOpening, event: r.UpdatesOpened) -> Update:
        """The update that an opening shows: what its party committed to in this round."""
        index = self.members.require(said.party).index
        made = round_.commitments.get(index)
        if made is None or (made.party, made.digest) != (said.party, commitment(self.name, said)) or not said.weight:
            raise Impossible(f"member {index} did not commit to the update that was opened")
        return Update(said.party, index, said.weight, said.root, said.cid, said.salt, made.tx, event.tx, event.block)

    def _publish(self, event: r.AggregatePublished) -> None:
        round_ = self._current(Phase.OPENING, Phase.AGGREGATING)
        index = self.members.holder(event.aggregator, Role.AGGREGATOR, round_.epoch).index
        failed = any(a.index == index for a in round_.aggregates)
        if event.attempt != round_.attempt + 1 or failed or not self._fits(event, round_):
            raise Impossible(f"attempt {event.attempt} of round {event.round} cannot be published")
        if event.attempt == 1 and index != round_.opener_index:
            self._strike(round_.opener_index)
        claim = claim_of(self.name, round_.opened, event.aggregate)
        made = (claim, event.deadline, event.tx, event.block)
        round_.aggregates.append(Aggregate(event.attempt, event.aggregator, index, *event.aggregate, *made))
        round_.phase, round_.deadline = Phase.ATTESTING, event.deadline

    def _fits(self, event: r.AggregatePublished, round_: Round) -> bool:
        said, opened = event.aggregate, len(round_.updates)
        empty = said.root == NOTHING
        whole = (
            empty == (said.cid == NOTHING) and said.base == self.job.base and not (empty and said.carried != NOTHING)
        )
        seen = round_.opened_in <= said.as_of and 0 < event.block - said.as_of <= ANCHORS and said.anchor != NOTHING
        return whole and seen and len(said.verdicts) == opened > 0

    def _attest(self, event: r.Attested) -> None:
        """In its time, while the attempt is undecided; or after its end by agreeing, for the record."""
        round_, aggregate = self._attempt(event.attempt, Phase.ATTESTING, Phase.FINALISED)
        index = self.members.holder(event.member, NO_ROLE, round_.epoch).index
        late = round_.phase is Phase.FINALISED
        allowed = event.form is r.Form.AGREE if late else not _decided(round_, aggregate)
        fits = (event.claim == aggregate.claim) == (event.form is not r.Form.OTHER)
        if aggregate.attested_by(index) or not allowed or not fits:
            raise Impossible(f"member {index} cannot attest this")
        said = (event.form, event.claim, event.detail)
        aggregate.attestations.append(Attestation(event.member, index, *said, event.tx, event.block))

    def _fail(self, event: r.AttemptFailed) -> None:
        round_, aggregate = self._attempt(event.attempt, Phase.ATTESTING)
        last = event.attempt in (self.job.terms.attempts, round_.aggregators)
        if aggregate.outcome or aggregate.agreeing >= round_.majority or last != (event.deadline == 0):
            raise Impossible(f"attempt {event.attempt} of round {event.round} cannot have failed so")
        convicted = self.job.conviction_of(round_.number, aggregate.attempt) is not None
        spoke = convicted or aggregate.agreeing + aggregate.against >= round_.majority
        aggregate.outcome = Phase.REFUTED if spoke else Phase.ABANDONED
        aggregate.ended_in = event.block
        if spoke:
            self._strike(aggregate.index)
        if not last:
            round_.phase, round_.deadline = Phase.AGGREGATING, event.deadline

    def _finalise(self, event: r.RoundFinalised) -> None:
        round_, aggregate = self._attempt(event.attempt, Phase.ATTESTING)
        if event.root != aggregate.root:
            raise Impossible("another model was finalised than published")
        if aggregate.agreeing < round_.majority or aggregate.empty:
            raise Impossible("a model was finalised without the members' votes")
        round_.phase = aggregate.outcome = Phase.FINALISED
        round_.ended_in = aggregate.ended_in = event.block
        self.job.finalised += 1
        self.job.latest = round_.number
        self._lift(aggregate.index)

    def _refute(self, event: r.RoundRefuted) -> None:
        round_ = self._current(Phase.ATTESTING)
        if round_.aggregates[-1].outcome is not Phase.REFUTED:
            raise Impossible(f"round {round_.number} has not failed by the members' votes")
        round_.phase, round_.ended_in = Phase.REFUTED, event.block

    def _abandon(self, event: r.RoundAbandoned) -> None:
        round_ = self._current(Phase.COLLECTING, Phase.OPENING, Phase.AGGREGATING, Phase.ATTESTING)
        if event.reason != (r.Reason.BASE_CONVICTED if self.job.convicted else _reason(round_)):
            raise Impossible(f"round {event.round} cannot end for the reason {event.reason}")
        if event.reason is r.Reason.NO_AGGREGATE and not round_.aggregates:
            self._strike(round_.opener_index)
        if round_.phase is Phase.ATTESTING:
            round_.aggregates[-1].outcome, round_.aggregates[-1].ended_in = Phase.ABANDONED, event.block
        round_.phase, round_.reason, round_.ended_in = Phase.ABANDONED, event.reason, event.block

    def _strike(self, index: int) -> None:
        self.job.strikes[index] = min(self.job.strikes.get(index, 0) + 1, MOST_STRIKES)

    def _lift(self, index: int) -> None:
        if self.job.strikes.get(index):
            self.job.strikes[index] -= 1


def _decided(round_: Round, aggregate: Aggregate) -> bool:
    """Whether a majority agrees, or none can: the attempt's end is the next thing on record."""
    agreeing = aggregate.agreeing
    against = len(aggregate.attestations) + 1 - agreeing
    return agreeing >= round_.majority or against > round_.members - round_.majority


def _reason(round_: Round) -> r.Reason:
    """Why the round can be abandoned where it is; NONE where it cannot."""
    if round_.phase is not Phase.ATTESTING:
        return r.Reason.NO_AGGREGATE if round_.updates else r.Reason.TOO_FEW_UPDATES
    aggregate = round_.aggregates[-1]
    if aggregate.outcome is Phase.ABANDONED:
        return r.Reason.NO_QUORUM
    agreed = aggregate.empty and aggregate.agreeing >= round_.majority
    return r.Reason.TOO_FEW_UPDATES if agreed else r.Reason.NONE
