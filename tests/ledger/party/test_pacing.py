"""When a worker's step is taken: once it is due, again after a pause that doubles, at once when the job changes."""

from typing import Any

import pytest
from support.worlds.world import World

from ledger.errors import FedledgerError, Malformed, Rejected, Unavailable
from ledger.history.fold import History
from ledger.history.state import JobState
from ledger.party import pacing
from ledger.party.pacing import FIRST_BACKOFF, LONGEST_BACKOFF, Pacing
from ledger.party.worker import Worker
from ledger.rounds.steps import Wait


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


class Scripted(Worker):
    """A worker whose steps a test has written: what is raised, waited for, or (None) done."""

    def __init__(self, *steps: FedledgerError | Wait | None) -> None:
        self.steps, self.calls = list(steps), list[tuple[int, int]]()
        self.notes: list[tuple[str, str]] = []

    def advance(self, history: History, state: JobState, since: int, now: int) -> Wait | None:
        self.calls.append((since, now))
        step = self.steps.pop(0)
        if isinstance(step, FedledgerError):
            raise step
        return step

    def note(self, action: str, state: JobState, text: str, why: object = None, /, **facts: object) -> None:
        self.notes.append((action, text))


class Story:
    """A job in memory, and a worker that is let to it."""

    def __init__(self, *steps: FedledgerError | Wait | None) -> None:
        self.world, self.worker = World().open_job(), Scripted(*steps)
        self.pacing = Pacing(self, self.worker)  # type: ignore[arg-type]

    def refresh(self) -> History:
        return self.world.history

    def look(self, now: int = 0) -> bool:
        return self.pacing.advance(self.world.history, self.world.state, now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pacing, "time", clock)
    return clock


def test_a_failed_step_is_tried_again_after_a_pause_that_doubles(clock: Clock) -> None:
    story, pause = Story(*[Unavailable("away")] * 9, None, Unavailable("away")), FIRST_BACKOFF
    for number in range(9):
        assert not story.look()
        assert len(story.worker.calls) == number + 1
        assert story.pacing.rests(1)
        assert story.pacing.due_in() == [pytest.approx(pause)]
        assert not story.look(), "nothing is tried before"
        clock.now += pause
        pause = min(2 * pause, LONGEST_BACKOFF)
    assert pause == LONGEST_BACKOFF
    assert story.look()
    story.look()
    assert story.pacing.due_in() == [pytest.approx(FIRST_BACKOFF)], "a step that was taken ends the doubling"
    assert story.worker.notes[0] == ("failed", "away; trying again in 0.5 s")


def test_a_change_of_the_job_ends_waiting_and_backoff(clock: Clock) -> None:
    story = Story(Malformed("broken"), Wait("for an update"), Wait("for an update"))
    story.look(10)
    story.world.open_round()
    assert not story.look(20)
    assert story.pacing.waits(1)
    assert story.worker.calls == [(10, 10), (20, 20)], "since when the job is as it is"
    assert story.pacing.notice(story.world.state, 30) is False
    story.look(30)
    assert story.worker.calls[-1] == (20, 30)


def test_what_is_waited_for_is_noted_once_for_each_reason(clock: Clock) -> None:
    story = Story(Wait("one"), Wait("one"), Wait("two"), Wait("one"))
    assert [story.look() for _ in range(4)] == [False] * 4
    assert story.worker.notes == [("waiting", "one"), ("waiting", "two"), ("waiting", "one")]


def test_a_refusal_is_normal_where_the_ledger_went_on_and_a_failure_where_it_did_not(clock: Clock) -> None:
    story = Story(Rejected("too late"), Rejected("too late"))
    assert not story.look()
    assert story.pacing.rests(1)
    clock.now += FIRST_BACKOFF
    advance = story.worker.advance

    def overtaken(*arguments: Any) -> Any:
        story.world.open_round()
        return advance(*arguments)

    story.worker.advance = overtaken  # type: ignore[method-assign]
    assert story.look(), "so another look is due at once"
    assert [action for action, _ in story.worker.notes] == ["failed", "overtaken"]
