"""What a scorer does next, for every state of a scoring, second by second."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from support.worlds.chain import foundation, named

from ledger.events import records as r
from ledger.formats.claims import Claimed
from ledger.history.fold import History
from ledger.history.state import Aggregate, Commitment, JobState, Phase, Reveal, Round, Scoring, ScoringPhase
from ledger.rounds.depth import DeepBlock
from ledger.rounds.steps import STILL, Nudge, Wait
from participant.node.steps import COURTESY
from participant.scoring.scorer import Scorer
from participant.scoring.steps import (
    CommitScores,
    OpenScoring,
    RevealScores,
    ScoringSituation,
    ScoringStep,
    SettleScores,
    VoidScoring,
    next_scoring_step,
    scores_left,
)

KEYS = ["0xA", "0xB", "0xC", "0xD"]
SCORERS = KEYS[:3]
QUORUM, COMMIT, REVEAL, SEEN = 2, 1000, 1100, 900
TERMS = r.Terms(
    rounds=3,
    update_seconds=100,
    open_seconds=100,
    aggregate_seconds=100,
    attest_seconds=100,
    attempts=1,
    score_seconds=100,
    reveal_seconds=100,
    scorers=QUORUM,
)
MODEL = r.ModelTerms(b"\x07" * 32, 10, 0, 0, 1, 100, 100, 100, True)


class Story:
    """Three scorers, a member that is not one, and a job whose first round is final."""

    def __init__(self, terms: r.Terms = TERMS) -> None:
        roles = [r.Role.SCORER if key in SCORERS else r.Role.AGGREGATOR for key in KEYS]
        self.history = History(foundation(KEYS, *roles))
        for index, (key, role) in enumerate(zip(KEYS, roles, strict=True)):
            place = {"block": index + 1, "log": 0, "tx": b"", "leaf": bytes(32)}
            self.history.apply(
                r.MemberAdmitted(**place, index=index, key=key, roles=int(role), epoch=1, name=named(index))
            )
        self.state = JobState(1, b"\x01" * 32, "0xA", terms, MODEL, b"", open=True)
        self.history.jobs[1] = self.state
        self.finalise(1)

    def finalise(self, number: int, phase: Phase = Phase.FINALISED) -> "Story":
        root = b"\x02" * 32
        said = Claimed(root, root, root, 1, root, root, root, root, b"\x00\x00")
        final = Aggregate(1, "0xD", 3, *said, b"\x03" * 32, 0, b"", 1)
        keys = dict(enumerate(KEYS))
        self.state.rounds[number] = Round(1, number, "0xD", 3, 1, 4, 0, 1, keys, 0, 0, phase=phase, aggregates=[final])
        return self

    def scoring(self, committed: str = "", revealed: str = "", number: int = 1, **fields: Any) -> "Story":
        scoring = Scoring(1, number, "0xA", b"\x04" * 32, 2, 1, 3, QUORUM, COMMIT, REVEAL, b"")
        for letter in committed:
            index = "ABCD".index(letter)
            scoring.commitments[index] = Commitment(KEYS[index], index, b"\x05" * 32, b"")
        for letter in revealed:
            index = "ABCD".index(letter)
            scoring.reveals[index] = Reveal(KEYS[index], index, (1, 2), b"\x06" * 32, b"")
        self.state.scorings[number] = replace(scoring, **fields)
        return self

    def step(self, now: int = SEEN, me: str = "0xB", since: int = SEEN, **situation: Any) -> ScoringStep:
        deep = situation.pop("deep", DeepBlock(1 << 40, bytes(32), now))
        return next_scoring_step(self.history, self.state, me, ScoringSituation(now, deep, since, **situation))


def waits(step: ScoringStep, *words: str) -> int | None:
    assert isinstance(step, Wait), step
    for word in words:
        assert word in step.why
    return step.until


def in_turn(story: Story, step: ScoringStep, start: int, round_: int = 1) -> None:
    """One after the other, from `start` on, in an order that turns with the rounds."""
    order = [SCORERS[(place - round_) % 3] for place in range(3)]
    assert story.step(start, me=order[0]) == step
    for rank, key in enumerate(order[1:], 1):
        turn = start + COURTESY * rank
        assert waits(story.step(turn - 1, me=key), "another scorer") == turn
        assert story.step(turn, me=key) == step


def test_what_does_not_change_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is not a scorer says so once, not in every phase of every round."""
    said: list[tuple[int, str]] = []
    scorer = Scorer.__new__(Scorer)
    scorer._waited_for = {}
    monkeypatch.setattr(scorer, "_note", lambda _action, _state, number, why, **_: said.append((number, why)))
    for number in (1, 1, 1, 2, 2, 3):
        state: Any = SimpleNamespace(number=1, scoring=SimpleNamespace(round=number))
        scorer.note_wait(state, Wait("this member is not a scorer"))
    assert said == [(1, "this member is not a scorer")]


def test_a_job_without_scores_and_a_member_without_the_role_have_none() -> None:
    none = replace_terms(score_seconds=0, reveal_seconds=0, scorers=0)
    waits(Story(none).step(), "makes no scores")
    waits(Story().step(me="0xD"), "not a scorer")
    waits(Story().step(me="0xZ"), "not a scorer")


def replace_terms(**fields: int) -> r.Terms:
    import msgspec

    return msgspec.structs.replace(TERMS, **fields)


def test_the_first_finalised_round_without_a_scoring_is_opened() -> None:
    in_turn(Story(), OpenScoring(1, 1), SEEN)
    later = Story().scoring(outcome=ScoringPhase.SETTLED).finalise(2, Phase.ABANDONED).finalise(3)
    in_turn(later, OpenScoring(1, 3), SEEN, round_=3)


