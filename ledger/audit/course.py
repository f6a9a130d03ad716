"""How a round went: what was committed and never opened, whose turn it was, why there is no model. Faults, not lies."""

from typing import Any

from ledger.audit.claims import attempt_claim, round_place
from ledger.audit.context import Context
from ledger.audit.report import Check
from ledger.audit.said import kept_shut, opened, withdrew
from ledger.events.evidence import Said
from ledger.events.rounds import Reason
from ledger.formats.text import plural
from ledger.history.state import Aggregate, JobState, Phase, Round


def tell_course(audit: Context, state: JobState, round_: Round) -> None:
    """Leave open what the parties of a round owed each other by its rules."""
    told = _Course(audit, state, round_)
    told.unopened()
    told.withdrawn()
    told.turn()
    for aggregate in round_.aggregates:
        told.silence(aggregate)
    told.end()


class _Course:
    def __init__(self, audit: Context, state: JobState, round_: Round) -> None:
        self.audit, self.state, self.round = audit, state, round_
        self.what = f"round {round_place(round_)}"

    def unopened(self) -> None:
        """Once the time to open is over: it cost the others that time, and the update is not in the round."""
        if self.round.phase in (Phase.COLLECTING, Phase.OPENING):
            return
        for commitment in self.round.unopened:
            party = self.audit.describe(commitment.party)
            why = "it was committed to and never opened: it is not in the round"
            what = f"the update of {party} in {round_place(self.round)}"
            self._blame(kept_shut(self.round, commitment), what, why, party=party)

    def withdrawn(self) -> None:
        """Updates of members that had withdrawn their data before the round: both are under their own keys."""
        for index, said in sorted(self.state.withdrawn.items()):
            commitment = self.round.commitments.get(index)
            if commitment is None or self.round.number <= said.last_round:
                continue
            party = self.audit.describe(commitment.party)
            why = f"its party had withdrawn its data from the job, for all rounds after round {said.last_round}"
            what = f"the update of {party} in {round_place(self.round)}"
            broken = kept_shut(self.round, commitment)
            if commitment.party == said.member:  # the log's order is a node's word
                broken = broken._replace(after=said.tx)
            both = [withdrew(self.state, said), broken]
            where = {"job": self.round.job, "round": self.round.number, "tx": commitment.tx.hex(), "party": party}
            self.audit.blame(both, Check.LOG, what, why, **where)

    def turn(self) -> None:
        """The opener's, which it let pass where another aggregator published first."""
        if self.round.aggregates and self.round.aggregates[0].index != self.round.opener_index:
            opener = self.audit.describe(self.round.opener)
            why = f"it opened the round and left its turn to another; {self._strikes()}"
            self._blame(opened(self.round), f"the turn of {opener} in {round_place(self.round)}", why)

    def silence(self, aggregate: Aggregate) -> None:
        """Who said nothing on an attempt that failed for want of votes."""
        if aggregate.outcome is Phase.ABANDONED and aggregate.agreeing < self.round.majority:
            silent = [index for index in sorted(self.round.keys) if not aggregate.attested_by(index)]
            why = f"it had no majority in time; nothing came of {self.audit.names(silent)}"
            self._open(attempt_claim(self.round, aggregate), why, attempt=aggregate.attempt)

    def end(self) -> None:
        """A round that is under way, or that ended without a model."""
        round_ = self.round
        if not round_.phase.terminal:
            self._open(self.what, f"it is open: {round_.phase.value}")
        elif round_.phase is Phase.REFUTED:
            attempts = plural(len(round_.aggregates), "attempt")
            self._open(self.what, f"it ended without a model: refuted after {attempts}")
        elif round_.reason is Reason.NO_AGGREGATE and not round_.aggregates:
            why = f"it was abandoned: no aggregate was published in time, by its opener first; {self._strikes()}"
            self._blame(opened(self.round), self.what, why)
        elif round_.phase is Phase.ABANDONED:
            masked = self.state.number in self.audit.history.masks
            self._open(self.what, f"it was abandoned: {_why_abandoned(round_, masked=masked)}")

    def _strikes(self) -> str:
        """How many its opener has."""
        return f"it has {plural(self.state.strikes.get(self.round.opener_index, 0), 'strike')} in the job now"

    def _blame(self, said: Said, what: str, why: str, **detail: Any) -> None:
        where = {"job": self.round.job, "round": self.round.number, "tx": said.tx.hex()}
        self.audit.blame([said], Check.LOG, what, why, **where, **detail)

    def _open(self, what: str, why: str, **detail: Any) -> None:
        self.audit.leave_open(Check.LOG, what, why, job=self.round.job, round=self.round.number, **detail)


def _why_abandoned(round_: Round, *, masked: bool) -> str:
    if round_.reason is Reason.NO_AGGREGATE:
        return "no aggregate was published in time"
    if round_.reason is Reason.NO_QUORUM:
        return "no attempt had a majority in time"
    if round_.updates and masked:
        return "a majority agreed that no model can be made of the set"
    if round_.updates:
        return "a majority agreed that too few updates were admitted"
    return "no update was opened"
