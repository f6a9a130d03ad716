"""What an aggregator does next: a pure decision over the ledger's history and the chain's clock.

The contract says what is allowed (contracts/interfaces/IRoundLedger.sol); this says what is sensible within it: one
aggregator acts, the others hold back for a while in a fixed order, and nothing that died in between holds a round up
(docs/adr/0007-aggregators-by-rank.md). All times are seconds of the chain's clock; a deadline's own second is in time.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from ledger.events.records import Role
from ledger.history.fold import History
from ledger.history.state import JobState, Member, Phase, Round
from ledger.rounds.steps import COURTESY, Abandon, Wait, copied_by


@dataclass(frozen=True, slots=True)
class OpenRound:
    """Open the job's next round."""

    job: int


@dataclass(frozen=True, slots=True)
class PublishAggregate:
    """Work out the round's outcome and publish it; `without` are members whose updates' bytes could not be had."""

    job: int
    round: int
    attempt: int
    without: frozenset[int] = frozenset()


Step = OpenRound | PublishAggregate | Abandon | Wait


@dataclass(frozen=True, slots=True)
class AggregatorSituation:
    """What a decision depends on besides the history.

    `now` is the chain's clock; `since` when this aggregator first saw the job's present state. `deadline` is the
    contract's own end of the present phase, where the history knows no more than a bound (Aggregating). `copying` names
    what is on its way into the own store; `missing` are the members whose updates' bytes no holder served in time.
    """

    now: int
    since: int
    deadline: int | None = None
    copying: tuple[str, ...] = ()
    missing: frozenset[int] = frozenset()


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
    return _PHASES[round_.phase](history, state, round_, member, at)


def gathered_by(state: JobState, round_: Round, now: int, deadline: int | None = None) -> int:
    """The second by which an update must be here, not to be called unavailable. `deadline` is as in
    AggregatorSituation.
    """
    seconds = state.terms.aggregate_seconds
    end = round_.deadline if deadline is None else deadline
    if round_.phase is Phase.COLLECTING:
        alone, last = round_.deadline + seconds, round_.deadline + 2 * seconds
        end = alone if now <= alone else last
    return copied_by(end, seconds, now)


def order(history: History, last: Round | None) -> list[Member]:
    """The aggregators by rank: first the maker of the round's latest aggregate, last those that failed in the round."""
    aggregators = [member for member in history.members.values() if member.has(Role.AGGREGATOR)]
    if last is None:
        return aggregators
    failed = refuted(last)
    latest = last.aggregates[-1].index if last.aggregates else None
    if latest is None and (opener := history.member_of(last.opener)) is not None:
        failed = failed | {opener.index}
    return sorted(aggregators, key=lambda member: (member.index in failed, member.index != latest, member.index))


def refuted(round_: Round) -> frozenset[int]:
    """The members whose aggregates of the round were refuted."""
    return frozenset(a.index for a in round_.aggregates if a.outcome is Phase.REFUTED)


def all_submitted(history: History, round_: Round) -> bool:
    """Whether nobody else can submit: every participant of an unchanged electorate has."""
    participants = [member.index for member in history.members.values() if member.has(Role.PARTICIPANT)]
    return bool(participants) and history.epoch == round_.epoch and round_.updates.keys() >= set(participants)


def _open(history: History, state: JobState, member: Member, at: AggregatorSituation) -> Step:
    ranks = order(history, state.current)
    start = at.since + COURTESY * _rank(ranks, member)
    number = len(state.rounds) + 1
    if at.now < start:
        return Wait(f"leaves it to {_first(ranks)} to open round {number}", start)
    return OpenRound(state.number)


