"""The fold takes every history that the contracts can write and no other, and a refused event leaves no trace."""

import copy
from typing import Any

import msgspec
import pytest
from support.worlds.chain import named
from support.worlds.signing import key
from support.worlds.world import TERMS, World

from ledger.events import records as r
from ledger.formats.claims import Claimed, UpdateOpening, commitment, pack_openings
from ledger.formats.head import head
from ledger.formats.merkle import root
from ledger.history.fold import History, HistoryError
from ledger.history.phases import present
from ledger.history.state import Phase

WHERE = {"job": 1, "round": 1}
A, B, NONE = b"\x0a" * 32, b"\x0b" * 32, bytes(32)
MODEL = r.ModelTerms(A, 610, 0, 0, 2, 1000, 1 << 20, 1 << 28, True)


def snapshot(history: History) -> dict[str, Any]:
    return copy.deepcopy(vars(history))


def at(history: History, kind: type[r.Event], **fields: Any) -> r.Event:
    return kind(**{"block": history.applied + 1, "log": 0, "tx": bytes(32), "leaf": bytes(32)} | fields)


def proposed() -> World:
    world = World()
    world.emit(r.JobProposed, job=1, digest=world.job.digest, proposer=key(0), terms=TERMS, model=world.job.model_terms)
    return world


def opened() -> World:
    return World().open_job()


def collecting() -> World:
    """Member 0 has committed."""
    world = opened().open_round()
    world.submit(0)
    return world


def opening() -> World:
    """Members 0 to 2 have committed; the update of member 0 is open."""
    world = collecting()
    world.submit(1)
    world.submit(2)
    world.open_updates(world.pending[:1])
    return world


def attesting() -> World:
    world = collecting()
    world.submit(1)
    world.publish(0)
    return world


def agree(world: World, *members: int) -> World:
    """Members agree; what the contract makes of it is still to come."""
    for member in members:
        said = {"attempt": 1, "form": r.Form.AGREE, "claim": world.aggregate.claim, "detail": NONE}
        world.emit(r.Attested, **WHERE, member=key(member), **said)
    return world


def settled() -> World:
    """A majority agrees; the contract's own event is still to come."""
    return agree(attesting(), 1, 2)


def no_model() -> World:
    world = collecting()
    world.publish(0)
    return agree(world, 1, 2)


def opposed() -> World:
    """Nobody can get a majority for the aggregate any more; the contract's own event is still to come."""
    world = attesting()
    for member in (1, 2):
        world.emit(r.Attested, **attest(member=key(member)))
    return world


def failed() -> World:
    world = attesting()
    for member in (1, 2):
        world.attest(member, B)
    assert world.round.phase is Phase.AGGREGATING
    return world


def over() -> World:
    """The last attempt has failed by the votes; the end of the round is still to come."""
    world = World(terms=msgspec.structs.replace(TERMS, attempts=1)).open_job().open_round()
    world.submit(0)
    world.publish(0)
    for member in (1, 2):
        world.emit(r.Attested, **attest(member=key(member)))
    world.emit(r.AttemptFailed, **fails(deadline=0))
    return world


def finalised() -> World:
    return opened().honest_round()


def rotated() -> World:
    """Member 3 has a new key since epoch 2, and round 1 was opened in epoch 1."""
    world = attesting()
    world.emit(r.KeyRotated, index=3, old_key=key(3), new_key=key(3, 1), epoch=2)
    return world


def publish(world: World, attempt: int = 1, aggregator: str = "", **lies: Any) -> dict[str, Any]:
    """An aggregate that the contract takes, but for `lies`; of two updates."""
    block = world.block
    honest = Claimed(world.state.base, A, A, block, A, A, A, A, bytes(len(world.round.updates)))
    said = {"attempt": attempt, "aggregate": honest._replace(**lies), "deadline": 5}
    return WHERE | {"aggregator": aggregator or key(1)} | said


def commit(**fields: Any) -> dict[str, Any]:
    return WHERE | {"party": key(1), "commitment": bytes(28), "deadline": 1000} | fields


def show(world: World, *openings: UpdateOpening, **fields: Any) -> dict[str, Any]:
    said = {"deadline": world.round.deadline, "openings": pack_openings(openings)}
    return WHERE | said | fields


