"""Calls of RoundLedger: contracts/RoundLedger.sol, with the signer as the caller and the entry's time as the block's.

What needs a clock is decided here; that an event can follow at all, the folds of `ledger.history` say.
"""

from typing import Any

from ledger.bundle.calls import BundledCall
from ledger.bundle.replay.state import Ledger, require
from ledger.errors import Malformed
from ledger.events import rounds as r
from ledger.events.court import Convicted, Ground
from ledger.events.members import Role
from ledger.formats.claims import (
    Claimed,
    RoundName,
    UpdateOpening,
    claim_of,
    commitment,
    pack_openings,
    unpack_openings,
)
from ledger.formats.digest import NOTHING
from ledger.history.court import Court
from ledger.history.impossible import Impossible
from ledger.history.phases import PresentPhase, present
from ledger.history.state import JobState, Phase, Round

MOST_WAIT = 8
_TIMES = 1 << 40
"""The contract counts seconds in 40 bits."""


def propose(ledger: Ledger, call: BundledCall) -> None:
    """`proposeJob`: a member proposes a job, and approves it."""
    digest, terms, model = call.arguments
    ledger.member(call.signer)
    job = len(ledger.jobs.by_number) + 1
    said = {"terms": r.Terms(*terms), "model": r.ModelTerms(*model)}
    ledger.write(call, r.JobProposed, job=job, digest=digest, proposer=call.signer, **said)
    _approve(ledger, call, job)


def approve(ledger: Ledger, call: BundledCall) -> None:
    """`approveJob`: a member agrees with a job."""
    job, digest = call.arguments
    require(ledger.jobs.require(job).digest == digest, f"job {job} has another document")
    _approve(ledger, call, job)


def open_round(ledger: Ledger, call: BundledCall) -> None:
    """`openRound`: an aggregator opens the next round, once it has waited for its strikes."""
    (job,) = call.arguments
    state = ledger.jobs.require(job)
    require(not state.convicted, f"a model of job {job} is convicted")
    opener = ledger.members.holder(call.signer, Role.AGGREGATOR, ledger.members.epoch)
    waiting = min(state.strikes.get(opener.index, 0), MOST_WAIT) * state.terms.aggregate_seconds
    require(call.time >= ledger.ended[job] + waiting, f"{call.signer} has strikes to wait for")
    said = {"round": len(state.rounds) + 1, "opener": call.signer, "epoch": ledger.members.epoch}
    ledger.write(call, r.RoundOpened, job=job, **said, deadline=_after(call, state.terms.update_seconds))


def commit(ledger: Ledger, call: BundledCall) -> None:
    """`commitUpdate`: a participant fixes its update, in time."""
    job, number, digest = call.arguments
    state, round_ = ledger.round(call)
    require(round_.phase is Phase.COLLECTING and call.time <= round_.deadline, "the round collects no more")
    full = len(round_.commitments) + 1 == round_.target
    deadline = _after(call, state.terms.open_seconds) if full else round_.deadline
    said = {"party": call.signer, "commitment": digest, "deadline": deadline}
    ledger.write(call, r.UpdateCommitted, job=job, round=number, **said)


def open_updates(ledger: Ledger, call: BundledCall) -> None:
    """`openUpdates`: anybody shows updates. Those that are open already change nothing."""
    job, number, data = call.arguments
    state, round_ = ledger.round(call)
    phase, deadline = _present(call, state, round_)
    require(phase is Phase.OPENING and data, "the round does not open")
    try:
        openings = unpack_openings(data)
    except Malformed as error:
        raise Impossible(error.message) from error
    name = RoundName(ledger.jobs.founding.chain, ledger.jobs.founding.ledger, job, number)
    fresh: dict[int, UpdateOpening] = {}
    for said in openings:
        index = ledger.members.require(said.party).index
        made = round_.commitments.get(index)
        known = made is not None and (made.party, made.digest) == (said.party, commitment(name, said))
        require(known and said.weight, f"member {index} did not commit to this")
        if index not in round_.updates:
            fresh.setdefault(index, said)
    if not fresh:
        return
    if len(round_.updates) + len(fresh) == len(round_.commitments):
        deadline = _after(call, 2 * state.terms.aggregate_seconds)
    shown = {"deadline": deadline, "openings": pack_openings(fresh.values())}
    ledger.write(call, r.UpdatesOpened, job=job, round=number, **shown)


