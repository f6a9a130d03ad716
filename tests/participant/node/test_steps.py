"""What a node does next, for every phase, second by second."""

from typing import Any

import pytest
from support.worlds.chain import foundation, named

from ledger.events import records as r
from ledger.events.rounds import Form, ModelTerms
from ledger.formats.claims import Claimed, RoundName, UpdateOpening, commitment, pack_openings
from ledger.formats.digest import NOTHING
from ledger.history.fold import History
from ledger.history.state import JobState
from ledger.rounds.depth import DeepBlock
from participant.node.steps import (
    COURTESY,
    GRACE,
    Advance,
    Attest,
    Commit,
    Hold,
    NodeSituation,
    OpenOwn,
    Show,
    Step,
    Vouch,
    Wait,
    next_step,
    only_news_follow,
)

KEYS = ["0x" + letter * 40 for letter in "123"]
A, B, C = KEYS
NEW = "0x" + "4" * 40
DEADLINE, SECONDS, OPENING = 1000, 100, 40
"""Of collecting; of the phases after it; of opening."""
TERMS = r.Terms(2, SECONDS, OPENING, SECONDS, SECONDS, attempts=2)
MODEL = ModelTerms(b"\x0a" * 32, 10, 0, 0, 2, 1000, 1000, 1000, True)
BOTH = int(r.Role.PARTICIPANT | r.Role.AGGREGATOR)
KEY = (1, 1)


class Story:
    """Events in order, folded into a history."""

    def __init__(self, roles: list[int] | None = None) -> None:
        given = [r.Role(role) for role in roles or [BOTH] * 3]
        self.history, self.block = History(foundation(KEYS, *given)), 0
        for index, (key, role) in enumerate(zip(KEYS, given, strict=True)):
            self.tell(r.MemberAdmitted, index=index, key=key, roles=int(role), epoch=1, name=named(index))

    def tell(self, kind: Any, **fields: Any) -> "Story":
        self.block += 1
        self.history.apply(kind(block=self.block, log=0, tx=bytes(32), leaf=bytes(32), **fields))
        return self

    def job(self, opened: bool = True) -> "Story":
        self.tell(r.JobProposed, job=1, digest=b"\x01" * 32, proposer=A, terms=TERMS, model=MODEL)
        self.tell(r.JobApproved, job=1, member=A, approvals=1)
        if opened:
            self.tell(r.JobApproved, job=1, member=B, approvals=2)
            self.tell(r.JobOpened, job=1, epoch=1)
        return self

    def round(self, number: int = 1) -> "Story":
        return self.tell(r.RoundOpened, job=1, round=number, opener=A, epoch=self.history.epoch, deadline=DEADLINE)

    def _opening(self, party: str) -> UpdateOpening:
        return UpdateOpening(party, 5, b"\x02" * 32, b"\x03" * 32, b"\x04" * 16)

    def commit(self, *parties: str, deadline: int = DEADLINE) -> "Story":
        record = self.history.foundation.record
        for party in parties:
            digest = commitment(RoundName(record.chain, record.ledger, 1, 1), self._opening(party))
            self.tell(r.UpdateCommitted, job=1, round=1, party=party, commitment=digest, deadline=deadline)
        return self

    def open(self, *parties: str, deadline: int = DEADLINE + OPENING) -> "Story":
        openings = pack_openings(map(self._opening, parties))
        return self.tell(r.UpdatesOpened, job=1, round=1, deadline=deadline, openings=openings)

    def ready(self) -> "Story":
        """All committed in second 500, and all was opened in second 510."""
        self.job().round().commit(A, B).commit(C, deadline=540)
        return self.open(A, B, C, deadline=510 + 2 * SECONDS)

    def aggregate(self, attempt: int = 1, deadline: int = 700, by: str = A) -> "Story":
        words = (bytes([n]) * 32 for n in range(5, 10))
        root, cid, anchor, head, receipts = words
        verdicts = bytes(len(self.state.rounds[1].updates))
        said = Claimed(MODEL.initial, root, cid, self.block, anchor, head, receipts, NOTHING, verdicts)
        fields = {"aggregator": by, "attempt": attempt, "aggregate": said, "deadline": deadline}
        return self.tell(r.AggregatePublished, job=1, round=1, **fields)

    def attest(self, member: str, form: Form = Form.AGREE) -> "Story":
        aggregate = self.state.rounds[1].aggregates[-1]
        claim = b"\x09" * 32 if form is Form.OTHER else aggregate.claim
        said = {"attempt": aggregate.attempt, "form": form, "claim": claim, "detail": bytes(32)}
        return self.tell(r.Attested, job=1, round=1, member=member, **said)

    def failed(self, deadline: int = 750) -> "Story":
        self.attest(B, Form.OTHER).attest(C, Form.OTHER)
        return self.tell(r.AttemptFailed, job=1, round=1, attempt=1, deadline=deadline)

    def finalised(self) -> "Story":
        self.attest(C)
        return self.tell(r.RoundFinalised, job=1, round=1, attempt=1, root=b"\x05" * 32)

    def rotated(self, index: int, new: str) -> "Story":
        epoch = self.history.epoch + 1
        return self.tell(r.KeyRotated, index=index, old_key=KEYS[index], new_key=new, epoch=epoch)

    @property
    def state(self) -> JobState:
        return self.history.jobs[1]

    def step(self, now: int, me: str = B, **situation: Any) -> Step:
        deep = situation.pop("deep", DeepBlock(self.block, bytes(32), now))
        return next_step(self.history, self.state, me, NodeSituation(now, deep, **situation))