def test_scored_rounds_leave_nothing_to_do() -> None:
    for outcome in (ScoringPhase.SETTLED, ScoringPhase.VOID):
        story = Story().scoring(outcome=outcome)
        waits(story.step(), "is scored")
        assert not scores_left(story.history, story.state)
    assert scores_left(Story().history, Story().state)
    assert scores_left(Story().history, Story().scoring().state)


def test_with_fewer_scorers_than_must_reveal_nothing_is_opened_or_waited_for() -> None:
    story = Story(replace_terms(scorers=4))
    waits(story.step(), "too few members are scorers")
    assert not scores_left(story.history, story.state)


def test_it_commits_once_until_the_deadlines_second() -> None:
    assert Story().scoring().step(COMMIT) == CommitScores(1, 1)
    assert waits(Story().scoring("B").step(COMMIT), "commit") == COMMIT + 1
    assert Story().scoring("B").step(COMMIT, me="0xC") == CommitScores(1, 1)


def test_after_the_time_to_commit_it_gives_no_scores() -> None:
    assert waits(Story().scoring("AC").step(COMMIT + 1), "reveal") == REVEAL + 1


def test_a_key_newer_than_the_scoring_gives_none() -> None:
    story = Story().scoring()
    story.history.members[1].since = 2
    waits(story.step(), "came after")


def test_a_role_newer_than_the_scoring_gives_none() -> None:
    story = Story().scoring()
    story.history.members[1].roles_since = 2
    waits(story.step(), "its role came after")


def test_who_abstains_says_why_and_does_not_commit() -> None:
    waits(Story().scoring().step(abstained={(1, 1): "the data are wrong"}), "the data are wrong")
    assert Story().scoring().step(abstained={(1, 2): "the data are wrong"}) == CommitScores(1, 1)


@pytest.mark.parametrize(("committed", "now"), [("AB", COMMIT + 1), ("ABC", COMMIT), ("ABC", REVEAL)])
def test_it_reveals_once_nobody_can_commit_any_more(committed: str, now: int) -> None:
    assert Story().scoring(committed).step(now) == RevealScores(1, 1)


def test_it_reveals_neither_early_nor_late_nor_twice() -> None:
    waits(Story().scoring("AB").step(COMMIT), "commit")
    waits(Story().scoring("ABC", "B").step(COMMIT), "reveal")
    assert not isinstance(Story().scoring("AB").step(REVEAL + 9), RevealScores)
    lost = {(1, 1): "the scores are lost"}
    waits(Story().scoring("AB", "A").step(COMMIT + 1, abstained=lost), "reveal")


def test_it_commits_once_the_scorings_opening_is_deep() -> None:
    """Another block would bring another seed, and a commitment that binds to none."""
    story = Story().scoring(block=7)
    assert waits(story.step(deep=DeepBlock(6, bytes(32), SEEN)), "commits to no scores") == SEEN + 25
    assert story.step(deep=DeepBlock(7, bytes(32), SEEN)) == CommitScores(1, 1)


def test_it_reveals_once_deep_blocks_fix_all_commitments() -> None:
    full, few = Story().scoring("ABC", committed_in=7), Story().scoring("AB", committed_in=7)
    assert waits(full.step(SEEN, deep=DeepBlock(6, bytes(32), COMMIT)), "shows no scores") == SEEN + 25
    assert full.step(SEEN, deep=DeepBlock(7, bytes(32), SEEN)) == RevealScores(1, 1)
    late = COMMIT + 1
    assert waits(few.step(late, deep=DeepBlock(99, bytes(32), COMMIT)), "shows no scores") == late + 25
    assert few.step(late, deep=DeepBlock(8, bytes(32), late)) == RevealScores(1, 1)


def test_a_chain_that_stands_still_is_nudged_in_turn() -> None:
    story, deep = Story().scoring("ABC", committed_in=7), DeepBlock(6, bytes(32), SEEN)
    now = SEEN + 25
    for rank, key in enumerate(SCORERS[-1:] + SCORERS[:-1]):
        still = STILL + COURTESY * rank
        assert waits(story.step(now, key, deep=deep, still=still - 1), "further blocks") == now + 1
        assert story.step(now, key, deep=deep, still=still) == Nudge(1, 1)


def test_it_settles_as_soon_as_all_have_revealed() -> None:
    in_turn(Story().scoring("ABC", "ABC"), SettleScores(1, 1), SEEN)
    in_turn(Story().scoring("AB", "AB"), SettleScores(1, 1), COMMIT + 1)


def test_a_withheld_reveal_is_waited_for_until_the_deadline() -> None:
    story = Story().scoring("ABC", "AB")
    assert waits(story.step(REVEAL), "reveal") == REVEAL + 1
    in_turn(story, SettleScores(1, 1), REVEAL + 1)


def test_what_is_not_settled_in_time_is_void() -> None:
    story = Story().scoring("ABC", "ABC")
    settle = 2 * REVEAL - COMMIT
    assert story.step(settle) == SettleScores(1, 1)
    in_turn(story, VoidScoring(1, 1), settle + 1)


def test_many_scorers_leave_each_other_no_more_than_half_of_the_time_to_settle() -> None:
    story = Story().scoring("ABC", "ABC", commit_deadline=REVEAL - 4)
    assert all(story.step(SEEN, me=key) == SettleScores(1, 1) for key in SCORERS)


def test_too_few_reveals_void_the_scoring_once_nobody_can_reveal() -> None:
    in_turn(Story().scoring("AB", "A"), VoidScoring(1, 1), REVEAL + 1)
    in_turn(Story().scoring("A", "A"), VoidScoring(1, 1), COMMIT + 1)
    in_turn(Story().scoring(), VoidScoring(1, 1), COMMIT + 1)