def publish(ledger: Ledger, call: BundledCall) -> None:
    """`publishAggregate`: the opener's turn, then everybody's; after a failed attempt the others'."""
    job, number, words, claim = call.arguments
    state, round_ = ledger.round(call)
    said = Claimed(*words)
    phase, deadline = _present(call, state, round_)
    require(phase is Phase.AGGREGATING and call.time <= deadline, "no aggregate is waited for")
    index = ledger.members.holder(call.signer, Role.AGGREGATOR, round_.epoch).index
    if not round_.aggregates and index != round_.opener_index:
        require(call.time > deadline - state.terms.aggregate_seconds, "it is the opener's turn")
    require(len(said.verdicts) == len(round_.updates), "it judges other updates")
    name = RoundName(ledger.jobs.founding.chain, ledger.jobs.founding.ledger, job, number)
    require(claim == claim_of(name, round_.opened, said), "its signer claims something else")
    made = {"aggregator": call.signer, "attempt": round_.attempt + 1, "aggregate": said}
    until = _after(call, state.terms.attest_seconds)
    ledger.write(call, r.AggregatePublished, job=job, round=number, **made, deadline=until)


def attest(ledger: Ledger, call: BundledCall) -> None:
    """`attest`: a member speaks on the attempt; it ends with a majority, or without a hope of one."""
    job, number, attempt, form, claim, detail = call.arguments
    state, round_ = ledger.round(call)
    late = round_.phase is Phase.FINALISED
    require(form <= r.Form.MISSING and call.time <= round_.deadline, "too late, or in no form")
    said = {"member": call.signer, "attempt": attempt, "form": r.Form(form), "claim": claim, "detail": detail}
    ledger.write(call, r.Attested, job=job, round=number, **said)
    if late:
        return
    aggregate = round_.aggregates[-1]
    if aggregate.agreeing == round_.majority and form == r.Form.AGREE:
        _conclude(ledger, call, state, round_)
    elif aggregate.against > round_.members - round_.majority:
        fail(ledger, call, state, round_, spoke=True)


def advance(ledger: Ledger, call: BundledCall) -> None:
    """`advance`: a member ends what a deadline has passed of, or where nothing is to be had."""
    ledger.member(call.signer)
    state, round_ = ledger.round(call)
    phase, deadline = _present(call, state, round_)
    require(not phase.terminal, "the round has ended")
    opening, aggregating = phase is Phase.OPENING, phase is Phase.AGGREGATING
    if (opening and not round_.commitments) or (aggregating and not round_.updates):
        abandon(ledger, call, state, round_, r.Reason.TOO_FEW_UPDATES)
        return
    require(call.time > deadline, "the deadline has not passed")
    if phase is Phase.ATTESTING:
        aggregate = round_.aggregates[-1]
        spoke = aggregate.agreeing + aggregate.against > round_.members // 2
        fail(ledger, call, state, round_, spoke=spoke)
    else:
        abandon(ledger, call, state, round_, r.Reason.NO_AGGREGATE)


def fail(ledger: Ledger, call: BundledCall, state: JobState, round_: Round, *, spoke: bool) -> None:
    """The attempt has failed; with it the round, where no other may be published."""
    attempt = round_.attempt
    last = attempt == state.terms.attempts or len(round_.aggregates) >= round_.aggregators
    deadline = 0 if last else _after(call, state.terms.aggregate_seconds)
    where = {"job": state.number, "round": round_.number}
    ledger.write(call, r.AttemptFailed, **where, attempt=attempt, deadline=deadline)
    ledger.failed.add((state.number, round_.number, attempt))
    if last and spoke:
        ledger.write(call, r.RoundRefuted, **where)
        ledger.ended[state.number] = call.time
    elif last:
        abandon(ledger, call, state, round_, r.Reason.NO_QUORUM)


