"""What an aggregator does next: a pure decision over the ledger's history and the chain's clock.

The contract says what is allowed (contracts/interfaces/IRoundLedger.sol); this says what is sensible within it: one
aggregator acts, the others hold back for a while in a fixed order, and nothing that died in between holds a round up
(docs/adr/0007-aggregators-by-rank.md). All times are seconds of the chain's clock; a deadline's own second is in time.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from ledger.events.records import Role
from ledger.formats.text import clock_text, listed, plural
from ledger.history.fold import History
from ledger.history.phases import present
from ledger.history.state import JobState, Member, Phase, Round
from ledger.rounds.depth import DeepBlock
from ledger.rounds.receipts import patience
from ledger.rounds.steps import COURTESY, Advance, Name, Wait, copied_by, numbered, opener_turn

LONGEST_WAIT = 8
"""Strikes after which an aggregator waits no longer than that before it opens a round, as the contract has it."""
LAST_PART = 4
"""In the last of so many parts of a turn, an aggregator no longer waits for bytes whose certificate is young."""


@dataclass(frozen=True, slots=True)
class OpenRound:
    """Open the job's next round."""

    job: int


@dataclass(frozen=True, slots=True)
class OpenUpdates:
    """Open the updates whose openings are here."""

    job: int
    round: int


@dataclass(frozen=True, slots=True)
class PublishAggregate:
    """Work out the round's outcome and publish it; `certified` are the members whose updates have a certificate."""

    job: int
    round: int
    attempt: int
    certified: frozenset[int]


Step = OpenRound | OpenUpdates | PublishAggregate | Advance | Wait


@dataclass(frozen=True, slots=True)
class AggregatorSituation:
    """What a decision depends on besides the history.

    `now` is the chain's clock; `deep` the latest block that anything may rest on that is shown or signed; `since` when
    this aggregator first saw the job's present state; `ended` when the last round ended, which matters to an aggregator
    with strikes. Of the present round: `known` are the members whose
    openings are here, `certified` those whose updates have a certificate, `signed` is when the last signature that
    counts came. `copying` names what is on its way into the own store; `missing` are the members whose certified bytes
    could not be had yet. `settled` are those certified by signatures as old as `receipts.settled_by` says, where bytes
    of others are lacking and theirs are all here; else empty. `name` is what members are called.
    """

    now: int
    deep: DeepBlock
    since: int
    ended: int = 0
    known: frozenset[int] = frozenset()
    certified: frozenset[int] = frozenset()
    signed: int = 0
    copying: tuple[str, ...] = ()
    missing: frozenset[int] = frozenset()
    settled: frozenset[int] = frozenset()
    name: Name = numbered


def next_step(history: History, state: JobState, me: str, at: AggregatorSituation) -> Step:
    """What the aggregator with the key `me` does next for a job."""
    member = history.member_of(me)
    if member is None or member.key != me or not member.has(Role.AGGREGATOR):
        return Wait("this key does not speak for an aggregator")
    if not state.open:
        return Wait("the job is not approved yet")
    if state.complete:
        return Wait("the job is complete")
    round_ = state.current
    if round_ is None or round_.phase.terminal:
        return _open(history, state, member, at)
    phase, deadline = present(round_, state.terms, at.now)
    return _PHASES[phase](_Decision(history, state, round_, member, at, deadline))


@dataclass(frozen=True, slots=True)
class _Decision:
    """What the decisions of all phases look at; `deadline` is the present phase's."""

    history: History
    state: JobState
    round: Round
    member: Member
    at: AggregatorSituation
    deadline: int

    @property
    def seconds(self) -> int:
        return self.state.terms.aggregate_seconds

    @property
    def name(self) -> str:
        return f"round {self.round.number}"

    @property
    def opener(self) -> Member | None:
        return self.history.member_of(self.round.opener)

    @property
    def opens(self) -> bool:
        """Whether this is the round's opener."""
        return self.member.key == self.round.opener


