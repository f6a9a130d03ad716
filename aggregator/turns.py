"""Whose turn a step is: the order in which aggregators act, and how long each leaves to those before it.

Everyone works it out from the history alone (docs/adr/0007-aggregators-by-rank.md). Pure.
"""

from collections.abc import Collection
from dataclasses import dataclass

from aggregator.situation import AggregatorSituation
from ledger.events.records import Role
from ledger.formats.text import clock_text, listed
from ledger.history.fold import History
from ledger.history.phases import present
from ledger.history.state import JobState, Member, Phase, Round
from ledger.history.state.masking import JobMasks
from ledger.rounds.steps import COURTESY, Advance, Wait, copied_by, opener_turn


@dataclass(frozen=True, slots=True)
class Turn:
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
    def masks(self) -> JobMasks | None:
        """The job's masks; None where it has none."""
        return self.history.masks.get(self.state.number)

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

    def place(member: Member) -> tuple[int, bool, bool, int]:
        index = member.index
        return strikes.get(index, 0), index in out, index != latest, index

    return sorted(aggregators, key=place)


def failed(round_: Round) -> frozenset[int]:
    """The members whose attempts failed in the round: they publish no other in it."""
    return frozenset(a.index for a in round_.aggregates if a.outcome is not None and a.agreeing < round_.majority)


def left_to(of: Turn, start: int) -> str:
    """Whose a round is to aggregate, and when this member takes over."""
    if of.round.attempt:
        return f"leaves it to another to try {of.name} again, until {clock_text(start)}"
    opener = of.at.name(of.round.opener_index)
    return f"{opener_turn(of.name, opener, of.deadline, of.seconds)}; takes over at {clock_text(start)}"


def barred(of: Turn) -> str:
    """Why this member publishes nothing in the round now; empty where it may."""
    if of.round.opened_in > of.at.deep.number:
        return f"{of.name} waits for further blocks of the chain"
    if not of.member.acts(Role.AGGREGATOR, of.round.epoch):
        return "this key or its role came after the round was opened"
    return f"its own attempt at {of.name} failed" if of.member.index in failed(of.round) else ""


def advance(of: Turn, after: int) -> Advance | Wait:
    """Move the round on once this second has passed, by rank."""
    start = after + 1 + COURTESY * rank(order(of.history, of.state), of.member)
    if of.at.now < start:
        return Wait(f"leaves it to another to move {of.name} on, until {clock_text(start)}", start)
    return Advance(of.round.job, of.round.number)


def pause(of: Turn) -> int:
    """How long this member leaves a costly step to those of lower rank: they share a quarter of the time."""
    others = able(of)
    return rank(others, of.member) * of.seconds // (4 * len(others))


def turn(of: Turn) -> int:
    """This member's place among those that take over from the opener."""
    others = able(of)
    return rank(others, of.member) if of.member in others else len(others)


def able(of: Turn) -> list[Member]:
    """Who may publish besides the opener in its first turn, by rank."""
    out, first = failed(of.round), of.round.attempt == 0
    return [
        other
        for other in order(of.history, of.state)
        if other.index not in out and other.acts(Role.AGGREGATOR, of.round.epoch) and not (first and other is of.opener)
    ]


def rank(ranks: list[Member], member: Member) -> int:
    """A member's place in an order that it is in, from 0."""
    return next(place for place, other in enumerate(ranks) if other is member)


def unsigned(of: Turn, lacking: Collection[int], until: int) -> Wait:
    """What a step waits for while the updates of these members have no certificate."""
    whose = names(of, lacking)
    return Wait(f"{of.name} waits until enough members have signed that they hold the update of {whose}", until)


def names(of: Turn, indices: Collection[int]) -> str:
    """What these members are called, by ascending index."""
    return listed(map(of.at.name, sorted(indices)))
