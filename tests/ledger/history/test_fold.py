"""The fold takes every history that the contracts can write and no other, and a refused event leaves no trace."""

import copy
from typing import Any

import pytest
from support.worlds.world import TERMS, World, key

from ledger.events import records as r
from ledger.formats.claims import NO_HEAD, next_head
from ledger.history.fold import History, HistoryError
from ledger.history.state import Phase

WHERE = {"job": 1, "round": 1}
A, B, NONE = b"\x0a" * 32, b"\x0b" * 32, bytes(32)
CLAIM = {"attempt": 1, "claim": A, "agrees": False}


def snapshot(history: History) -> dict[str, Any]:
    return copy.deepcopy(vars(history))


def at(history: History, kind: type[r.Event], **fields: Any) -> r.Event:
    return kind(block=10_000 + history.applied, log=0, tx=bytes(32), **fields)


def proposed() -> World:
    world = World()
    world.emit(r.JobProposed, job=1, digest=world.job.digest, proposer=key(0), terms=TERMS)
    return world


def opened() -> World:
    return World().open_job()


def collecting() -> World:
    world = opened().open_round()
    world.submit(0)
    return world


def attesting() -> World:
    world = collecting()
    world.submit(1)
    world.publish(0)
    return world


def settled() -> World:
    """A majority agrees; the contract's own event is still to come."""
    world = attesting()
    for member in (1, 2):
        fields = {"member": key(member), "attempt": 1, "claim": world.aggregate.claim, "agrees": True}
        world.emit(r.Attested, **WHERE, **fields)
    return world


def no_model() -> World:
    world = collecting()
    world.publish(0)
    for member in (1, 2):
        fields = {"member": key(member), "attempt": 1, "claim": world.aggregate.claim, "agrees": True}
        world.emit(r.Attested, **WHERE, **fields)
    return world


def refuted() -> World:
    world = attesting()
    for member in (1, 2):
        world.attest(member, B)
    assert world.round.phase is Phase.AGGREGATING
    return world


def finalised() -> World:
    return opened().honest_round()


def rotated() -> World:
    """Member 3 has a new key since epoch 2, and round 1 was opened in epoch 1."""
    world = attesting()
    world.emit(r.KeyRotated, index=3, old_key=key(3), new_key=key(3, 1), epoch=2)
    return world


def publish(**fields: Any) -> dict[str, Any]:
    made = {"aggregator": key(1), "attempt": 1, "root": A, "cid": A, "verdicts": b"\0", "deadline": 5}
    return WHERE | made | fields


def submit(**fields: Any) -> dict[str, Any]:
    return WHERE | {"party": key(1), "weight": 1, "root": A, "cid": A} | fields


def opening(**fields: Any) -> dict[str, Any]:
    return WHERE | {"opener": key(0), "epoch": 1, "deadline": 5} | fields


def attest(**fields: Any) -> dict[str, Any]:
    return WHERE | {"member": key(1)} | CLAIM | fields