def gathered_by(state: JobState, round_: Round, now: int) -> int:
    """The second by which an update's bytes should be here, to be aggregated in this turn."""
    seconds = state.terms.aggregate_seconds
    phase, deadline = present(round_, state.terms, now)
    if phase is not Phase.AGGREGATING:
        return copied_by(deadline + seconds, seconds, now)
    alone = deadline - seconds
    return copied_by(alone if round_.attempt == 0 and now <= alone else deadline, seconds, now)


def order(history: History, state: JobState) -> list[Member]:
    """The aggregators by rank: those without strikes first; of them the maker of the latest aggregate, unless it
    failed; last those that failed in the round, or left their turn.
    """
    aggregators = [member for member in history.members.values() if member.has(Role.AGGREGATOR)]
    last, strikes = state.current, state.strikes
    if last is None:
        return aggregators
    out = failed(last)
    latest = last.aggregates[-1].index if last.aggregates else None
    if latest is None and last.updates:
        out |= {last.opener_index}

    def rank(member: Member) -> tuple[int, bool, bool, int]:
        index = member.index
        return strikes.get(index, 0), index in out, index != latest, index

    return sorted(aggregators, key=rank)


def failed(round_: Round) -> frozenset[int]:
    """The members whose attempts failed in the round: they publish no other in it."""
    return frozenset(a.index for a in round_.aggregates if a.outcome is not None and a.agreeing < round_.majority)


def _open(history: History, state: JobState, member: Member, at: AggregatorSituation) -> Step:
    """An aggregator with strikes waits as long as the contract has it."""
    ranks, number = order(history, state), len(state.rounds) + 1
    start = at.since + COURTESY * _rank(ranks, member)
    strikes = state.strikes.get(member.index, 0)
    if strikes:
        start = max(start, at.ended + min(strikes, LONGEST_WAIT) * state.terms.aggregate_seconds)
    if at.now < start:
        first = at.name(ranks[0].index)
        return Wait(f"leaves it to {first} to open round {number}, until {clock_text(start)}", start)
    return OpenRound(state.number)


def _collecting(of: _Decision) -> Step:
    committed = plural(len(of.round.commitments), "update")
    return Wait(f"{of.name} collects: {committed} so far", of.deadline + 1)


def _opening(of: _Decision) -> Step:
    """The opener sends all openings at once, or from half time on those that it has; the others then do, by rank."""
    round_, at = of.round, of.at
    if not round_.commitments:
        return _advance(of, round_.update_deadline)
    if not at.deep.fixes(round_):
        return Wait(f"{of.name} waits for further blocks of the chain", of.deadline + 1)
    half = of.deadline - of.state.terms.open_seconds // 2
    unopened = round_.commitments.keys() - round_.updates.keys()
    ready = unopened & at.known
    if of.opens and ready == unopened:
        return OpenUpdates(round_.job, round_.number)
    start = half if of.opens else half + COURTESY * _turn(of)
    if ready and at.now >= start:
        return OpenUpdates(round_.job, round_.number)
    missing = unopened - at.known
    why = f"waits for the openings of {_names(of, missing)}" if missing else "is opened by another"
    return Wait(f"{of.name} {why}", start if at.now < start else of.deadline + 1)


def _aggregating(of: _Decision) -> Step:
    """The first attempt is the opener's alone until half time; a later one is open to all that have not failed."""
    round_, at, first = of.round, of.at, of.round.attempt == 0
    if not round_.updates:
        return _advance(of, of.deadline - 2 * of.seconds)
    if at.now > of.deadline:
        return _advance(of, of.deadline)
    if why := _barred(of):
        return Wait(why, of.deadline + 1)
    alone = of.deadline - of.seconds
    if first and of.opens:
        return _aggregate(of, alone if at.now <= alone else of.deadline)
    start = (alone + 1 if first else alone) + _pause(of)
    if at.now < start:
        return Wait(_left_to(of, start), start)
    return _aggregate(of, of.deadline)