def again(world: World) -> UpdateOpening:
    """What opened the update of member 0."""
    update = world.round.updates[0]
    return UpdateOpening(update.party, update.weight, update.root, update.cid, update.salt)


def other(world: World, member: int = 1, **parts: Any) -> UpdateOpening:
    """What opens the update of a member in `opening`, but for these parts."""
    return world.pending[member]._replace(**parts)


def begin(**fields: Any) -> dict[str, Any]:
    return WHERE | {"opener": key(0), "epoch": 1, "deadline": 5} | fields


def attest(**fields: Any) -> dict[str, Any]:
    said = {"attempt": 1, "form": r.Form.OTHER, "claim": A, "detail": NONE}
    return WHERE | {"member": key(1)} | said | fields


def agreeing(world: World, **fields: Any) -> dict[str, Any]:
    return attest(form=r.Form.AGREE, claim=world.aggregate.claim, **fields)


def fails(**fields: Any) -> dict[str, Any]:
    return WHERE | {"attempt": 1, "deadline": 2000} | fields


def final(world: World, **fields: Any) -> dict[str, Any]:
    return WHERE | {"attempt": 1, "root": world.aggregate.root} | fields


def ends(reason: r.Reason) -> dict[str, Any]:
    return WHERE | {"reason": reason}


def propose(**fields: Any) -> dict[str, Any]:
    made = {"job": 1, "digest": A, "proposer": key(0), "terms": TERMS, "model": MODEL}
    return made | fields


def terms(**changes: int) -> r.Terms:
    return msgspec.structs.replace(TERMS, **changes)


def approved() -> World:
    """Members 0 and 1 of 4 approved another key of member 3."""
    world = World()
    for count, member in enumerate((0, 1), 1):
        world.emit(r.RotationApproved, **recovery(member=member, approvals=count))
    return world


def replaced() -> World:
    """A majority approved it; the rotation is still to come."""
    world = approved()
    world.emit(r.RotationApproved, **recovery(member=2, approvals=3))
    return world


def recovery(**fields: Any) -> dict[str, Any]:
    return {"index": 3, "new_key": key(3, 1)} | fields


def recovered(**fields: Any) -> dict[str, Any]:
    return {"index": 3, "old_key": key(3), "new_key": key(3, 1), "epoch": 2} | fields