def final(world: World, **fields: Any) -> dict[str, Any]:
    aggregate = world.aggregate
    return WHERE | {"attempt": 1, "root": aggregate.root, "cid": aggregate.cid} | fields


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
    "a gap in the members": (World, r.MemberAdmitted, {"index": 5, "key": key(5), "roles": 1, "epoch": 1}),
    "a member twice": (World, r.MemberAdmitted, {"index": 4, "key": key(0), "roles": 1, "epoch": 1}),
    "a member without a role": (World, r.MemberAdmitted, {"index": 4, "key": key(4), "roles": 0, "epoch": 1}),
    "an unknown role": (World, r.MemberAdmitted, {"index": 4, "key": key(4), "roles": 8, "epoch": 1}),
    "an epoch skipped": (World, r.MemberAdmitted, {"index": 4, "key": key(4), "roles": 1, "epoch": 3}),
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
    "a stranger's job": (World, r.JobProposed, {"job": 1, "digest": A, "proposer": key(9), "terms": TERMS}),
    "a job number skipped": (World, r.JobProposed, {"job": 2, "digest": A, "proposer": key(0), "terms": TERMS}),
    "a retired key's job": (rotated, r.JobProposed, {"job": 2, "digest": A, "proposer": key(3), "terms": TERMS}),
    "approval of no job": (World, r.JobApproved, {"job": 1, "member": key(0), "approvals": 1}),
    "a stranger's approval": (proposed, r.JobApproved, {"job": 1, "member": key(9), "approvals": 1}),
    "approvals miscounted": (proposed, r.JobApproved, {"job": 1, "member": key(0), "approvals": 2}),
    "approval twice": (opened, r.JobApproved, {"job": 1, "member": key(0), "approvals": 3}),
    "a job opened by nobody": (proposed, r.JobOpened, {"job": 1, "epoch": 1}),
    "a job opened twice": (opened, r.JobOpened, {"job": 1, "epoch": 1}),
    "no job opened": (World, r.JobOpened, {"job": 1, "epoch": 1}),
    "a round of a closed job": (proposed, r.RoundOpened, opening()),
    "a round of no job": (World, r.RoundOpened, opening()),
    "a stranger's round": (opened, r.RoundOpened, opening(opener=key(9))),
    "a round number skipped": (opened, r.RoundOpened, opening(round=2)),
    "a round of another epoch": (opened, r.RoundOpened, opening(epoch=2)),
    "a round in a round": (collecting, r.RoundOpened, opening(round=2)),
    "an update to no round": (opened, r.UpdateSubmitted, submit()),
    "an update to another round": (collecting, r.UpdateSubmitted, submit(round=2)),
    "an update twice": (collecting, r.UpdateSubmitted, submit(party=key(0))),
    "a stranger's update": (collecting, r.UpdateSubmitted, submit(party=key(9))),
    "an update without weight": (collecting, r.UpdateSubmitted, submit(weight=0)),
    "a late update": (attesting, r.UpdateSubmitted, submit(party=key(2))),
    "an update after the end": (finalised, r.UpdateSubmitted, submit()),
    "an aggregate of no round": (opened, r.AggregatePublished, publish()),
    "an attempt skipped": (collecting, r.AggregatePublished, publish(attempt=2)),
    "a stranger's aggregate": (collecting, r.AggregatePublished, publish(aggregator=key(9))),
    "half an aggregate": (collecting, r.AggregatePublished, publish(root=NONE)),
    "the other half": (collecting, r.AggregatePublished, publish(cid=NONE)),
    "too many verdicts": (collecting, r.AggregatePublished, publish(verdicts=bytes(256))),
    "an aggregate over another": (attesting, r.AggregatePublished, publish(attempt=2)),
    "a refuted aggregator again": (refuted, r.AggregatePublished, publish(attempt=2, aggregator=key(0))),
    "an attestation of nothing": (collecting, r.Attested, attest()),
    "an attestation of another attempt": (attesting, r.Attested, attest(attempt=2)),
    "the aggregator attests": (attesting, r.Attested, attest(member=key(0))),
    "a stranger attests": (attesting, r.Attested, attest(member=key(9))),
    "a key too young attests": (rotated, r.Attested, attest(member=key(3, 1))),
    "a retired key attests": (rotated, r.Attested, attest(member=key(3))),
    "another claim agrees": (attesting, r.Attested, attest(agrees=True)),
    "the claim disagrees": (attesting, r.Attested, lambda w: attest(claim=w.aggregate.claim)),
    "attested twice": (settled, r.Attested, attest()),
    "refuted by nobody": (attesting, r.AggregateRefuted, WHERE | {"aggregator": key(0), "attempt": 1}),
    "refuted against the votes": (settled, r.AggregateRefuted, WHERE | {"aggregator": key(0), "attempt": 1}),
    "refuted twice": (refuted, r.AggregateRefuted, WHERE | {"aggregator": key(0), "attempt": 1}),
    "final by nobody": (attesting, r.RoundFinalised, final),
    "another model final": (settled, r.RoundFinalised, lambda w: final(w, root=B)),
    "another file final": (settled, r.RoundFinalised, lambda w: final(w, cid=B)),
    "another attempt final": (settled, r.RoundFinalised, lambda w: final(w, attempt=2)),
    "no model final": (no_model, r.RoundFinalised, final),
    "final twice": (finalised, r.RoundFinalised, final),
    "a round refuted with attempts left": (refuted, r.RoundRefuted, WHERE),
    "a round refuted while attesting": (attesting, r.RoundRefuted, WHERE),
    "abandoned after the end": (finalised, r.RoundAbandoned, WHERE | {"reason": r.Reason.NO_AGGREGATE}),
    "abandoned for no reason": (collecting, r.RoundAbandoned, WHERE | {"reason": r.Reason.NONE}),
    "abandoned for no quorum": (collecting, r.RoundAbandoned, WHERE | {"reason": r.Reason.NO_QUORUM}),
    "abandoned for too few": (attesting, r.RoundAbandoned, WHERE | {"reason": r.Reason.TOO_FEW_UPDATES}),
    "abandoned against the votes": (no_model, r.RoundAbandoned, WHERE | {"reason": r.Reason.NO_QUORUM}),
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