def _left_to(of: _Decision, start: int) -> str:
    """Whose a round is to aggregate, and when this member takes over."""
    if of.round.attempt:
        return f"leaves it to another to try {of.name} again, until {clock_text(start)}"
    opener = of.at.name(of.round.opener_index)
    return f"{opener_turn(of.name, opener, of.deadline, of.seconds)}; takes over at {clock_text(start)}"


def _barred(of: _Decision) -> str:
    """Why this member publishes nothing in the round now; empty where it may."""
    if of.round.opened_in > of.at.deep.number:
        return f"{of.name} waits for further blocks of the chain"
    if not of.member.acts(Role.AGGREGATOR, of.round.epoch):
        return "this key or its role came after the round was opened"
    return f"its own attempt at {of.name} failed" if of.member.index in failed(of.round) else ""


def _attesting(of: _Decision) -> Step:
    if of.at.now > of.deadline:
        return _advance(of, of.deadline)
    return Wait(f"members attest {of.name}", of.deadline + 1)


_PHASES: dict[Phase, Callable[[_Decision], Step]] = {
    Phase.COLLECTING: _collecting,
    Phase.OPENING: _opening,
    Phase.AGGREGATING: _aggregating,
    Phase.ATTESTING: _attesting,
}


def _aggregate(of: _Decision, end: int) -> Step:
    """As soon as every update has a certificate; else when a quarter of the time brought no further signature, and in
    the last third of the turn in any case. Certified bytes can be had, so they are waited for: to the end of the turn
    where the certificate is old, else until its last part, for no member may oppose an aggregate by a young one.
    """
    round_, at = of.round, of.at
    lacking = frozenset(round_.updates.keys() - at.certified)
    until = min(max(at.since, at.signed) + patience(of.seconds), end - of.seconds // 3)
    if lacking and at.now < until:
        return Wait(f"{of.name}: too few members hold the update of {_names(of, lacking)}", until)
    counted, late = at.certified, end - of.seconds // LAST_PART
    if at.copying or at.missing:
        if not at.settled or at.now < late:
            return Wait(_lacking(of), late if at.now < late else end + 1)
        counted = at.settled
    return PublishAggregate(round_.job, round_.number, round_.attempt + 1, counted)


def _lacking(of: _Decision) -> str:
    """Which certified bytes are waited for."""
    if of.at.copying:
        return f"copies {', '.join(of.at.copying)} for {of.name}"
    return f"no holder serves the update of {_names(of, of.at.missing)} in {of.name}"


def _advance(of: _Decision, after: int) -> Step:
    start = after + 1 + COURTESY * _rank(order(of.history, of.state), of.member)
    if of.at.now < start:
        return Wait(f"leaves it to another to move {of.name} on, until {clock_text(start)}", start)
    return Advance(of.round.job, of.round.number)


def _pause(of: _Decision) -> int:
    """How long this member leaves a costly step to those of lower rank: they share a quarter of the time."""
    able = _able(of)
    return _rank(able, of.member) * of.seconds // (4 * len(able))


def _turn(of: _Decision) -> int:
    """This member's place among those that take over from the opener."""
    able = _able(of)
    return _rank(able, of.member) if of.member in able else len(able)


def _able(of: _Decision) -> list[Member]:
    """Who may publish besides the opener in its first turn, by rank."""
    out, first = failed(of.round), of.round.attempt == 0
    return [
        other
        for other in order(of.history, of.state)
        if other.index not in out and other.acts(Role.AGGREGATOR, of.round.epoch) and not (first and other is of.opener)
    ]


def _rank(ranks: list[Member], member: Member) -> int:
    return next(rank for rank, other in enumerate(ranks) if other is member)


def _names(of: _Decision, indices: Collection[int]) -> str:
    return listed(map(of.at.name, sorted(indices)))