ILLEGAL: dict[str, tuple[Any, Any, Any]] = {
    "a gap in the members": (World, r.MemberAdmitted,
        {"index": 5, "key": key(5), "roles": 1, "epoch": 1, "name": named(5)}),
    "a member twice": (World, r.MemberAdmitted, {"index": 4, "key": key(0), "roles": 1, "epoch": 1, "name": named(4)}),
    "a member without a role": (World, r.MemberAdmitted,
        {"index": 4, "key": key(4), "roles": 0, "epoch": 1, "name": named(4)}),
    "an unknown role": (World, r.MemberAdmitted, {"index": 4, "key": key(4), "roles": 8, "epoch": 1, "name": named(4)}),
    "an epoch skipped": (World, r.MemberAdmitted,
        {"index": 4, "key": key(4), "roles": 1, "epoch": 3, "name": named(4)}),
    "a rotation of nobody": (World, r.KeyRotated, {"index": 9, "old_key": key(0), "new_key": key(9), "epoch": 2}),
    "another's old key": (World, r.KeyRotated, {"index": 1, "old_key": key(0), "new_key": key(9), "epoch": 2}),
    "a key taken": (World, r.KeyRotated, {"index": 0, "old_key": key(0), "new_key": key(1), "epoch": 2}),
    "a rotation in no epoch": (World, r.KeyRotated, {"index": 0, "old_key": key(0), "new_key": key(9), "epoch": 1}),
    "a retired key again": (rotated, r.KeyRotated, {"index": 3, "old_key": key(3, 1), "new_key": key(3), "epoch": 3}),
    "a recovery of nobody": (World, r.RotationApproved, {"index": 9, "new_key": key(9), "member": 0, "approvals": 1}),
    "a recovery by nobody": (World, r.RotationApproved, {"index": 0, "new_key": key(9), "member": 9, "approvals": 1}),
    "a recovery with a used key": (World, r.RotationApproved, recovery(new_key=key(0), member=0, approvals=1)),
    "a recovery miscounted": (approved, r.RotationApproved, recovery(member=2, approvals=2)),
    "a recovery approved twice": (approved, r.RotationApproved, recovery(member=1, approvals=2)),
    "a recovery with another key": (replaced, r.KeyRotated, recovered(new_key=key(3, 2))),
    "a recovery of another member": (replaced, r.KeyRotated, recovered(index=2, old_key=key(2))),
    "a recovery not carried out": (replaced, r.Announced, {"index": 0, "gateway": "http://x"}),
    "a gateway of nobody": (World, r.Announced, {"index": 9, "gateway": "http://x"}),
    "a stranger's job": (World, r.JobProposed, propose(proposer=key(9))),
    "a job number skipped": (World, r.JobProposed, propose(job=2)),
    "a retired key's job": (rotated, r.JobProposed, propose(job=2, proposer=key(3))),
    "a job without a document": (World, r.JobProposed, propose(digest=NONE)),
    "a job without rounds": (World, r.JobProposed, propose(terms=terms(rounds=0))),
    "a job without attempts": (World, r.JobProposed, propose(terms=terms(attempts=0))),
    "a job without time to open": (World, r.JobProposed, propose(terms=terms(open_seconds=0))),
    "a job of centuries": (World, r.JobProposed, propose(terms=terms(attest_seconds=366 * 86400))),
    "scores without a quorum": (World, r.JobProposed, propose(terms=terms(score_seconds=1, reveal_seconds=1))),
    "a quorum without time": (World, r.JobProposed, propose(terms=terms(scorers=2))),
    "a job without a model": (World, r.JobProposed, propose(model=msgspec.structs.replace(MODEL, initial=NONE))),
    "a job of no values": (World, r.JobProposed, propose(model=msgspec.structs.replace(MODEL, values=0))),
    "approval of no job": (World, r.JobApproved, {"job": 1, "member": key(0), "approvals": 1}),
    "a stranger's approval": (proposed, r.JobApproved, {"job": 1, "member": key(9), "approvals": 1}),
    "approvals miscounted": (proposed, r.JobApproved, {"job": 1, "member": key(0), "approvals": 2}),
    "approval twice": (opened, r.JobApproved, {"job": 1, "member": key(0), "approvals": 3}),
    "a job opened by nobody": (proposed, r.JobOpened, {"job": 1, "epoch": 1}),
    "a job opened twice": (opened, r.JobOpened, {"job": 1, "epoch": 1}),
    "no job opened": (World, r.JobOpened, {"job": 1, "epoch": 1}),
    "a round of a closed job": (proposed, r.RoundOpened, begin()),
    "a round of no job": (World, r.RoundOpened, begin()),
    "a stranger's round": (opened, r.RoundOpened, begin(opener=key(9))),
    "a round number skipped": (opened, r.RoundOpened, begin(round=2)),
    "a round of another epoch": (opened, r.RoundOpened, begin(epoch=2)),
    "a round in a round": (collecting, r.RoundOpened, begin(round=2)),
    "a commitment to no round": (opened, r.UpdateCommitted, commit()),
    "a commitment to another round": (collecting, r.UpdateCommitted, commit(round=2)),
    "a commitment twice": (collecting, r.UpdateCommitted, commit(party=key(0))),
    "a stranger's commitment": (collecting, r.UpdateCommitted, commit(party=key(9))),
    "a commitment that moves the deadline": (collecting, r.UpdateCommitted, commit(deadline=1001)),
    "a late commitment": (opening, r.UpdateCommitted, commit(party=key(3))),
    "a commitment to an aggregate": (attesting, r.UpdateCommitted, commit(party=key(2))),
    "a commitment after the end": (finalised, r.UpdateCommitted, commit()),
    "nothing opened": (opening, r.UpdatesOpened, show),
    "half an opening": (opening, r.UpdatesOpened, lambda w: show(w, openings=bytes(60))),
    "opened before": (opening, r.UpdatesOpened, lambda w: show(w, w.pending[0])),
    "opened twice at once": (opening, r.UpdatesOpened, lambda w: show(w, w.pending[1], w.pending[1])),
    "opened without a commitment": (opening, r.UpdatesOpened, lambda w: show(w, other(w, party=key(3)))),
    "a stranger's update": (opening, r.UpdatesOpened, lambda w: show(w, other(w, party=key(9)))),
    "another weight": (opening, r.UpdatesOpened, lambda w: show(w, other(w, weight=11))),
    "another root": (opening, r.UpdatesOpened, lambda w: show(w, other(w, root=A))),
    "another file": (opening, r.UpdatesOpened, lambda w: show(w, other(w, cid=A))),
    "another salt": (opening, r.UpdatesOpened, lambda w: show(w, other(w, salt=A[:16]))),
    "an opening that moves the deadline": (opening, r.UpdatesOpened, lambda w: show(w, w.pending[1], deadline=1)),
    "an opening under an aggregate": (attesting, r.UpdatesOpened, lambda w: show(w, again(w))),
    "an aggregate of no round": (opened, r.AggregatePublished, WHERE | {"aggregator": key(1), "attempt": 1,
        "aggregate": Claimed(A, A, A, 1, A, A, A, A, b""), "deadline": 5}),
    "an aggregate of nothing opened": (collecting, r.AggregatePublished, publish),
    "an attempt skipped": (opening, r.AggregatePublished, lambda w: publish(w, 2)),
    "a stranger's aggregate": (opening, r.AggregatePublished, lambda w: publish(w, aggregator=key(9))),
    "half an aggregate": (opening, r.AggregatePublished, lambda w: publish(w, root=NONE)),
    "the other half": (opening, r.AggregatePublished, lambda w: publish(w, cid=NONE)),
    "another base": (opening, r.AggregatePublished, lambda w: publish(w, base=A)),
    "too many verdicts": (opening, r.AggregatePublished, lambda w: publish(w, verdicts=bytes(2))),
    "too few verdicts": (opening, r.AggregatePublished, lambda w: publish(w, verdicts=b"")),
    "a block before the openings": (opening, r.AggregatePublished, lambda w: publish(w, as_of=w.block - 1)),
    "a block to come": (opening, r.AggregatePublished, lambda w: publish(w, as_of=10_000 + w.block)),
    "a block long past": (opening, r.AggregatePublished, lambda w: publish(w) | {"block": w.block + 257}),
    "a block without a hash": (opening, r.AggregatePublished, lambda w: publish(w, anchor=NONE)),
    "an aggregate over another": (attesting, r.AggregatePublished, lambda w: publish(w, 2)),
    "a failed aggregator again": (failed, r.AggregatePublished, lambda w: publish(w, 2, key(0))),
    "an attestation of nothing": (collecting, r.Attested, attest()),
    "an attestation of another attempt": (attesting, r.Attested, attest(attempt=2)),
    "the aggregator attests": (attesting, r.Attested, attest(member=key(0))),
    "a stranger attests": (attesting, r.Attested, attest(member=key(9))),
    "a key too young attests": (rotated, r.Attested, attest(member=key(3, 1))),
    "a retired key attests": (rotated, r.Attested, attest(member=key(3))),
    "another claim agrees": (attesting, r.Attested, attest(form=r.Form.AGREE)),
    "another claim lacks bytes": (attesting, r.Attested, attest(form=r.Form.MISSING)),
    "the claim is another": (attesting, r.Attested, lambda w: attest(claim=w.aggregate.claim)),
    "attested after the majority": (settled, r.Attested, lambda w: agreeing(w, member=key(3))),
    "attested after all hope": (opposed, r.Attested, lambda w: agreeing(w, member=key(3))),
    "attested after the last attempt": (over, r.Attested, lambda w: agreeing(w, member=key(3))),
    "attested twice": (lambda: agree(attesting(), 1), r.Attested, attest()),
    "late and against": (finalised, r.Attested, attest(member=key(3))),
    "late and twice": (finalised, r.Attested, agreeing),
    "late in the next round": (lambda: finalised().open_round(), r.Attested, attest(member=key(3))),
    "failed against the votes": (settled, r.AttemptFailed, fails()),
    "failed twice": (failed, r.AttemptFailed, fails()),
    "another attempt failed": (opposed, r.AttemptFailed, fails(attempt=2)),
    "the last, with attempts left": (opposed, r.AttemptFailed, fails(deadline=0)),
    "failed twice at the end": (over, r.AttemptFailed, fails(deadline=0)),
    "final by nobody": (attesting, r.RoundFinalised, final),
    "another model final": (settled, r.RoundFinalised, lambda w: final(w, root=B)),
    "another attempt final": (settled, r.RoundFinalised, lambda w: final(w, attempt=2)),
    "no model final": (no_model, r.RoundFinalised, final),
    "final twice": (finalised, r.RoundFinalised, final),
    "a round refuted with attempts left": (failed, r.RoundRefuted, WHERE),
    "a round refuted while attesting": (attesting, r.RoundRefuted, WHERE),
    "abandoned after the end": (finalised, r.RoundAbandoned, ends(r.Reason.NO_AGGREGATE)),
    "abandoned for no reason": (collecting, r.RoundAbandoned, ends(r.Reason.NONE)),
    "abandoned for no quorum": (collecting, r.RoundAbandoned, ends(r.Reason.NO_QUORUM)),
    "no aggregate of nothing": (collecting, r.RoundAbandoned, ends(r.Reason.NO_AGGREGATE)),
    "too few, though some are open": (opening, r.RoundAbandoned, ends(r.Reason.TOO_FEW_UPDATES)),
    "abandoned for too few": (attesting, r.RoundAbandoned, ends(r.Reason.TOO_FEW_UPDATES)),
    "abandoned against the votes": (no_model, r.RoundAbandoned, ends(r.Reason.NO_QUORUM)),
    "abandoned before it failed": (attesting, r.RoundAbandoned, ends(r.Reason.NO_QUORUM)),
    "abandoned, though a majority spoke": (over, r.RoundAbandoned, ends(r.Reason.NO_QUORUM)),
}  # fmt: skip


