"""What a node does next: a pure decision over the ledger's history and the chain's clock.

The contract says what is allowed (contracts/interfaces/IRoundLedger.sol); this says what an honest member does within
it. All times are seconds of the chain's clock; a deadline's own second is in time. The ledger is the only memory: what
is not on it was not done.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ledger.events.records import Role
from ledger.formats.text import clock_text, plural
from ledger.history.convicted import waits
from ledger.history.fold import History
from ledger.history.phases import present
from ledger.history.state import JobState, Member, Phase, Round
from ledger.rounds.awaited import FEW, awaited
from ledger.rounds.depth import PARTS, DeepBlock
from ledger.rounds.steps import COURTESY, STILL, Advance, Name, Nudge, Vouch, Wait, numbered, opener_turn
from participant.node.masking.steps import not_masked

GRACE = 15
"""Seconds that nodes leave to aggregators before they move on a round that is overdue."""


@dataclass(frozen=True, slots=True)
class Commit:
    """Train on the own data, keep the update, and commit to it."""

    job: int
    round: int


@dataclass(frozen=True, slots=True)
class Show:
    """Let everyone see the own update: its bytes and its opening."""

    job: int
    round: int


@dataclass(frozen=True, slots=True)
class OpenOwn:
    """Open the own update on the ledger: it was passed over."""

    job: int
    round: int


@dataclass(frozen=True, slots=True)
class Attest:
    """Recompute what was published and say on the ledger what came out; where it is final already (`late`), only if
    it agrees.
    """

    job: int
    round: int
    attempt: int
    late: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """Keep copies of what a finalised round was made of: a copy is only safe where there are others."""

    job: int
    round: int


Step = Commit | Show | OpenOwn | Vouch | Attest | Advance | Nudge | Hold | Wait
RoundKey = tuple[int, int]


@dataclass(frozen=True, slots=True)
class NodeSituation:
    """What a decision depends on besides the history.

    `now` is the chain's clock; `deep` the latest block that anything may rest on that is shown or signed; `still` for
    how many seconds the chain made no further block. Of rounds (job, round): `unfit` says why this node cannot commit
    to an update; `training` are those that another process trains; `shown` are those whose own update is shown;
    `vouched` has the updates that were signed for, by member index; `held` are those whose files are kept; `spoken`
    those finalised that it cannot agree with. `name` is what members are called. `unready` says, of buffered jobs, why
    nothing is trained yet that could be committed to. All of it only spares work: forgotten
    in a crash, it is found again. `withheld` says, by job, why this member commits to nothing more in it.
    """

    now: int
    deep: DeepBlock
    still: int = 0
    unfit: Mapping[RoundKey, str] = field(default_factory=dict)
    shown: frozenset[RoundKey] = frozenset()
    vouched: Mapping[RoundKey, frozenset[int]] = field(default_factory=dict)
    held: frozenset[RoundKey] = frozenset()
    spoken: frozenset[RoundKey] = frozenset()
    training: frozenset[RoundKey] = frozenset()
    name: Name = numbered
    unready: Mapping[int, str] = field(default_factory=dict)
    withheld: Mapping[int, str] = field(default_factory=dict)


def only_news_follow(step: Step, round_: Round) -> bool:
    """Whether, once a step of a round was taken, there is no other before something happens or a time comes."""
    match step:
        case Commit() | Vouch() | Hold():
            return True
        case Attest():
            return not step.late  # files are held after it
        case Show():
            return not round_.updates  # else they are vouched for
        case _:
            return False


def next_step(history: History, state: JobState, me: str, at: NodeSituation) -> Step:
    """What the member with the key `me` does next for a job."""
    member = history.member_of(me)
    if member is None:
        return Wait("this key does not speak for a member")
    if member.key != me:
        return Wait(f"another key speaks for this member by now, {member.key}: end this process, start it with that")
    if not state.open:
        return Wait(f"{plural(len(state.approvals), 'member')} approved the job so far")
    round_ = state.current
    if round_ is None:
        return Wait("no round was opened yet")
    phase, deadline = present(round_, state.terms, at.now)
    return _PHASES.get(phase, _ended)(_Decision(history, state, round_, member, at, deadline))


@dataclass(frozen=True, slots=True)
class _Decision:
    """What the decisions of all phases look at; `deadline` is the present phase's."""

    history: History
    state: JobState
    round: Round
    member: Member
    at: NodeSituation
    deadline: int

    @property
    def key(self) -> RoundKey:
        return self.round.job, self.round.number

    @property
    def name(self) -> str:
        return f"round {self.round.number}"

    @property
    def over(self) -> bool:
        return self.at.now > self.deadline


def _collecting(of: _Decision) -> Step:
    round_, member = of.round, of.member
    if member.index in round_.commitments:
        return Wait(f"{of.name} waits {_others(of)}", of.deadline + 1)
    if not member.has(Role.PARTICIPANT):
        return Wait(f"{of.name} collects updates; this member does not train", of.deadline + 1)
    if not member.acts(Role.PARTICIPANT, round_.epoch):
        return Wait(f"this key or its role came after {of.name} was opened", of.deadline + 1)
    withheld = of.at.withheld.get(of.state.number)
    if withheld or of.state.terms.buffer:
        why = withheld and f"{of.name} gets no update: {withheld}"
        why = why or of.at.unready.get(of.state.number) or of.at.unfit.get(of.key)
        return Wait(why, of.deadline + 1) if why else Commit(*of.key)
    if of.key in of.at.training:
        return Wait(f"trains for {of.name}", of.deadline + 1)
    why = _spent_up(of) or of.at.unfit.get(of.key) or not_masked(of.history, of.state, round_, member, of.at.deep)
    return Wait(why, of.deadline + 1) if why else Commit(*of.key)