def _collecting(history: History, state: JobState, round_: Round, member: Member, at: AggregatorSituation) -> Step:
    """The opener's alone until `alone`; any aggregator's until `last`."""
    seconds = state.terms.aggregate_seconds
    alone, last = round_.deadline + seconds, round_.deadline + 2 * seconds
    if at.now > last:
        return _abandon(history, round_, member, last, at)
    if not member.acts(Role.AGGREGATOR, round_.epoch):
        return Wait("this key or its role came after the round was opened", last + 1)
    if member.key != round_.opener:
        start = alone + 1 + _pause(history, round_, member, seconds, history.member_of(round_.opener))
        if at.now < start:
            return Wait(f"round {round_.number} is its opener's to aggregate", start)
    elif at.now <= round_.deadline and not all_submitted(history, round_):
        return Wait(f"round {round_.number} collects: {_updates(len(round_.updates))} so far", round_.deadline + 1)
    return _aggregate(state, round_, alone if at.now <= alone else last, at)


def _attesting(history: History, state: JobState, round_: Round, member: Member, at: AggregatorSituation) -> Step:
    if at.now > round_.deadline:
        return _abandon(history, round_, member, round_.deadline, at)
    return Wait(f"members attest round {round_.number}", round_.deadline + 1)


def _aggregating(history: History, state: JobState, round_: Round, member: Member, at: AggregatorSituation) -> Step:
    """After a refutation, at `deadline - seconds`: any aggregator's that was not refuted in this round."""
    seconds = state.terms.aggregate_seconds
    deadline = round_.deadline if at.deadline is None else at.deadline
    if at.now > deadline:
        return _abandon(history, round_, member, deadline, at)
    if member.index in refuted(round_):
        return Wait(f"its own aggregate of round {round_.number} was refuted", deadline + 1)
    if not member.acts(Role.AGGREGATOR, round_.epoch):
        return Wait("this key or its role came after the round was opened", deadline + 1)
    start = deadline - seconds + _pause(history, round_, member, seconds)
    if at.now < start:
        return Wait(f"leaves it to another to aggregate round {round_.number} again", start)
    return _aggregate(state, round_, deadline, at)


_PHASES: dict[Phase, Callable[[History, JobState, Round, Member, AggregatorSituation], Step]] = {
    Phase.COLLECTING: _collecting,
    Phase.ATTESTING: _attesting,
    Phase.AGGREGATING: _aggregating,
}


def _aggregate(state: JobState, round_: Round, end: int, at: AggregatorSituation) -> Step:
    """Only in the last third of the time left is an update whose bytes no holder serves called unavailable; one that is
    on its way has its own deadline.
    """
    if at.copying:
        return Wait(f"copies {', '.join(at.copying)} for round {round_.number}", end)
    give_up = end - state.terms.aggregate_seconds // 3
    if at.missing and at.now < give_up:
        return Wait(f"no holder serves the update of {_members(at.missing)} in round {round_.number}", give_up)
    return PublishAggregate(state.number, round_.number, round_.attempt + 1, at.missing)


def _abandon(history: History, round_: Round, member: Member, after: int, at: AggregatorSituation) -> Step:
    start = after + 1 + COURTESY * _rank(order(history, round_), member)
    if at.now < start:
        return Wait(f"leaves it to another to abandon round {round_.number}", start)
    return Abandon(round_.job, round_.number)


def _pause(history: History, round_: Round, member: Member, seconds: int, opener: Member | None = None) -> int:
    """How long this member leaves a costly step to those of lower rank: they share a quarter of the time."""
    out = refuted(round_)
    able = [
        other
        for other in order(history, round_)
        if other.index not in out and other.acts(Role.AGGREGATOR, round_.epoch) and other is not opener
    ]
    return _rank(able, member) * seconds // (4 * len(able))


def _rank(ranks: list[Member], member: Member) -> int:
    return next(rank for rank, other in enumerate(ranks) if other is member)


def _first(ranks: list[Member]) -> str:
    return f"member {ranks[0].index}"


def _members(indices: Collection[int]) -> str:
    return f"{'member' if len(indices) == 1 else 'members'} {', '.join(map(str, sorted(indices)))}"


def _updates(count: int) -> str:
    return "1 update" if count == 1 else f"{count} updates"