@pytest.mark.parametrize(("start", "kind", "fields"), ILLEGAL.values(), ids=ILLEGAL.keys())
def test_an_event_that_cannot_follow_is_refused_and_leaves_no_trace(start: Any, kind: Any, fields: Any) -> None:
    world = start()
    history = world.history
    event = at(history, kind, **(fields(world) if callable(fields) else fields))
    before = snapshot(history)
    with pytest.raises(HistoryError, match="log is damaged") as caught:
        history.apply(event)
    assert vars(history) == before
    assert caught.value.exit_code == 3
    assert caught.value.facts["event"] == kind.__name__


def test_rounds_without_a_model_use_up_none_of_the_jobs() -> None:
    world = World(terms=terms(rounds=2)).open_job()
    for _ in range(3):
        world.open_round().advance()
        assert world.round.reason is r.Reason.TOO_FEW_UPDATES
    world.honest_round().honest_round()
    assert (len(world.state.rounds), world.state.finalised, world.state.latest, world.state.complete) == (5, 2, 5, True)
    with pytest.raises(HistoryError, match="cannot be opened"):
        world.open_round()


@pytest.mark.parametrize("attempts", [3, 9])
def test_a_round_whose_attempts_are_used_up(attempts: int) -> None:
    """By the terms, or because every aggregator has failed."""
    world = World(5, terms=terms(attempts=attempts)).open_job().open_round()
    world.submit(0)
    world.submit(1)
    tries = min(attempts, 5)
    for attempt in range(tries):
        world.publish(attempt)
        for member in {0, 1, 2, 3, 4} - {attempt}:
            if world.round.phase is Phase.ATTESTING:
                world.attest(member, B)
    assert world.round.phase is Phase.REFUTED
    assert [a.outcome for a in world.round.aggregates] == [Phase.REFUTED] * tries
    assert world.round.final is None
    assert world.state.strikes == dict.fromkeys(range(tries), 1)


