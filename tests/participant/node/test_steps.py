"""What a node does next, for every phase, second by second."""

from typing import Any

import pytest
from support.worlds.world import foundation

from ledger.events import records as r
from ledger.history.fold import History
from ledger.history.state import JobState
from participant.node.steps import (
    COURTESY,
    GRACE,
    Abandon,
    Attest,
    Hold,
    NodeSituation,
    Step,
    Submit,
    Wait,
    next_step,
)

KEYS = ["0xA", "0xB", "0xC"]
NEW = "0xN"
ROUND_DEADLINE, SECONDS = 1000, 100
TERMS = r.Terms(rounds=2, update_seconds=SECONDS, aggregate_seconds=SECONDS, attest_seconds=SECONDS, attempts=2)
BOTH = int(r.Role.PARTICIPANT | r.Role.AGGREGATOR)


class Story:
    """Events in order, folded into a history."""

    def __init__(self, roles: list[int] | None = None) -> None:
        given = [r.Role(role) for role in roles or [BOTH] * 3]
        self.history, self.block = History(foundation(KEYS, *given)), 0
        for index, (key, role) in enumerate(zip(KEYS, given, strict=True)):
            self.tell(r.MemberAdmitted, index=index, key=key, roles=int(role), epoch=1)

    def tell(self, kind: Any, **fields: Any) -> "Story":
        self.block += 1
        self.history.apply(kind(block=self.block, log=0, tx=bytes(32), leaf=bytes(32), **fields))
        return self

    def job(self, opened: bool = True) -> "Story":
        self.tell(r.JobProposed, job=1, digest=b"\x01" * 32, proposer="0xA", terms=TERMS)
        self.tell(r.JobApproved, job=1, member="0xA", approvals=1)
        if opened:
            self.tell(r.JobApproved, job=1, member="0xB", approvals=2)
            self.tell(r.JobOpened, job=1, epoch=1)
        return self

    def round(self, number: int = 1) -> "Story":
        return self.tell(
            r.RoundOpened, job=1, round=number, opener="0xA", epoch=self.history.epoch, deadline=ROUND_DEADLINE
        )

    def update(self, party: str, number: int = 1) -> "Story":
        return self.tell(
            r.UpdateSubmitted, job=1, round=number, party=party, weight=5, root=b"\x02" * 32, cid=b"\x03" * 32
        )

    def aggregate(self, attempt: int = 1, deadline: int = 1300) -> "Story":
        fields = {"root": b"\x04" * 32, "cid": b"\x05" * 32, "verdicts": b"\x00"}
        return self.tell(
            r.AggregatePublished, job=1, round=1, aggregator="0xA", attempt=attempt, deadline=deadline, **fields
        )

    def attest(self, member: str, *, agrees: bool) -> "Story":
        claim = self.state.rounds[1].aggregates[-1].claim if agrees else b"\x09" * 32
        attempt = self.state.rounds[1].attempt
        return self.tell(r.Attested, job=1, round=1, member=member, attempt=attempt, claim=claim, agrees=agrees)

    def refuted(self) -> "Story":
        self.attest("0xB", agrees=False).attest("0xC", agrees=False)
        return self.tell(r.AggregateRefuted, job=1, round=1, aggregator="0xA", attempt=1)

    def finalised(self, number: int = 1) -> "Story":
        self.attest("0xC", agrees=True)
        return self.tell(r.RoundFinalised, job=1, round=number, attempt=1, root=b"\x04" * 32, cid=b"\x05" * 32)

    def rotated(self, index: int, new: str) -> "Story":
        epoch = self.history.epoch + 1
        return self.tell(r.KeyRotated, index=index, old_key=KEYS[index], new_key=new, epoch=epoch)

    @property
    def state(self) -> JobState:
        return self.history.jobs[1]

    def step(self, now: int, me: str = "0xB", **situation: Any) -> Step:
        return next_step(self.history, self.state, me, NodeSituation(now, **situation))


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
    waits(story.step(900, me="0xB"), "does not speak for a member")