def test_rounds_and_attempts_end_where_the_terms_say() -> None:
    world = World(5).open_job()
    for _ in range(TERMS.rounds):
        world.open_round()
        fields = {"job": 1, "round": world.round.number, "reason": r.Reason.NO_AGGREGATE}
        world.emit(r.RoundAbandoned, **fields)
    assert world.state.complete
    with pytest.raises(HistoryError, match="cannot be opened"):
        world.open_round()


def test_a_round_whose_attempts_are_used_up() -> None:
    world = World(5).open_job().open_round()
    world.submit(0)
    world.submit(1)
    for attempt in range(TERMS.attempts):
        world.publish(attempt)
        for member in {0, 1, 2, 3, 4} - {attempt}:
            if world.round.phase is Phase.ATTESTING:
                world.attest(member, B)
    assert world.round.phase is Phase.REFUTED
    assert [a.outcome for a in world.round.aggregates] == [Phase.REFUTED] * 3
    assert world.round.final is None
    with pytest.raises(HistoryError):
        world.publish(4, verdicts=bytes(2), root=A, cid=A, outcome=world.outcome())


@pytest.mark.parametrize("position", [(0, 0), (4, 0), (3, 9)])
def test_events_out_of_order_are_refused(position: tuple[int, int]) -> None:
    world = World()
    event = r.Announced(block=position[0], log=position[1], tx=bytes(32), index=0, gateway="x")
    before = snapshot(world.history)
    with pytest.raises(HistoryError, match="out of order"):
        world.history.apply(event)
    assert vars(world.history) == before


def test_heads_are_the_contracts_hash_chain() -> None:
    world = World().open_job().honest_round().honest_round()
    for index in range(4):
        head = NO_HEAD
        for round_ in world.state.rounds.values():
            update = round_.updates[index]
            head = next_head(head, 1, round_.number, update.weight, update.root, update.cid)
        assert world.state.heads[key(index)] == head


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


def test_a_key_retired_while_a_round_collects_may_still_submit_to_it() -> None:
    world = finalised().open_round()
    world.emit(r.KeyRotated, index=2, old_key=key(2), new_key=key(2, 1), epoch=2)
    with pytest.raises(HistoryError):
        world.history.apply(at(world.history, r.UpdateSubmitted, **submit(round=2, party=key(2, 1))))
    world.submit(2)
    assert world.round.updates[2].party == key(2)
    with pytest.raises(HistoryError):
        world.history.apply(at(world.history, r.UpdateSubmitted, **submit(round=2, party=key(2, 1))))


def test_latest_model_and_completeness() -> None:
    world = World().open_job()
    assert (world.state.latest_model(), world.state.complete, world.state.current) == (None, False, None)
    first = world.honest_round().aggregate
    world.open_round()
    assert world.state.latest_model() is first
    assert world.state.latest_model(before=1) is None
    assert world.history.round(1, 2) is world.round
    assert world.history.round(2, 1) is None