def test_an_attempt_on_which_few_spoke_costs_no_strike() -> None:
    world = World(5, terms=terms(attempts=2)).open_job().open_round()
    world.submit(0)
    world.publish(0)
    world.attest(1)
    world.advance()
    assert (world.aggregate.outcome, world.round.phase) == (Phase.ABANDONED, Phase.AGGREGATING)
    world.publish(1)
    world.advance()
    assert (world.round.phase, world.round.reason) == (Phase.ABANDONED, r.Reason.NO_QUORUM)
    assert world.state.strikes == {}


def test_an_attempt_on_which_a_majority_spoke_without_deciding_fails_with_a_strike() -> None:
    world = World(5, terms=terms(attempts=1)).open_job().open_round()
    world.submit(0)
    world.submit(1)
    world.publish(0)
    world.attest(1)
    world.attest(2, B)
    world.advance()
    assert (world.round.phase, world.state.strikes) == (Phase.REFUTED, {0: 1})


def test_an_opener_that_leaves_its_turn_is_struck_and_a_model_lifts_it() -> None:
    world = opened()
    world.open_round().submit(1)
    world.submit(2)
    world.publish(3)
    assert world.state.strikes == {0: 1}
    for member in (1, 2):
        world.attest(member)
    assert (world.state.strikes, world.state.base) == ({0: 1}, world.aggregate.root)
    world.open_round(2).submit(1)
    world.open_pending().advance()
    assert (world.round.reason, world.state.strikes) == (r.Reason.NO_AGGREGATE, {0: 1, 2: 1})
    world.honest_round()
    assert world.state.strikes == {0: 0, 2: 1}
    world.honest_round()
    assert world.state.strikes == {0: 0, 2: 1}


