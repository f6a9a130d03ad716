"""Honest workers and a hostile member, driven together over a job: the chain's clock goes on where all wait."""

import time
from collections.abc import Sequence
from typing import Any

from support.consortia.aggregators import service
from support.consortia.hostile import Deed, Hostile
from support.consortia.synthetic import Trial
from support.consortia.trainers import end_pauses, node

from aggregator.service import Goal
from ledger.history.state import Phase, Round
from ledger.rounds.receipts import certified
from ledger.rounds.steps import Wait

QUIET = 3
"""Looks in a row in which nobody acts, after which they wait for the clock; a tenth of a second between them."""
MOST_JUMPS, LIMIT = 60, 250
TOLD = {Phase.OPENING: ("show", "ask"), Phase.AGGREGATING: ("have", "push")}
"""What is told to gateways again and again, by phase."""


class Siege:
    """A trial whose last member is hostile: everyone else's node, and the aggregators of the first `aggregators`.

    `lasted` are seconds of the chain's clock that each round took, `looks` those of ours that each look of an honest
    worker took. What is under way is waited for `settling` seconds each time.
    """

    def __init__(self, trial: Trial, *, aggregators: int = 2) -> None:
        self.trial = trial
        self.honest = trial.parties[:-1]
        self.hostile = Hostile(trial, len(self.honest))
        self.nodes = [node(party) for party in self.honest]
        self.services = [service(party) for party in self.honest[:aggregators]]
        self.lasted: list[int] = []
        self.looks: list[float] = []
        self.settling = 30.0
        self._alarms: dict[int, int] = {}
        for one in self.workers:
            self._hear(one)

    @property
    def workers(self) -> list[Any]:
        """All honest workers."""
        return [*self.nodes, *self.services]

    def bound(self) -> int:
        """How long a round lasts at most, in seconds, by its terms."""
        t = self.trial.job.terms
        turns = t.attempts * (t.attest_seconds + t.aggregate_seconds)
        return t.update_seconds + t.open_seconds + 2 * t.aggregate_seconds + turns

    def play(self, deed: Deed) -> Round:
        """One round, until it has ended."""
        number = len(self.trial.state.rounds) + 1
        for one in self.services:
            one._goal = Goal(rounds=number)
        self.hostile.begin(deed)
        for _ in range(MOST_JUMPS):
            self._settle([self.hostile, *self.workers])
            round_ = self.trial.state.rounds.get(number)
            if round_ is not None and round_.phase.terminal:
                break
            self._jump()
        else:
            raise AssertionError(f"round {number} does not end: {deed}, {self.trial.state.current}")
        opened = round_.update_deadline - self.trial.job.terms.update_seconds
        self.lasted.append(self.trial.parties[0].connection.client.course(self.trial.number).ended_at - opened)
        return round_

    def leave_open(self, deed: Deed) -> None:
        """Begin one more round, and leave it where all wait for the clock for the first time after it was opened."""
        for one in self.services:
            one._goal = Goal()
        self.hostile.begin(deed)
        self._settle([self.hostile, *self.workers])
        while self.trial.round.phase.terminal:
            self._jump()
            self._settle([self.hostile, *self.workers])

    def _settle(self, workers: Sequence[Any]) -> None:
        """Let all look until they only wait."""
        quiet, end = 0, time.monotonic() + LIMIT
        while quiet < QUIET:
            acted = [self._look(one) for one in workers]
            under_way = [one.settle(self.settling) for one in workers]
            quiet = 0 if any(acted) or self._untold() or self._at_work() else quiet + 1
            assert time.monotonic() < end, f"they find no rest in {self.trial.phase}"
            if not any(acted) and not any(under_way):
                time.sleep(0.05)

    def _look(self, one: Any) -> bool:
        began = time.monotonic()
        acted: bool = one.look()
        if one is not self.hostile:
            self.looks.append(time.monotonic() - began)
        return acted

    def _at_work(self) -> bool:
        """Whether honest members still do what a phase leaves minutes for: train, and fetch each other's updates."""
        round_, honest = self.trial.state.current, {party.index for party in self.honest}
        if round_ is None or round_.number != self.hostile.number:
            return False
        if self.trial.phase is Phase.COLLECTING:
            return not honest <= round_.commitments.keys()
        if self.trial.phase is not Phase.AGGREGATING:
            return False
        facts = self.honest[0].facts
        known = self.services[0]._rounds.exchange.sharing.receipts(facts)
        return not honest & facts.round.updates.keys() <= certified(known, facts.roll)

    def _untold(self) -> bool:
        """Whether an honest gateway was not ready yet for what another honest member has to say."""
        kinds = TOLD.get(self.trial.phase, ()) if self.trial.state.current else ()
        hostile = self.hostile.party.index
        exchanges = [one._rounds.exchange for one in self.workers]
        errands = [part for one in exchanges for part in (one.showing, one.sharing)]
        return any(where[0] in kinds and where[-1] != hostile for part in errands for where in part.failed())

    def _jump(self) -> None:
        """On to the first second for which anybody waits; pauses are over then."""
        now = self.trial.parties[0].connection.time()
        later = [moment for moment in (*self._alarms.values(), self.hostile.until) if moment > now]
        self.trial.until(max(min(later, default=now + 60), self.trial.parties[0].connection.client.latest().time + 1))
        end_pauses(*self.workers)

    def _hear(self, one: Any) -> None:
        """Take note of when a worker wants to look again."""
        worker = one._rounds
        take = worker.advance

        def advance(*arguments: Any) -> Wait | None:
            self._alarms.pop(id(worker), None)
            wait: Wait | None = take(*arguments)
            if wait is not None and wait.until is not None:
                self._alarms[id(worker)] = wait.until
            return wait

        worker.advance = advance
