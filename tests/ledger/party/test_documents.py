"""A job's document, had beside the thread that decides: a question is answered at once, whatever holders do."""

import threading
from collections.abc import Iterator

import pytest
from support.worlds.world import World

from ledger.errors import FedledgerError, Malformed, Unavailable
from ledger.history.state import JobState
from ledger.jobs.document import Job
from ledger.party.background import Background
from ledger.party.documents import FIRST_PAUSE, LONGEST_PAUSE, Documents, Pending


class Holder:
    """A holder of one document that answers when it is let, with what it is told to."""

    def __init__(self) -> None:
        self.let, self.asked, self.now = threading.Event(), 0, 0.0
        self.answer: Job | Exception = Unavailable("no holder has it")
        self.background = Background()
        self.documents = Documents(self.fetch, self.background, lambda: self.now)

    def fetch(self, state: JobState) -> Job:
        self.asked += 1
        assert self.let.wait(60)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def holder() -> Iterator[Holder]:
    made = Holder()
    yield made
    made.let.set()
    made.background.cancel()
    made.background.join(60)


@pytest.fixture
def state() -> JobState:
    return World().open_job().state


def test_one_on_its_way_is_asked_for_once(holder: Holder, state: JobState) -> None:
    holder.answer = made = World().job
    for _ in range(3):
        with pytest.raises(Pending, match="document of job 1 is on its way"):
            holder.documents.get(state, seconds=0.01)
    assert holder.documents.busy
    holder.let.set()
    future = holder.documents._asked[state.digest].future
    assert future is not None
    future.result(60)
    assert holder.documents.get(state) is made
    assert holder.asked == 1


@pytest.mark.parametrize("error", [Unavailable("no holder has it"), Malformed("this is not a job")])
def test_one_that_cannot_be_had_says_why_and_is_asked_for_again(
    holder: Holder, state: JobState, error: Exception
) -> None:
    holder.answer = error
    holder.let.set()
    pause = FIRST_PAUSE
    for times in range(1, 8):
        with pytest.raises(FedledgerError):
            holder.documents.get(state, seconds=60)
        if future := holder.documents._asked[state.digest].future:
            assert future.exception(60) is error
        with pytest.raises(type(error), match=str(error)):
            holder.documents.get(state)
        assert holder.asked == times
        holder.now += pause
        pause = min(2 * pause, LONGEST_PAUSE)