def waits(step: Step, *words: str) -> int | None:
    assert isinstance(step, Wait), step
    for word in words:
        assert word in step.why
    return step.until


def test_a_job_that_is_not_approved_is_waited_for() -> None:
    assert waits(Story().job(opened=False).step(10), "1 member approved") is None


def test_no_round_no_work() -> None:
    assert waits(Story().job().step(10), "no round") is None


def test_a_stranger_or_a_retired_key_does_nothing() -> None:
    story = Story().job().round().rotated(1, NEW)
    waits(story.step(900, me="0xZ"), "does not speak for a member")
    waits(story.step(900, me=B), f"another key speaks for this member by now, {NEW}: end this process")


def test_it_commits_once_until_the_deadlines_second() -> None:
    story = Story().job().round()
    assert story.step(900) == story.step(DEADLINE) == Commit(1, 1)
    assert not isinstance(story.step(DEADLINE + 1), Commit)
    story.commit(B)
    assert waits(story.step(900), "for the updates of member 0, member 2 until") == DEADLINE + 1
    assert story.step(900, me=C) == Commit(1, 1)


def test_what_it_cannot_do_it_does_not_try_in_this_round() -> None:
    story = Story().job().round()
    waits(story.step(900, unfit={(1, 1): "the data are wrong"}), "the data are wrong")
    assert story.step(900, unfit={(1, 2): "the data are wrong"}) == Commit(1, 1)


def test_who_does_not_train_does_not_commit_but_vouches_and_attests() -> None:
    story = Story([BOTH, int(r.Role.AGGREGATOR), BOTH]).job().round()
    waits(story.step(900), "does not train")
    story.commit(A).commit(C, deadline=540).open(A, C, deadline=710)
    assert story.step(520) == Vouch(1, 1)
    assert story.aggregate().step(650) == Attest(1, 1, 1)


def test_a_key_newer_than_the_round_leaves_it_alone() -> None:
    story = Story().job().round().rotated(1, NEW)
    waits(story.step(900, me=NEW), "came after")
    story.commit(A).open(A, deadline=1240)
    waits(story.step(1010, me=NEW), "to aggregate since 00:17:20 UTC, until 00:19:00 UTC")
    waits(story.aggregate().step(650, me=NEW), "other members attest")


def test_a_role_newer_than_the_round_waits_for_the_next() -> None:
    story = Story().job().round()
    story.history.members[1].roles_since = 2
    waits(story.step(900), "its role came after")


def test_nobody_sees_an_update_before_all_are_fixed_or_the_time_is_over() -> None:
    story = Story().job().round().commit(A, B)
    waits(story.step(DEADLINE), "the updates of member 2")
    assert story.step(DEADLINE + 1) == Show(1, 1)
    story.commit(C, deadline=540)
    assert story.step(500) == Show(1, 1), "the last commitment ends the waiting"
    waits(story.step(500, shown=frozenset({KEY})), "opens its updates")


