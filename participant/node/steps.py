"""What a node does next: a pure decision over the ledger's history and the chain's clock.

The contract says what is allowed (contracts/interfaces/IRoundLedger.sol); this says what an honest member does within
it. All times are seconds of the chain's clock; a deadline's own second is in time. The ledger is the only memory: what
is not on it was not done.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ledger.events.records import Role
from ledger.history.fold import History
from ledger.history.state import JobState, Member, Phase, Round
from ledger.rounds.steps import COURTESY, Abandon, Wait

GRACE = 15
"""Seconds that nodes leave to aggregators before they end a round that is overdue."""


@dataclass(frozen=True, slots=True)
class Submit:
    """Train on the own data and register the update."""

    job: int
    round: int


@dataclass(frozen=True, slots=True)
class Attest:
    """Recompute what was published and say on the ledger what came out."""

    job: int
    round: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Hold:
    """Keep copies of what a finalised round was made of: a copy is only safe where there are others."""

    job: int
    round: int


Step = Submit | Attest | Abandon | Hold | Wait


@dataclass(frozen=True, slots=True)
class NodeSituation:
    """What a decision depends on besides the history.

    `now` is the chain's clock. `unfit` says of rounds (job, round) why this node cannot submit to them; `held` are
    rounds whose files it keeps already. Both only spare work: forgotten in a crash, they are found again.
    """

    now: int
    unfit: Mapping[tuple[int, int], str] = field(default_factory=dict)
    held: frozenset[tuple[int, int]] = frozenset()


def next_step(history: History, state: JobState, me: str, at: NodeSituation) -> Step:
    """What the member with the key `me` does next for a job."""
    member = history.member_of(me)
    if member is None or member.key != me:
        return Wait("this key does not speak for a member")
    if not state.open:
        return Wait(f"{_members(len(state.approvals))} approved the job so far")
    round_ = state.current
    if round_ is None:
        return Wait("no round was opened yet")
    return _PHASES.get(round_.phase, _ended)(history, state, round_, member, at)


def _collecting(history: History, state: JobState, round_: Round, member: Member, at: NodeSituation) -> Step:
    last = round_.deadline + 2 * state.terms.aggregate_seconds
    if at.now > last:
        return _abandon(history, round_, member, last, at)
    if at.now > round_.deadline or member.index in round_.updates:
        return Wait(f"round {round_.number} waits for its aggregate", last + 1)
    if not member.has(Role.PARTICIPANT):
        return Wait(f"round {round_.number} collects updates; this member does not train", last + 1)
    if not member.acts(Role.PARTICIPANT, round_.epoch):
        return Wait(f"this key or its role came after round {round_.number} was opened", last + 1)
    if (round_.job, round_.number) in at.unfit:
        return Wait(at.unfit[round_.job, round_.number], last + 1)
    return Submit(round_.job, round_.number)


def _attesting(history: History, state: JobState, round_: Round, member: Member, at: NodeSituation) -> Step:
    if at.now > round_.deadline:
        return _abandon(history, round_, member, round_.deadline, at)
    if round_.aggregates[-1].attested_by(member.index) or member.since > round_.epoch:
        return Wait(f"other members attest round {round_.number}", round_.deadline + 1)
    return Attest(round_.job, round_.number, round_.attempt)


def _aggregating(history: History, state: JobState, round_: Round, member: Member, at: NodeSituation) -> Step:
    """The history's deadline is a bound on the contract's own: past it, both have passed."""
    if at.now > round_.deadline:
        return _abandon(history, round_, member, round_.deadline, at)
    return Wait(f"round {round_.number} is aggregated again", round_.deadline + 1)


def _abandon(history: History, round_: Round, member: Member, after: int, at: NodeSituation) -> Step:
    """The order turns with the rounds, so that no member always pays."""
    rank = (member.index + round_.number) % len(history.members)
    start = after + 1 + GRACE + COURTESY * rank
    if at.now < start:
        return Wait(f"round {round_.number} is overdue; leaves it to another to end it", start)
    return Abandon(round_.job, round_.number)


def _ended(history: History, state: JobState, round_: Round, member: Member, at: NodeSituation) -> Step:
    if round_.phase is Phase.FINALISED and (round_.job, round_.number) not in at.held:
        return Hold(round_.job, round_.number)
    return Wait("the job is complete" if state.complete else f"round {round_.number} has ended; the next is not open")


_PHASES: dict[Phase, Callable[[History, JobState, Round, Member, NodeSituation], Step]] = {
    Phase.COLLECTING: _collecting,
    Phase.ATTESTING: _attesting,
    Phase.AGGREGATING: _aggregating,
}


def _members(count: int) -> str:
    return "1 member" if count == 1 else f"{count} members"
