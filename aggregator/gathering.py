"""What an aggregator gathers for a round: openings, bytes, and who signed to hold which of them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from aggregator.situation import AggregatorSituation
from aggregator.turns import gathered_by
from ledger.formats.claims import UpdateOpening
from ledger.history.phases import present
from ledger.history.state import Phase
from ledger.party.copies import Copies, Gathering
from ledger.party.sharing.exchange import Exchange
from ledger.rounds.depth import DeepBlock
from ledger.rounds.facts import RoundFacts
from ledger.rounds.receipts import SignedHave, certified, held, merged, settled_by

QUICK, QUICK_SECONDS = 0.05, 20
"""Seconds between two looks at what came in, and for how long in a phase; then as often as the watch looks anyway."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """What there is: openings of updates that are not open, receipts, who is certified by them, the certified files on
    their way, and when the last signature that counts came. `old` are the receipts that certify `settled`, as in
    `AggregatorSituation`.
    """

    openings: Mapping[int, UpdateOpening] = field(default_factory=dict)
    receipts: tuple[SignedHave, ...] = ()
    certified: frozenset[int] = frozenset()
    files: Gathering = field(default_factory=Gathering)
    signed: int = 0
    old: tuple[SignedHave, ...] = ()
    settled: frozenset[int] = frozenset()

    def situation(self, now: int, deep: DeepBlock, since: int, ended: int) -> AggregatorSituation:
        """As the pure decision takes it."""
        known, missing = frozenset(self.openings), frozenset(self.files.missing)
        copying, settled = self.files.copying, self.settled
        return AggregatorSituation(
            now, deep, since, ended, known, self.certified, self.signed, copying, missing, settled
        )

    def receipts_of(self, counted: frozenset[int]) -> tuple[SignedHave, ...]:
        """Those that certify exactly these members' updates: `certified`, or `settled`."""
        return self.receipts if counted == self.certified else self.old


class Gatherer:
    """Gathers without making the thread that decides wait. What it remembers only spares work."""

    def __init__(self, copies: Copies, exchange: Exchange) -> None:
        self._copies = copies
        self._sharing, self._showing, self._slips = exchange.sharing, exchange.showing, exchange.slips
        self._signatures: dict[int, tuple[int, int, int]] = {}
        self._lacks: dict[int, int] = {}

    def gather(self, facts: RoundFacts, since: int, now: int) -> Gathered:
        """What there is by now. `since` is when the round was first seen in its present state."""
        round_, phase = facts.round, present(facts.round, facts.state.terms, now).phase
        self._lacks.pop(round_.job, None)
        if phase is Phase.OPENING:
            openings = self._openings(facts)
            if len(openings) < len(round_.unopened):
                self._lacks[round_.job] = now - since
            self._vouch(facts, now)
            return Gathered(openings)
        if phase is Phase.AGGREGATING and round_.updates:
            return self.certificates(facts, since, now)
        return Gathered()

    def due_in(self, jobs: frozenset[int]) -> list[float]:
        """Seconds after which something may have come in for these jobs that no change of the ledger announces."""
        return [QUICK for job, seconds in self._lacks.items() if job in jobs and seconds <= QUICK_SECONDS]

    def settled(self, facts: RoundFacts, now: int) -> tuple[tuple[SignedHave, ...], frozenset[int]]:
        """Receipts that are old enough to oppose an aggregate that leaves out what they certify, and what that is;
        empty where its bytes are not all here.
        """
        old = self._old(facts, now)
        counted = frozenset(certified(old, facts.roll))
        files = self.files(facts, now, counted)
        return ((), frozenset()) if files.copying or files.missing else (old, counted)

    def overdue(self, facts: RoundFacts, counted: Collection[int], now: int) -> frozenset[int]:
        """What an aggregate of what `counted` says may not leave out any more: members could oppose it."""
        if facts.round.updates.keys() <= set(counted):
            return frozenset()
        return frozenset(certified(self._old(facts, now), facts.roll)) - frozenset(counted)

    def _old(self, facts: RoundFacts, now: int) -> tuple[SignedHave, ...]:
        return merged(self._sharing.receipts(facts, by=settled_by(now, facts.state.terms.aggregate_seconds)))

    def _openings(self, facts: RoundFacts) -> dict[int, UpdateOpening]:
        known = self._showing.known(facts.name, facts.round)
        missing = {made.index for made in facts.round.unopened}
        if missing - known.keys():
            self._showing.ask(facts.name, facts.round, facts.state.terms.open_seconds / 8)
        return {index: opening for index, opening in known.items() if index in missing}

    def certificates(self, facts: RoundFacts, since: int, now: int) -> Gathered:
        """Receipts, and the files that they certify, of a round whose updates are open."""
        self._vouch(facts, now)
        receipts = merged(self._sharing.receipts(facts))
        counted = frozenset(certified(receipts, facts.roll))
        files = self.files(facts, now, counted)
        lacking = files.copying or files.missing
        old, settled = self.settled(facts, now) if lacking else ((), frozenset())
        if counted != facts.round.updates.keys():
            self._lacks[facts.round.job] = now - since
        return Gathered({}, receipts, counted, files, self._signed(facts, receipts, now), old, settled)

    def files(self, facts: RoundFacts, now: int, members: frozenset[int] | None = None) -> Gathering:
        """The base model and the updates of these members, or of all, on their way until they are due."""
        return self._copies.gather(facts, gathered_by(facts.state, facts.round, now) - now, members)

    def _vouch(self, facts: RoundFacts, now: int) -> None:
        """Copy what was opened, and say that it is here: an aggregator that holds bytes serves them, too."""
        if facts.round.updates:
            readable = self._slips.look(facts) if facts.job.sealed is not None else facts.round.updates.keys()
            self._sharing.said(facts, self.files(facts, now).held & readable)

    def _signed(self, facts: RoundFacts, receipts: tuple[SignedHave, ...], now: int) -> int:
        """When the last signature came that counts for a further update; when it was first looked, without any."""
        job, number = facts.round.job, facts.round.number
        count = sum(updates.bit_count() for updates in held(receipts, facts.roll).values())
        if self._signatures.get(job, (0, 0, 0))[:2] != (number, count):
            self._signatures[job] = number, count, now
        return self._signatures[job][2]
