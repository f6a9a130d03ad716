"""Decisions: what members propose, vote and release folds as the contracts would have it, and as nothing else."""

import copy
from typing import Any

import pytest
from support.worlds.chain import named
from support.worlds.decisions import released
from support.worlds.signing import key
from support.worlds.world import World

from ledger.errors import Malformed
from ledger.events import records as r
from ledger.events.actions import (
    AdmitMember,
    ChangeRoles,
    ChangeRules,
    CloseJob,
    NameSuccessor,
    ReleaseModel,
    RemoveMember,
    RevokeRelease,
    RollBack,
    encode_action,
    kind_of,
)
from ledger.events.contents import proposal_id
from ledger.events.proposals import Proposal, ProposalState, release_id, vote_to_sign
from ledger.events.records import Choice
from ledger.history.fold import HistoryError

RULES = r.Rules(5_000, vote_seconds=100, delay_seconds=10, execute_seconds=50)
OTHER_RULES = r.Rules(6_666, vote_seconds=10, delay_seconds=0, execute_seconds=5)
A, NONE = b"\x0a" * 32, bytes(32)
CARDIO = ("cardio", "1.0")


class Council(World):
    """A world whose ballots have rules, and whose members propose and vote."""

    def __init__(self, members: int = 4) -> None:
        super().__init__(members)
        self.emit(r.RulesChanged, rules=RULES)

    @property
    def proposal(self) -> Proposal:
        made = self.history.decisions.proposal(len(self.history.decisions.proposals))
        assert made is not None
        return made

    def propose(self, action: Any, proposer: int = 0, **lies: Any) -> "Council":
        kind, encoded = encode_action(action)
        number, who = len(self.history.decisions.proposals) + 1, self.keys[proposer]
        nonce = self.history.decisions.next_nonce(who)
        name = proposal_id(who, nonce, kind, encoded)
        made = {"proposal": name, "number": number, "proposer": who, "nonce": nonce}
        said = {"kind": kind, "action": encoded, "epoch": self.history.epoch, "deadline": number * 1_000}
        self.emit(r.Proposed, **made | said | lies)
        return self

    def vote(self, *members: int, choice: Choice = Choice.FOR) -> "Council":
        for member in members:
            self.emit(r.Voted, proposal=self.proposal.id, member=self.keys[member], choice=choice)
        return self

    def execute(self) -> "Council":
        self.emit(r.Executed, proposal=self.proposal.id)
        return self

    def decide(self, action: Any) -> "Council":
        return self.propose(action).vote(*range(len(self.keys) // 2 + 1)).execute()

    def release(self, version: str = "1.0") -> "Council":
        made = releasable(self, version)
        self.decide(made)
        self.emit(r.Released, **released(made))
        return self


def releasable(world: World, version: str = "1.0") -> ReleaseModel:
    return ReleaseModel("cardio", version, 1, 1, world.state.rounds[1].final.root.hex(), report=A.hex())  # type: ignore[union-attr]


def proposed() -> Council:
    return Council().propose(RemoveMember(3))


def voted() -> Council:
    return proposed().vote(0, 1)


def passed() -> Council:
    return proposed().vote(0, 1, 2)


def executed() -> Council:
    return passed().execute()


def removed() -> Council:
    world = executed()
    world.emit(r.MemberRemoved, index=3, key=key(3), epoch=2)
    return world


def trained() -> Council:
    world = Council()
    world.open_job().honest_round()
    return world


def released_once() -> Council:
    return trained().release()


def of(**fields: Any) -> Any:
    """An event about the latest proposal."""
    return lambda world: {"proposal": world.proposal.id} | fields


def vote(member: str, choice: Choice = Choice.FOR) -> Any:
    return of(member=member, choice=choice)


def next_proposal(**lies: Any) -> Any:
    def made(world: Council) -> dict[str, Any]:
        kind, encoded = encode_action(RemoveMember(2))
        number = len(world.history.decisions.proposals) + 1
        who = {"proposer": key(0), "nonce": world.history.decisions.next_nonce(key(0))}
        when = {"epoch": world.history.epoch, "deadline": 9}
        fields = {"number": number, "kind": kind, "action": encoded} | who | when | lies
        try:
            named = proposal_id(fields["proposer"], fields["nonce"], fields["kind"], fields["action"])
        except Malformed:  # what has no content has no name
            named = A
        return {"proposal": named} | fields

    return made


REMOVAL = {"index": 3, "key": key(3), "epoch": 2}
ROLLBACK = {"release": release_id(*CARDIO), "previous": NONE}

ILLEGAL: dict[str, tuple[Any, Any, Any]] = {
    "a proposal before there are rules": (World, r.Proposed, {
        "proposal": proposal_id(key(0), 1, *encode_action(RemoveMember(1))),
        "number": 1, "proposer": key(0), "nonce": 1,
        "kind": kind_of(RemoveMember), "action": encode_action(RemoveMember(1))[1], "epoch": 1, "deadline": 1}),
    "a stranger's proposal": (Council, r.Proposed, next_proposal(proposer=key(9))),
    "a proposal's number skipped": (Council, r.Proposed, next_proposal(number=2)),
    "a proposal's nonce skipped": (Council, r.Proposed, next_proposal(nonce=2)),
    "a proposal's nonce again": (proposed, r.Proposed,
        next_proposal(nonce=1, action=encode_action(RemoveMember(1))[1])),
    "a proposal of another epoch": (Council, r.Proposed, next_proposal(epoch=2)),
    "a proposal under another name": (Council, r.Proposed, next_proposal(proposal=A)),
    "a proposal of no kind": (Council, r.Proposed, next_proposal(kind=0)),
    "a proposal of two words": (Council, r.Proposed, next_proposal(action=bytes(64))),
    "a proposal not of whole words": (Council, r.Proposed, next_proposal(action=bytes(31))),
    "a release of no name": (Council, r.Proposed, next_proposal(kind=kind_of(ReleaseModel), action=bytes(7 * 32))),
    "a release of a wild name": (Council, r.Proposed,
        next_proposal(kind=kind_of(ReleaseModel), action=b"\xff" * 32 * 7)),
    "a removed member's proposal": (removed, r.Proposed, next_proposal(proposer=key(3))),
    "a vote on nothing": (Council, r.Voted, {"proposal": A, "member": key(0), "choice": Choice.FOR}),
    "a stranger's vote": (proposed, r.Voted, vote(key(9))),
    "a vote twice": (voted, r.Voted, vote(key(0), Choice.AGAINST)),
    "a vote after the execution": (removed, r.Voted, vote(key(2))),
    "a vote closed undecided": (voted, r.VoteClosed, of(deadline=900)),
    "a vote closed after its end": (passed, r.VoteClosed, of(deadline=1_000)),
    "a cancellation after a vote": (voted, r.Cancelled, of()),
    "a cancellation of nothing": (Council, r.Cancelled, {"proposal": A}),
    "an execution without the votes": (voted, r.Executed, of()),
    "an execution of nothing": (Council, r.Executed, {"proposal": A}),
    "an execution twice": (removed, r.Executed, of()),
    "a removal nobody decided": (passed, r.MemberRemoved, REMOVAL),
    "another removal than decided": (executed, r.MemberRemoved, REMOVAL | {"index": 2, "key": key(2)}),
    "a removal of another key": (executed, r.MemberRemoved, REMOVAL | {"key": key(2)}),
    "a removal in no epoch": (executed, r.MemberRemoved, REMOVAL | {"epoch": 1}),
    "something else than was decided": (executed, r.Announced, {"index": 0, "gateway": "x"}),
    "a removal that leaves two": (lambda: Council(3).decide(RemoveMember(2)), r.MemberRemoved,
        {"index": 2, "key": key(2), "epoch": 2}),
    "an admission nobody decided": (Council, r.MemberAdmitted,
        {"index": 4, "key": key(4), "roles": 1, "epoch": 2, "name": named(4)}),
    "other roles than decided": (lambda: Council().decide(AdmitMember(key(4), 1, "member 4")), r.MemberAdmitted,
        {"index": 4, "key": key(4), "roles": 7, "epoch": 2, "name": named(4)}),
    "a removed member's index again": (lambda: removed().decide(AdmitMember(key(4), 1, "member 4")), r.MemberAdmitted,
        {"index": 3, "key": key(4), "roles": 1, "epoch": 3, "name": named(3)}),
    "roles nobody decided": (Council, r.RolesChanged, {"index": 1, "roles": 1, "epoch": 2}),
    "roles of a removed member": (lambda: removed().decide(ChangeRoles(3, 1)), r.RolesChanged,
        {"index": 3, "roles": 1, "epoch": 3}),
    "rules nobody decided": (Council, r.RulesChanged, {"rules": OTHER_RULES}),
    "a successor nobody decided": (Council, r.SuccessorNamed, {"chain": 1, "ledger": key(0)}),
    "a job closed that is none": (lambda: Council().decide(CloseJob(1)), r.JobClosed, {"job": 1}),
    "a release nobody decided": (trained, r.Released, lambda w: released(releasable(w))),
    "a release of another root": (lambda: (w := trained()).decide(releasable(w)), r.Released,
        lambda w: released(releasable(w)) | {"root": A}),
    "a release under another name": (lambda: (w := trained()).decide(releasable(w)), r.Released,
        lambda w: released(releasable(w)) | {"release": A}),
    "a release not of a name": (lambda: (w := trained()).decide(releasable(w)), r.Released,
        lambda w: released(releasable(w)) | {"name": b"<b>".ljust(32, b"\0")}),
    "a release of no final model": (lambda: Council().decide(ReleaseModel(*CARDIO, 1, 1, A.hex())), r.Released,
        released(ReleaseModel(*CARDIO, 1, 1, A.hex()))),
    "a release twice": (lambda: (w := released_once()).decide(releasable(w)), r.Released,
        lambda w: released(releasable(w))),
    "a revocation nobody decided": (released_once, r.Revoked, {"release": release_id(*CARDIO), "reason": A}),
    "a revocation of nothing": (lambda: Council().decide(RevokeRelease("none", "1", A.hex())), r.Revoked,
        {"release": A, "reason": A}),
    "a rollback to the current one": (lambda: released_once().decide(RollBack(*CARDIO)), r.RolledBack,
        {"release": release_id(*CARDIO), "previous": release_id(*CARDIO)}),
    "a rollback from another": (lambda: released_once().release("1.1").decide(RollBack(*CARDIO)),
        r.RolledBack, ROLLBACK),
}  # fmt: skip


@pytest.mark.parametrize(("start", "kind", "fields"), ILLEGAL.values(), ids=ILLEGAL.keys())
def test_a_decision_that_cannot_be_is_refused_and_leaves_no_trace(start: Any, kind: Any, fields: Any) -> None:
    world = start()
    history = world.history
    made = fields(world) if callable(fields) else fields
    event = kind(block=10_000 + history.applied, log=0, tx=bytes(32), leaf=bytes(32), **made)
    before = copy.deepcopy(vars(history))
    with pytest.raises(HistoryError, match="log is damaged"):
        history.apply(event)
    assert vars(history) == before


def test_a_removed_member_is_gone_and_remembered() -> None:
    world = removed()
    history = world.history
    member = history.member_of(key(3))
    assert member is not None
    assert (member.active, member.key, member.keys, member.roles, history.count) == (False, "", [key(3)], r.Role(0), 3)
    assert world.proposal.state(10**9) is ProposalState.EXECUTED
    world.emit(r.JobProposed, job=1, digest=A, proposer=key(0), terms=world.job.terms, model=world.job.model_terms)
    world.emit(r.JobApproved, job=1, member=key(0), approvals=1)
    world.emit(r.JobApproved, job=1, member=key(1), approvals=2)
    world.emit(r.JobOpened, job=1, epoch=2)
    world.emit(r.RoundOpened, job=1, round=1, opener=key(0), epoch=2, deadline=1)
    assert world.round.members == 3
    assert [m.index for m in history.electorate(world.round)] == [0, 1, 2]


def test_members_come_with_roles_that_change() -> None:
    world = Council().decide(AdmitMember(key(4), 2, "member 4"))
    world.emit(r.MemberAdmitted, index=4, key=key(4), roles=2, epoch=2, name=named(4))
    world.keys.append(key(4))
    world.decide(ChangeRoles(4, 1))
    world.emit(r.RolesChanged, index=4, roles=1, epoch=3)
    member = world.history.members[4]
    assert (member.roles, member.since, world.history.count, world.history.epoch) == (r.Role.PARTICIPANT, 2, 5, 3)


def test_a_key_younger_than_the_proposal_does_not_vote_on_it() -> None:
    world = proposed()
    world.emit(r.KeyRotated, index=1, old_key=key(1), new_key=key(1, 1), epoch=2)
    for name in (key(1), key(1, 1)):
        with pytest.raises(HistoryError, match="was not allowed"):
            world.emit(r.Voted, proposal=world.proposal.id, member=name, choice=Choice.FOR)


def test_a_participant_without_its_role_may_finish_the_round_it_was_checked_in() -> None:
    world = trained()
    world.open_round()
    world.decide(ChangeRoles(2, 2))
    world.emit(r.RolesChanged, index=2, roles=2, epoch=2)
    world.submit(2)
    world.open_pending().advance()
    world.open_round()
    with pytest.raises(HistoryError, match="cannot commit"):
        world.submit(2)


def test_a_closed_job_opens_no_more_rounds() -> None:
    world = trained()
    world.decide(CloseJob(1))
    world.emit(r.JobClosed, job=1)
    assert (world.state.open, world.state.closed) == (False, True)
    for make in (world.open_round, lambda: world.emit(r.JobApproved, job=1, member=key(3), approvals=4)):
        with pytest.raises(HistoryError):
            make()
    with pytest.raises(HistoryError, match="is closed"):
        world.decide(CloseJob(1)).emit(r.JobClosed, job=1)


def test_rules_are_those_of_the_proposals_making() -> None:
    world = Council(5).decide(ChangeRules(OTHER_RULES))
    first = world.proposal
    world.emit(r.RulesChanged, rules=OTHER_RULES)
    world.propose(NameSuccessor(7, key(8)))
    assert (first.rules, world.proposal.rules) == (RULES, OTHER_RULES)
    assert (first.needed, world.proposal.needed) == (3, 4)
    world.vote(0, 1, 2, 3).execute()
    world.emit(r.SuccessorNamed, chain=7, ledger=key(8))
    successor = world.history.successor
    assert successor is not None
    assert (successor.chain, successor.ledger) == (7, key(8))


def test_releases_are_superseded_revoked_and_rolled_back_to() -> None:
    world = released_once()
    decisions = world.history.decisions
    first = decisions.current["cardio"]
    second = world.release("1.1").history.decisions.current["cardio"]
    assert (first.version, second.version, decisions.release("cardio", "1.0")) == ("1.0", "1.1", first)
    world.decide(RollBack(*CARDIO))
    world.emit(r.RolledBack, release=first.id, previous=second.id)
    assert decisions.current["cardio"] is first
    world.decide(RevokeRelease(*CARDIO, A.hex()))
    world.emit(r.Revoked, release=first.id, reason=A)
    assert (first.revoked, first.reason, "cardio" in decisions.current) == (True, A, False)
    with pytest.raises(HistoryError, match="not in use"):
        world.decide(RollBack(*CARDIO)).emit(r.RolledBack, release=first.id, previous=NONE)
    assert decisions.release("<b>", "1") is None


@pytest.mark.parametrize(
    ("votes", "now", "state"),
    [
        ("", 1_000, ProposalState.VOTING),
        ("", 1_001, ProposalState.REJECTED),
        ("++", 1_001, ProposalState.REJECTED),
        ("++-", 1_001, ProposalState.REJECTED),
        ("+++", 1_010, ProposalState.WAITING),
        ("+++-", 1_010, ProposalState.WAITING),
        ("+++-", 1_011, ProposalState.EXECUTABLE),
        ("+++-", 1_060, ProposalState.EXECUTABLE),
        ("+++-", 1_061, ProposalState.EXPIRED),
        ("++--", 1_001, ProposalState.REJECTED),
        ("+00", 1_001, ProposalState.REJECTED),
        ("++00", 1_001, ProposalState.REJECTED),
        ("000", 1_001, ProposalState.REJECTED),
    ],
)
def test_time_and_votes_give_the_state(votes: str, now: int, state: ProposalState) -> None:
    world = proposed()
    for member, sign in enumerate(votes):
        world.vote(member, choice={"+": Choice.FOR, "-": Choice.AGAINST, "0": Choice.ABSTAIN}[sign])
    assert world.proposal.state(now) is state


def test_a_vote_is_closed_or_cancelled() -> None:
    world = passed()
    assert world.proposal.passes
    world.emit(r.VoteClosed, proposal=world.proposal.id, deadline=500)
    assert (world.proposal.executable_from, world.proposal.executable_until) == (511, 560)
    cancelled = proposed()
    cancelled.emit(r.Cancelled, proposal=cancelled.proposal.id)
    assert cancelled.proposal.state(0) is ProposalState.CANCELLED


def test_what_is_signed_says_the_choice_in_words() -> None:
    domain, types, message = vote_to_sign(7, key(0), proposed().proposal, key(1), Choice.ABSTAIN, 9)
    assert domain == {"name": "fedledger", "version": "1", "chainId": 7, "verifyingContract": key(0)}
    assert list(message) == [field["name"] for field in types["Vote"]]
    assert message["choice"] == "Abstain"


def test_a_proposals_name_is_its_own_members() -> None:
    """Others neither take a nonce of its key, nor change the name of what it proposes."""
    alone = Council().propose(RemoveMember(3), proposer=1).proposal
    world = Council().propose(RemoveMember(3), proposer=0).propose(RemoveMember(3), proposer=2)
    behind = world.propose(RemoveMember(3), proposer=1).proposal
    assert (alone.id, alone.nonce, alone.number) == (behind.id, behind.nonce, 1)
    assert behind.number == 3
    again = world.propose(RemoveMember(3), proposer=1).proposal
    assert (again.nonce, again.id != behind.id) == (2, True)
