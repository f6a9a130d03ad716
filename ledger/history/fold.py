"""The history: the ledger's events folded into members, jobs and rounds, scores, and decisions.

The contracts enforce the rules; the folds (`members`, `jobs`, `scorings` and `decisions`) check that the events
they are given could have come from them, in order and without a gap, and so notice a log that was cut, reordered or
forged on the way (docs/spec/audit.md).
"""

from collections.abc import Callable, Iterable
from typing import Any

from ledger.errors import FedledgerError
from ledger.events import records as r
from ledger.events.actions import NameSuccessor
from ledger.history import decisions, jobs, members, scorings
from ledger.history.decisions import Decisions
from ledger.history.jobs import Jobs
from ledger.history.members import NO_ROLE, Members
from ledger.history.scorings import Scorings
from ledger.history.state import Impossible, JobState, Member, Round, ScoreBoard


class HistoryError(FedledgerError):
    """The events contradict each other: what delivered them cannot be trusted. Nothing was checked."""

    exit_code = 3


class History:
    """The state after a sequence of events, applied one by one. Readers must not change what it gives out.

    `board` is where scores are committed to; without it no event about scores can follow.
    """

    def __init__(self, events: Iterable[r.Event] = (), board: ScoreBoard | None = None) -> None:
        self._members = Members()
        self._jobs = Jobs(self._members)
        self._scorings = Scorings(self._members, self._jobs, board)
        self.decisions = Decisions()
        self.applied = 0
        self._position = (-1, -1)
        for event in events:
            self.apply(event)

    @property
    def members(self) -> dict[int, Member]:
        """Members by index, those that left included."""
        return self._members.by_index

    @property
    def jobs(self) -> dict[int, JobState]:
        """Jobs by number."""
        return self._jobs.by_number

    @property
    def epoch(self) -> int:
        """Number of the membership's state."""
        return self._members.epoch

    @property
    def count(self) -> int:
        """How many members are active."""
        return self._members.count

    def member_of(self, key: str) -> Member | None:
        """The member that holds or ever held `key`."""
        return self._members.owner(key)

    def round(self, job: int, number: int) -> Round | None:
        state = self.jobs.get(job)
        return state.rounds.get(number) if state else None

    def electorate(self, round_: Round) -> list[Member]:
        """The members who may attest the round: those whose key was valid when it opened."""
        return [m for m in self.members.values() if m.active and m.since <= round_.epoch]

    def apply(self, event: r.Event) -> None:
        """Take one more event. Raises HistoryError where it cannot follow, and then changes nothing."""
        try:
            if (event.block, event.log) <= self._position:
                raise Impossible("events are out of order")
            self.decisions.require_mandate(event)
            _HANDLERS[type(event)](self, event)
        except Impossible as error:
            raise HistoryError(
                f"the ledger's log is damaged: {error}",
                event=type(event).__name__,
                block=event.block,
                log=event.log,
                advice="read the log again from another RPC endpoint",
            ) from error
        self.decisions.settled(event)
        self._position = (event.block, event.log)
        self.applied += 1

    def _proposed(self, event: r.Proposed) -> None:
        self._members.holder(event.proposer, NO_ROLE, self.epoch)
        self.decisions.propose(event, self.epoch, self.count)

    def _voted(self, event: r.Voted) -> None:
        epoch = self.decisions.open(event.proposal).epoch
        self.decisions.vote(event, self._members.holder(event.member, NO_ROLE, epoch).index)

    def _vote_skipped(self, event: r.VoteSkipped) -> None:
        self.decisions.open(event.proposal)

    def _rules_changed(self, event: r.RulesChanged) -> None:
        self.decisions.rules = event.rules

    def _successor_named(self, event: r.SuccessorNamed) -> None:
        self.decisions.successor = NameSuccessor(event.chain, event.ledger)

    def _released(self, event: r.Released) -> None:
        round_, state = self.round(event.job, event.round), self.jobs.get(event.job)
        scoring = state.scorings.get(event.round) if state else None
        model = round_.final.root if round_ and round_.final else None
        self.decisions.publish(event, model, scoring.root if scoring else bytes(32))

    def _about_members(self, event: r.Event) -> None:
        members.HANDLERS[type(event)](self._members, event)

    def _about_jobs(self, event: r.Event) -> None:
        jobs.HANDLERS[type(event)](self._jobs, event)

    def _about_scores(self, event: r.Event) -> None:
        scorings.HANDLERS[type(event)](self._scorings, event)

    def _about_decisions(self, event: r.Event) -> None:
        decisions.HANDLERS[type(event)](self.decisions, event)


_HANDLERS: dict[type[r.Event], Callable[[History, Any], None]] = {
    **dict.fromkeys(members.HANDLERS, History._about_members),
    **dict.fromkeys(jobs.HANDLERS, History._about_jobs),
    **dict.fromkeys(scorings.HANDLERS, History._about_scores),
    **dict.fromkeys(decisions.HANDLERS, History._about_decisions),
    r.Proposed: History._proposed,
    r.Voted: History._voted,
    r.VoteSkipped: History._vote_skipped,
    r.RulesChanged: History._rules_changed,
    r.SuccessorNamed: History._successor_named,
    r.Released: History._released,
}