def _others(of: _Decision) -> str:
    """What a member that committed waits for: the last few by name, so that a node writes few lines in a round."""
    left = of.round.target - len(of.round.commitments)
    found = awaited(of.history.members, of.state, of.round, of.at.now) if left <= FEW else None
    return found.words(of.at.name) if found else "for the other updates"


def _spent_up(of: _Decision) -> str:
    """Why this member can spend no round's cost any more; empty where it can, or did."""
    spending, index = of.state.spending, of.member.index
    if spending is None or spending.has_spent(of.round.number, index):
        return ""
    if of.history.scopes.after(spending.terms, index) is not None:
        return ""
    return f"takes no part in {of.name}: this member's privacy budget in the job's scope is used up"


def _opening(of: _Decision) -> Step:
    """Nobody sees an update before all are fixed; then all see all. One that is passed over opens itself."""
    round_, index = of.round, of.member.index
    if not round_.commitments:
        return _advance(of, round_.update_deadline)
    if not of.at.deep.fixes(round_):
        return _deepen(of, "shows no update before", of.deadline, of.state.terms.open_seconds)
    if index in round_.commitments and of.key not in of.at.shown:
        return Show(*of.key)
    last_quarter = of.deadline - of.state.terms.open_seconds // 4
    passed_over = index in round_.commitments.keys() - round_.updates.keys()
    if passed_over and of.at.now >= last_quarter:
        return OpenOwn(*of.key)
    if _unvouched(of):
        return Vouch(*of.key)
    return Wait(f"{of.name} opens its updates", last_quarter if passed_over else of.deadline + 1)


def _aggregating(of: _Decision) -> Step:
    round_ = of.round
    if not round_.updates:
        return _advance(of, of.deadline - 2 * of.state.terms.aggregate_seconds)
    if of.member.index in round_.updates and of.key not in of.at.shown and of.at.deep.fixes(round_):
        return Show(*of.key)
    if of.over:
        return _advance(of, of.deadline)
    if _unvouched(of):
        return Vouch(*of.key)
    if round_.opened_in > of.at.deep.number:
        return _deepen(of, "is aggregated after", of.deadline, 2 * of.state.terms.aggregate_seconds)
    return Wait(_aggregated_by(of), of.deadline + 1)


def _aggregated_by(of: _Decision) -> str:
    """Who may aggregate a round now, and until when."""
    seconds = of.state.terms.aggregate_seconds
    if of.round.attempt == 0 and of.at.now <= of.deadline - seconds:
        return opener_turn(of.name, of.at.name(of.round.opener_index), of.deadline, seconds)
    return f"{of.name} waits for its aggregate by any aggregator, until {clock_text(of.deadline)}"


def _attesting(of: _Decision) -> Step:
    round_, member = of.round, of.member
    if of.over:
        return _advance(of, of.deadline)
    if round_.aggregates[-1].attested_by(member.index) or member.since > round_.epoch:
        return Wait(f"other members attest {of.name}", of.deadline + 1)
    if round_.aggregates[-1].as_of > of.at.deep.number:
        return _deepen(of, "is attested after", of.deadline, of.state.terms.attest_seconds)
    return Attest(*of.key, round_.attempt)


def _deepen(of: _Decision, what: str, deadline: int, seconds: int) -> Step:
    """The chain makes the blocks that are waited for. One that stands still when a quarter of the phase is over is
    nudged; the order turns with the rounds.
    """
    left = STILL + COURTESY * _rank(of) - of.at.still
    start = max(deadline - seconds + seconds // PARTS, of.at.now + left)
    if of.at.now < start:
        return Wait(f"{of.name} {what} further blocks of the chain", start)
    return Nudge(*of.key)


def _advance(of: _Decision, after: int) -> Step:
    """The order turns with the rounds, so that no member always pays."""
    start = after + 1 + GRACE + COURTESY * _rank(of)
    if of.at.now < start:
        text = f"{of.name} is overdue; leaves it to another to move it on, until {clock_text(start)}"
        return Wait(text, start)
    return Advance(*of.key)


def _rank(of: _Decision) -> int:
    members = [member.index for member in of.history.members.values() if member.active]
    return (members.index(of.member.index) + of.round.number) % len(members)


def _ended(of: _Decision) -> Step:
    round_, member = of.round, of.member
    final = round_.final if round_.final and round_.final.as_of <= of.at.deep.number else None
    if of.state.convicted:
        return Wait(waits(of.state))
    silent = final is not None and of.at.now <= final.deadline and not final.attested_by(member.index)
    if silent and member.since <= round_.epoch and of.key not in of.at.spoken:
        return Attest(*of.key, round_.attempt, late=True)
    if round_.phase is Phase.FINALISED and of.key not in of.at.held:
        return Hold(*of.key)
    return Wait("the job is complete" if of.state.complete else f"{of.name} has ended; the next is not open")


_PHASES: dict[Phase, Callable[[_Decision], Step]] = {
    Phase.COLLECTING: _collecting,
    Phase.OPENING: _opening,
    Phase.AGGREGATING: _aggregating,
    Phase.ATTESTING: _attesting,
}


def _unvouched(of: _Decision) -> bool:
    """Whether an update was opened that this key can sign for, and has not."""
    signs = of.member.since <= of.round.epoch
    return signs and bool(of.round.updates.keys() - of.at.vouched.get(of.key, frozenset()))