def test_one_that_is_passed_over_opens_itself_in_the_last_quarter() -> None:
    story = Story().job().round().commit(A, B)
    shown, end = {"shown": frozenset({KEY})}, DEADLINE + OPENING
    assert waits(story.step(DEADLINE + 1, **shown), "opens its updates") == end - OPENING // 4
    assert story.step(end - OPENING // 4, **shown) == story.step(end, **shown) == OpenOwn(1, 1)
    story.open(B)
    assert not isinstance(story.step(end, **shown), OpenOwn)


def test_what_was_opened_is_vouched_for() -> None:
    story = Story().job().round().commit(A, B).open(A)
    shown = {"shown": frozenset({KEY})}
    assert story.step(DEADLINE + 1, **shown) == Vouch(1, 1)
    waits(story.step(DEADLINE + 1, vouched={KEY: frozenset({0})}, **shown), "opens its updates")
    story.open(B, deadline=1240)
    assert story.step(1020, vouched={KEY: frozenset({0})}, **shown) == Vouch(1, 1)
    waits(story.step(1020, vouched={KEY: frozenset({0, 1})}, **shown), "member 0's to aggregate")


def test_an_update_that_was_opened_is_shown_however_late() -> None:
    assert Story().ready().step(600) == Show(1, 1)


def test_it_attests_once_until_the_deadlines_second() -> None:
    story = Story().ready().aggregate(deadline=700)
    assert story.step(700) == Attest(1, 1, 1)
    waits(story.step(650, me=A), "other members")
    story.attest(B, Form.MISSING)
    assert waits(story.step(650), "other members") == 701


def test_after_a_failed_attempt_it_waits_for_the_next_and_attests_that() -> None:
    story = Story().ready().aggregate().failed(deadline=750)
    calm = {"shown": frozenset({KEY}), "vouched": {KEY: frozenset({0, 1, 2})}}
    assert waits(story.step(710, **calm), "waits for its aggregate") == 751
    story.aggregate(attempt=2, deadline=850, by=C)
    assert story.step(800) == Attest(1, 1, 2)


def test_it_agrees_late_as_long_as_that_is_on_record() -> None:
    story = Story().ready().aggregate(deadline=700).finalised()
    assert story.step(700) == Attest(1, 1, 1, late=True)
    assert story.step(701) == Hold(1, 1)
    assert story.step(650, spoken=frozenset({KEY})) == Hold(1, 1), "what it cannot agree with it leaves"
    assert story.step(650, me=C) == Hold(1, 1), "it spoke in time"


def overdue(story: Story, deadline: int, **situation: Any) -> None:
    """All leave it to the aggregators first, then to each other, in an order that is the same for all."""
    waits(story.step(deadline + GRACE, me=A, **situation), "overdue")
    starts = []
    for key in KEYS:
        start = waits(story.step(deadline + 1, me=key, **situation), "overdue")
        assert isinstance(start, int)
        assert isinstance(story.step(start - 1, me=key, **situation), Wait)
        assert story.step(start, me=key, **situation) == Advance(1, 1)
        starts.append(start)
    assert sorted(starts) == [deadline + 1 + GRACE + COURTESY * rank for rank in range(3)]


def test_overdue_rounds_are_moved_on_by_one_after_the_other() -> None:
    calm = {"shown": frozenset({KEY})}
    overdue(Story().job().round(), DEADLINE)
    overdue(Story().job().round().commit(A), DEADLINE + OPENING, **calm)
    overdue(Story().ready(), 710, **calm)
    overdue(Story().ready().aggregate(deadline=700), 700)
    overdue(Story().ready().aggregate(deadline=700).failed(deadline=750), 750, **calm)


def test_a_finalised_round_is_kept_once_then_the_next_is_waited_for() -> None:
    story = Story().ready().aggregate().finalised()
    assert story.step(750) == Hold(1, 1)
    waits(story.step(750, held=frozenset({KEY})), "next is not open")
    assert story.round(2).step(900) == Commit(1, 2)


def abandoned(story: Story, number: int) -> Story:
    return story.tell(r.RoundAbandoned, job=1, round=number, reason=r.Reason.TOO_FEW_UPDATES)


def test_a_round_that_made_no_model_is_not_kept_and_counts_for_nothing() -> None:
    story = abandoned(Story().job().round(), 1)
    waits(story.step(2000), "has ended")
    for number in (2, 3):
        abandoned(story.round(number), number)
    waits(story.step(2000), "has ended")


@pytest.mark.parametrize("now", [500, 2000])
def test_a_complete_job_is_left_alone(now: int) -> None:
    story = Story().ready().aggregate().finalised()
    story.state.finalised = 2
    assert waits(story.step(now + 250, held=frozenset({KEY})), "complete") is None


def test_a_member_that_withholds_its_data_commits_to_nothing_and_does_all_else() -> None:
    story = Story().job().round()
    until = waits(story.step(120, withheld={1: "the permitted use ended"}), "round 1 gets no update", "use ended")
    assert until is not None
    assert isinstance(story.step(120, withheld={2: "another job's"}), Commit)
    shown = Story().ready().aggregate()
    assert isinstance(shown.step(700, withheld={1: "withdrawn"}), Attest)


def test_only_news_follow_on_steps_that_others_take_too() -> None:
    """A step that is there without any is looked for at once: files are held once it has agreed, and what was opened
    is vouched for once the own update was shown.
    """
    round_ = Story().job().round().commit(A, B, C).state.rounds[1]
    follow = [Commit(1, 1), Show(1, 1), Vouch(1, 1), Attest(1, 1, 0), Hold(1, 1)]
    assert all(only_news_follow(step, round_) for step in follow)
    others = [OpenOwn(1, 1), Attest(1, 1, 0, late=True), Advance(1, 1), Wait("for the others")]
    assert not any(only_news_follow(step, round_) for step in others)
    assert not only_news_follow(Show(1, 1), Story().ready().state.rounds[1])