def test_updates_are_what_was_opened_and_the_rest_stays_visible() -> None:
    world = opening()
    round_ = world.round
    assert (round_.phase, set(round_.updates), round_.opened_in) == (Phase.OPENING, {0}, world.block)
    assert [made.party for made in round_.unopened] == [key(1), key(2)]
    update, said = round_.updates[0], world.pending[0]
    assert (update.weight, update.root, update.cid, update.salt) == said[1:]
    assert (update.tx, update.opening, update.block) == (round_.commitments[0].tx, world.events[-1].tx, world.block)
    assert round_.commitments[0].digest == commitment(world.name, said)
    world.open_updates(world.pending[2:])
    assert round_.phase is Phase.OPENING
    world.open_updates(world.pending[1:2])
    assert (round_.phase, round_.unopened) == (Phase.AGGREGATING, [])
    assert list(round_.updates) == [0, 1, 2]  # in the order of the commitments, whatever that of the openings


def test_the_last_commitment_of_all_ends_collecting() -> None:
    world = collecting()
    for member in (1, 2):
        world.submit(member)
    assert (world.round.phase, world.round.deadline) == (Phase.COLLECTING, 1000)
    world.submit(3)
    assert (world.round.phase, world.round.deadline) == (Phase.OPENING, 1060)
    world.open_pending()
    assert (world.round.phase, world.round.deadline) == (Phase.AGGREGATING, 1180)


def test_time_alone_leads_from_collecting_to_aggregating() -> None:
    world = collecting()
    for now, phase, deadline in (
        (1000, Phase.COLLECTING, 1000),
        (1001, Phase.OPENING, 1060),
        (1060, Phase.OPENING, 1060),
        (1061, Phase.AGGREGATING, 1180),
        (9999, Phase.AGGREGATING, 1180),
    ):
        assert present(world.round, TERMS, now) == (phase, deadline)
    world = opening()
    assert present(world.round, TERMS, 1000) == (Phase.OPENING, 1060)
    assert present(world.round, TERMS, 1061) == (Phase.AGGREGATING, 1180)
    for made in (attesting(), failed(), finalised()):
        assert present(made.round, TERMS, 1 << 39) == (made.round.phase, made.round.deadline)


def test_who_agrees_late_is_on_record_only() -> None:
    world = finalised()
    world.attest(3)
    assert [a.index for a in world.aggregate.attestations] == [1, 2, 3]
    assert (world.round.phase, world.state.finalised, world.aggregate.agreeing) == (Phase.FINALISED, 1, 4)


def test_bytes_that_are_missing_count_against() -> None:
    world = attesting()
    for member in (1, 2):
        world.say(member, r.Form.MISSING, world.aggregate.claim, (1 << 255).to_bytes(32, "big"))
    first = world.round.aggregates[0]
    assert (first.outcome, first.against, world.state.strikes) == (Phase.REFUTED, 2, {0: 1})


def test_approvals_are_of_members_and_end_with_a_recovery() -> None:
    world = proposed()
    world.emit(r.KeyRotated, index=0, old_key=key(0), new_key=key(0, 1), epoch=2)
    with pytest.raises(HistoryError, match="approvals"):
        world.emit(r.JobApproved, job=1, member=key(0, 1), approvals=2)
    for count, member in enumerate((1, 2, 3)):
        world.emit(r.RotationApproved, index=0, new_key=key(0, 2), member=member, approvals=count + 1)
    world.emit(r.KeyRotated, index=0, old_key=key(0, 1), new_key=key(0, 2), epoch=3)
    world.emit(r.JobApproved, job=1, member=key(1), approvals=1)
    world.emit(r.JobApproved, job=1, member=key(0, 2), approvals=2)
    assert world.state.approvals == {0, 1}