@pytest.mark.parametrize(("now", "expected"), [(900, Submit(1, 1)), (1000, Submit(1, 1))])
def test_it_submits_until_the_deadlines_second(now: int, expected: Step) -> None:
    assert Story().job().round().step(now) == expected


def test_after_the_deadline_it_does_not_submit() -> None:
    assert waits(Story().job().round().step(1001), "aggregate") == 1201


def test_it_submits_once() -> None:
    story = Story().job().round().update("0xB")
    waits(story.step(900), "aggregate")
    assert story.step(900, me="0xC") == Submit(1, 1)


def test_what_it_cannot_do_it_does_not_try_in_this_round() -> None:
    story = Story().job().round()
    waits(story.step(900, unfit={(1, 1): "the data are wrong"}), "the data are wrong")
    assert story.step(900, unfit={(1, 2): "the data are wrong"}) == Submit(1, 1)


def test_who_does_not_train_does_not_submit_but_attests() -> None:
    story = Story([BOTH, int(r.Role.AGGREGATOR), BOTH]).job().round()
    waits(story.step(900), "does not train")
    assert story.aggregate().step(1250) == Attest(1, 1, 1)


def test_a_key_newer_than_the_round_leaves_it_alone() -> None:
    story = Story().job().round().rotated(1, NEW)
    waits(story.step(900, me=NEW), "came after")
    waits(story.aggregate().step(1250, me=NEW), "other members attest")


def test_it_attests_once_until_the_deadlines_second() -> None:
    story = Story().job().round().aggregate(deadline=1300)
    assert story.step(1300) == Attest(1, 1, 1)
    waits(story.step(1250, me="0xA"), "other members")
    story.attest("0xB", agrees=False)
    assert waits(story.step(1250), "other members") == 1301


def test_after_a_refutation_it_waits_for_the_next_aggregate_and_attests_that() -> None:
    story = Story().job().round().aggregate().refuted()
    assert waits(story.step(1310), "aggregated again") == 1401
    story.tell(
        r.AggregatePublished,
        job=1,
        round=1,
        aggregator="0xC",
        attempt=2,
        root=b"\x06" * 32,
        cid=b"\x07" * 32,
        verdicts=b"\x00",
        deadline=1500,
    )
    assert story.step(1400) == Attest(1, 1, 2)


def overdue(story: Story, deadline: int) -> None:
    """All leave it to the aggregators first, then to each other, in an order that is the same for all."""
    waits(story.step(deadline + GRACE, me="0xA"), "overdue")
    starts = []
    for key in KEYS:
        start = waits(story.step(deadline + 1, me=key), "overdue")
        assert isinstance(start, int)
        assert isinstance(story.step(start - 1, me=key), Wait)
        assert story.step(start, me=key) == Abandon(1, 1)
        starts.append(start)
    assert sorted(starts) == [deadline + 1 + GRACE + COURTESY * rank for rank in range(3)]


def test_overdue_rounds_are_ended_by_one_after_the_other() -> None:
    overdue(Story().job().round(), ROUND_DEADLINE + 2 * SECONDS)
    overdue(Story().job().round().aggregate(deadline=1300), 1300)
    overdue(Story().job().round().aggregate(deadline=1300).refuted(), 1300 + SECONDS)


def test_a_finalised_round_is_kept_once_then_the_next_is_waited_for() -> None:
    story = Story().job().round().aggregate().finalised()
    assert story.step(1250) == Hold(1, 1)
    waits(story.step(1250, held=frozenset({(1, 1)})), "next is not open")
    assert story.round(2).step(1000) == Submit(1, 2)


def test_a_round_that_made_no_model_is_not_kept() -> None:
    story = Story().job().round()
    story.tell(r.RoundAbandoned, job=1, round=1, reason=r.Reason.NO_AGGREGATE)
    waits(story.step(2000), "has ended")


def test_a_complete_job_is_left_alone() -> None:
    story = Story().job().round()
    story.tell(r.RoundAbandoned, job=1, round=1, reason=r.Reason.NO_AGGREGATE)
    story.round(2).tell(r.RoundAbandoned, job=1, round=2, reason=r.Reason.NO_AGGREGATE)
    assert waits(story.step(2000), "complete") is None
