"""What is asked decides what is looked at, and what the answer is about."""

import pytest
from support.worlds.decisions import Chamber
from support.worlds.world import World

from ledger.audit import Question, scope_of
from ledger.audit.question import asked_release
from ledger.errors import UsageError


@pytest.fixture
def world() -> World:
    """Two releases of one name, the second current."""
    made = World().open_job().honest_round().honest_round()
    council = Chamber(made, deadline=9_000)
    council.release(council.model(version="1.0", number=1)).release(council.model(version="2.0", number=2))
    return made


def test_a_release_is_the_current_one_unless_its_version_is_named(world: World) -> None:
    assert asked_release(world.history, "cardio").version == "2.0"
    assert asked_release(world.history, "cardio@1.0").version == "1.0"
    for text in ("cardio@3.0", "lung", "", "@", "x" * 99):
        with pytest.raises(UsageError) as caught:
            asked_release(world.history, text)
        assert caught.value.facts["releases"] == "cardio@1.0, cardio@2.0"


def test_a_question_says_what_is_asked(world: World) -> None:
    release = asked_release(world.history, "cardio@1.0")
    questions = [
        (Question(), {"all": True}, "everything that stands"),
        (Question.of_job(1), {"job": 1}, "job 1"),
        (Question.of_round(1, 2), {"round": "1/2"}, "round 1/2"),
        (Question.of_model(1, 2), {"model": "1/2"}, "model 1/2"),
        (Question.of_release(release), {"release": "cardio@1.0"}, "release cardio@1.0"),
    ]
    for question, asked, words in questions:
        assert (question.asked, question.words) == (asked, words)
        assert world.audit(question=question).asked == asked


def test_a_release_that_is_superseded_is_answered_for_when_it_is_asked_about(world: World) -> None:
    question = Question.of_release(asked_release(world.history, "cardio@1.0"))
    names = [one.claim for one in world.audit(question=question).right.claims]
    assert names == ["code", "job 1", "model 1/1", "release cardio@1.0"]
    assert scope_of(world.history, question).rounds == [(1, 1), (1, 2)]
    everything = [one.claim for one in world.audit().right.claims]
    assert "release cardio@2.0" in everything
    assert "release cardio@1.0" not in everything


def test_a_round_alone_is_right_given_its_base(world: World) -> None:
    claims = {one.claim: one for one in world.audit(question=Question.of_round(1, 2)).right.claims}
    assert (claims["model 1/2"].answer, claims["model 1/2"].given_base) == ("yes", "yes")
    assert "model 1/1" not in claims
