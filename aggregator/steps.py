"""What an aggregator does next: a pure decision over the ledger's history and the chain's clock.

The contract says what is allowed (contracts/interfaces/IRoundLedger.sol); this says what is sensible within it: one
aggregator acts, the others hold back for a while in a fixed order, and nothing that died in between holds a round up
(docs/adr/0007-aggregators-by-rank.md). All times are seconds of the chain's clock; a deadline's own second is in time.
"""

from collections.abc import Callable

from aggregator.acts import OpenRound, OpenUpdates, PublishAggregate, Step
from aggregator.masking import sets
from aggregator.masking.segments import segment_step, without_cast
from aggregator.situation import AggregatorSituation
from aggregator.turns import Turn, advance, barred, left_to, names, order, pause, rank, turn, unsigned
from ledger.events.records import Role
from ledger.formats.text import clock_text, plural
from ledger.history.convicted import waits
from ledger.history.fold import History
from ledger.history.phases import present
from ledger.history.state import JobState, Member, Phase
from ledger.rounds.awaited import FEW, awaited
from ledger.rounds.receipts import patience
from ledger.rounds.steps import COURTESY, Wait

LONGEST_WAIT = 8
"""Strikes after which an aggregator waits no longer than that before it opens a round, as the contract has it."""
LAST_PART = 4
"""In the last of so many parts of a turn, an aggregator no longer waits for bytes whose certificate is young."""


def next_step(history: History, state: JobState, me: str, at: AggregatorSituation) -> Step:
    """What the aggregator with the key `me` does next for a job: what its segments need comes before the round's step,
    and takes no time of it. Where the job is over, only the round that is under way goes on.
    """
    if at.over and (state.current is None or state.current.phase.terminal):
        return Wait(at.over)
    beside = segment_step(history, state, me, at)
    step = round_step(history, state, me, at) if beside is None or isinstance(beside, Wait) else beside
    if not isinstance(step, Wait) or not isinstance(beside, Wait):
        return step
    sooner = step.until is None or (beside.until is not None and beside.until < step.until)
    return beside if sooner else step


def round_step(history: History, state: JobState, me: str, at: AggregatorSituation) -> Step:
    """What it does next for the job's round, or to open one."""
    member = history.member_of(me)
    if member is None or member.key != me or not member.has(Role.AGGREGATOR):
        return Wait("this key does not speak for an aggregator")
    if not state.open:
        return Wait("the job is not approved yet")
    if state.complete:
        return Wait("the job is complete")
    if state.convicted:
        return Wait(waits(state))
    round_ = state.current
    if round_ is None or round_.phase.terminal:
        return _open(history, state, member, at)
    phase, deadline = present(round_, state.terms, at.now)
    return _PHASES[phase](Turn(history, state, round_, member, at, deadline))


def _open(history: History, state: JobState, member: Member, at: AggregatorSituation) -> Step:
    """An aggregator with strikes waits as long as the contract has it."""
    masks = history.masks.get(state.number)
    if masks is not None and (why := without_cast(state, masks, at)):
        return Wait(why)
    ranks, number = order(history, state), len(state.rounds) + 1
    start = at.since + COURTESY * rank(ranks, member)
    strikes = state.strikes.get(member.index, 0)
    if strikes:
        start = max(start, at.ended + min(strikes, LONGEST_WAIT) * state.terms.aggregate_seconds)
    if at.now < start:
        first = at.name(ranks[0].index)
        return Wait(f"leaves it to {first} to open round {number}, until {clock_text(start)}", start)
    return OpenRound(state.number)


def _collecting(of: Turn) -> Step:
    committed = plural(len(of.round.commitments), "update")
    found = awaited(of.history.members, of.state, of.round, of.at.now)
    waits = f"; it waits {found.words(of.at.name)}" if found else ""
    return Wait(f"{of.name} collects: {committed} so far{waits}", of.deadline + 1)


def _opening(of: Turn) -> Step:
    """The opener sends all openings at once, or from half time on those that it has; the others then do, by rank."""
    round_, at = of.round, of.at
    if not round_.commitments:
        return advance(of, round_.update_deadline)
    if not at.deep.fixes(round_):
        return Wait(f"{of.name} waits for further blocks of the chain", of.deadline + 1)
    half = of.deadline - of.state.terms.open_seconds // 2
    unopened = round_.commitments.keys() - round_.updates.keys()
    ready = unopened & at.known
    if of.opens and ready == unopened:
        return OpenUpdates(round_.job, round_.number)
    start = half if of.opens else half + COURTESY * turn(of)
    if ready and at.now >= start:
        return OpenUpdates(round_.job, round_.number)
    missing = unopened - at.known
    why = f"waits for the openings of {names(of, missing)}" if missing else "is opened by another"
    return Wait(f"{of.name} {why}", start if at.now < start else of.deadline + 1)


def _aggregating(of: Turn) -> Step:
    if not of.round.updates:
        return advance(of, of.deadline - 2 * of.seconds)
    if of.at.now > of.deadline:
        return advance(of, of.deadline)
    if of.masks is not None:
        return sets.aggregating(of, of.masks)
    return _aggregate_in_turn(of)


def _aggregate_in_turn(of: Turn) -> Step:
    """The first attempt is the opener's alone until half time; a later one is open to all that have not failed."""
    at, first = of.at, of.round.attempt == 0
    if why := barred(of):
        return Wait(why, of.deadline + 1)
    alone = of.deadline - of.seconds
    if first and of.opens:
        return _aggregate(of, alone if at.now <= alone else of.deadline)
    start = (alone + 1 if first else alone) + pause(of)
    if at.now < start:
        return Wait(left_to(of, start), start)
    return _aggregate(of, of.deadline)


def _attesting(of: Turn) -> Step:
    if of.at.now > of.deadline:
        return advance(of, of.deadline)
    if of.masks is not None and not sets.is_fixed(of.masks, of.round.number):
        return sets.propose(of, of.masks)
    found = awaited(of.history.members, of.state, of.round, of.at.now)
    few = f": it waits {found.words(of.at.name)}" if found and found.needed <= FEW else ""
    return Wait(f"members attest {of.name}{few}", of.deadline + 1)


_PHASES: dict[Phase, Callable[[Turn], Step]] = {
    Phase.COLLECTING: _collecting,
    Phase.OPENING: _opening,
    Phase.AGGREGATING: _aggregating,
    Phase.ATTESTING: _attesting,
}


def _aggregate(of: Turn, end: int) -> Step:
    """As soon as every update has a certificate; else when a quarter of the time brought no further signature, and in
    the last third of the turn in any case. Certified bytes can be had, so they are waited for: to the end of the turn
    where the certificate is old, else until its last part, for no member may oppose an aggregate by a young one.
    """
    round_, at = of.round, of.at
    lacking = frozenset(round_.updates.keys() - at.certified)
    until = min(max(at.since, at.signed) + patience(of.seconds), end - of.seconds // 3)
    if lacking and at.now < until:
        return unsigned(of, lacking, until)
    counted, late = at.certified, end - of.seconds // LAST_PART
    if at.copying or at.missing:
        if not at.settled or at.now < late:
            return Wait(_lacking(of), late if at.now < late else end + 1)
        counted = at.settled
    return PublishAggregate(round_.job, round_.number, round_.attempt + 1, counted)


def _lacking(of: Turn) -> str:
    """Which certified bytes are waited for."""
    if of.at.copying:
        return f"copies {', '.join(of.at.copying)} for {of.name}"
    return f"no holder serves the update of {names(of, of.at.missing)} in {of.name}"