@pytest.mark.parametrize("position", [(0, 0), (4, 0), (3, 9)])
def test_events_out_of_order_are_refused(position: tuple[int, int]) -> None:
    world = World()
    event = r.Announced(block=position[0], log=position[1], tx=bytes(32), leaf=NONE, index=0, gateway="x")
    before = snapshot(world.history)
    with pytest.raises(HistoryError, match="out of order"):
        world.history.apply(event)
    assert vars(world.history) == before


def test_a_rotation_moves_the_member_and_keeps_its_past() -> None:
    world = rotated()
    member = world.history.member_of(key(3))
    assert member is world.history.member_of(key(3, 1))
    assert member is not None
    assert (member.key, member.keys, member.since) == (key(3, 1), [key(3), key(3, 1)], 2)
    assert {m.index for m in world.history.electorate(world.round)} == {0, 1, 2}


def test_a_recovery_is_the_members_and_starts_their_approvals_again() -> None:
    world = replaced()
    world.emit(r.KeyRotated, **recovered())
    member = world.history.members[3]
    assert (member.key, member.recoveries, member.since, member.roles_since) == (key(3, 1), 1, 2, 1)
    world.emit(r.RotationApproved, index=3, new_key=key(3, 2), member=0, approvals=1)
    world.emit(r.KeyRotated, index=0, old_key=key(0), new_key=key(0, 1), epoch=3)
    world.emit(r.RotationApproved, index=3, new_key=key(3, 2), member=1, approvals=2)
    assert member.recoveries == 1


def test_a_key_retired_while_a_round_collects_may_still_commit_to_it() -> None:
    world = finalised().open_round()
    world.emit(r.KeyRotated, index=2, old_key=key(2), new_key=key(2, 1), epoch=2)
    with pytest.raises(HistoryError):
        world.history.apply(at(world.history, r.UpdateCommitted, **commit(round=2, party=key(2, 1), deadline=2000)))
    world.submit(2)
    assert world.round.commitments[2].party == key(2)
    with pytest.raises(HistoryError):
        world.history.apply(at(world.history, r.UpdateCommitted, **commit(round=2, party=key(2, 1), deadline=2000)))


def test_latest_model_and_completeness() -> None:
    world = World().open_job()
    assert (world.state.sound_model, world.state.complete, world.state.current) == (None, False, None)
    first = world.honest_round().aggregate
    world.open_round()
    assert world.state.sound_model is first
    assert world.history.round(1, 2) is world.round
    assert world.history.round(2, 1) is None


def test_only_the_founders_of_the_network_file_found_the_consortium() -> None:
    world = World()
    for change in ({"key": key(9)}, {"roles": 3}, {"epoch": 2}, {"index": 1}, {"name": named(1)}):
        history = History(world.foundation)
        with pytest.raises(HistoryError, match="not founded by member 0"):
            history.apply(msgspec.structs.replace(world.events[0], **change))
    history = History(world.foundation, world.events)
    with pytest.raises(HistoryError, match="beside those"):
        history.apply(at(history, r.MemberAdmitted, index=4, key=key(4), roles=7, epoch=1, name=named(4)))
    history = History(world.foundation, world.events[:3])
    with pytest.raises(HistoryError, match="not founded by member 3"):
        history.apply(at(history, r.Announced, index=0, gateway=""))


def test_the_head_at_a_block_covers_the_events_up_to_it() -> None:
    world = attesting()
    history, founding = world.history, world.foundation.record.leaf
    leaves = [founding, *(event.leaf for event in world.events)]
    assert len(set(leaves)) == len(leaves)
    for block in range(len(world.events) + 3):
        events = min(block, len(world.events))
        assert history.events_at(block) == events
        assert history.head_at(block) == head(events, root(leaves[: events + 1]))


def test_a_refused_event_is_not_in_the_head() -> None:
    world = attesting()
    before = world.history.head_at(10_000)
    with pytest.raises(HistoryError):
        world.history.apply(at(world.history, r.JobOpened, job=1, epoch=1))
    assert world.history.head_at(10_000) == before