def abandon(ledger: Ledger, call: BundledCall, state: JobState, round_: Round, reason: r.Reason) -> None:
    """The round ends without a model."""
    ledger.write(call, r.RoundAbandoned, job=state.number, round=round_.number, reason=reason)
    ledger.ended[state.number] = call.time


def refute(ledger: Ledger, call: BundledCall) -> None:
    """`refute`, at its word: the court convicted a claim that is attested, or that of a final round."""
    (number, round_number, before, document, said, *_), _ = call.arguments
    state = ledger.jobs.require(number)
    round_ = state.rounds.get(round_number)
    require(round_ is not None and round_.aggregates and state.model.by_value, "there is nothing to convict")
    if round_ is None:
        return
    require(document == state.digest, "it judges another document's job")
    name = RoundName(ledger.jobs.founding.chain, ledger.jobs.founding.ledger, number, round_number)
    aggregate = round_.aggregates[-1]
    require(len(said[-1]) == len(round_.updates), "it judges other updates")
    claim = claim_of(name, round_.opened, Claimed(*said))
    require(claim == aggregate.claim and before == state.built_on(round_number), "the ledger has another claim")
    attesting = round_.phase is Phase.ATTESTING
    final = round_.phase is Phase.FINALISED and not state.is_convicted(round_number)
    require(attesting or final, "it does not stand")
    _take_conviction(ledger, call, claim)
    if attesting:
        fail(ledger, call, state, round_, spoke=True)
        return
    ledger.write(call, r.ModelConvicted, job=number, round=round_number, before=before)
    current = state.current
    if current is not None and not current.phase.terminal:
        abandon(ledger, call, state, current, r.Reason.BASE_CONVICTED)


def _take_conviction(ledger: Ledger, call: BundledCall, claim: bytes) -> None:
    """That a claim was convicted, on whatever ground: the attempt's strike follows from it."""
    (job, round_, before, *_), (ground, member, value, *_) = call.arguments
    place: dict[str, Any] = {"block": call.block, "log": ledger.events, "tx": call.tx, "leaf": NOTHING}
    said: dict[str, Any] = {
        "job": job,
        "round": round_,
        "before": before,
        "claim": claim,
        "member": member,
        "value": value,
    }
    ground = Ground(ground) if ground in tuple(Ground) else Ground.VALUE
    Court(ledger.jobs).apply(Convicted(**place, **said, ground=ground, expected=0, actual=0, caller=call.signer))


def _conclude(ledger: Ledger, call: BundledCall, state: JobState, round_: Round) -> None:
    aggregate = round_.aggregates[-1]
    if aggregate.empty:
        abandon(ledger, call, state, round_, r.Reason.TOO_FEW_UPDATES)
        return
    said = {"attempt": aggregate.attempt, "root": aggregate.root}
    ledger.write(call, r.RoundFinalised, job=state.number, round=round_.number, **said)
    ledger.ended[state.number] = call.time


def _approve(ledger: Ledger, call: BundledCall, job: int) -> None:
    state, index = ledger.jobs.require(job), ledger.member(call.signer).index
    standing = ledger.members.standing(state.approvals_after(ledger.members.recoveries) | {index})
    ledger.write(call, r.JobApproved, job=job, member=call.signer, approvals=standing)
    if not state.open and standing > ledger.members.count // 2:
        ledger.write(call, r.JobOpened, job=job, epoch=ledger.members.epoch)


def _present(call: BundledCall, state: JobState, round_: Round) -> PresentPhase:
    """Where the round is at the call's time. Raises Impossible where its deadline has more than 40 bits."""
    found = present(round_, state.terms, call.time)
    require(found.deadline < _TIMES, "the deadline is after all times")
    return found


def _after(call: BundledCall, seconds: int) -> int:
    return (call.time + seconds) % _TIMES
