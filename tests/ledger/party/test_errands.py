"""Errands: begun when they are due, tried again after a pause, and none holds up another."""

import itertools
import threading
from collections.abc import Iterator

import pytest
from support.clock import Clock

from ledger.errors import Unavailable
from ledger.party.sharing.errands import FIRST_PAUSE, LONGEST_PAUSE, Errands

A, B = (("push", job, 1, 0) for job in (1, 2))


@pytest.fixture
def clock() -> Clock:
    return Clock(0.0)


@pytest.fixture
def errands(clock: Clock) -> Iterator[Errands]:
    errands = Errands(clock)
    yield errands
    errands.close(5)


def test_one_that_is_done_is_not_begun_again(errands: Errands) -> None:
    done: list[int] = []
    for _ in range(3):
        errands.start(A, lambda: done.append(1))
        errands.settle(60)
    assert (done, errands.done(A), errands.done(B)) == ([1], True, False)


def test_one_that_fails_is_tried_again_after_pauses_that_double(errands: Errands, clock: Clock) -> None:
    tried: list[float] = []

    def work() -> None:
        tried.append(clock.now)
        raise Unavailable("gone")

    for _ in range(400):
        errands.start(A, work)
        errands.settle(60)
        clock.now += FIRST_PAUSE / 2
    pauses = [late - early for early, late in itertools.pairwise(tried)]
    assert pauses[0] <= 2 * FIRST_PAUSE
    assert LONGEST_PAUSE <= pauses[-1] <= LONGEST_PAUSE + FIRST_PAUSE
    assert str(errands.failed()[A]) == "gone"


def test_one_with_time_is_not_begun_before_whatever_is_new(errands: Errands, clock: Clock) -> None:
    done: list[int] = []

    def begin() -> int:
        errands.start(A, lambda: done.append(1), after=9.0)
        errands.settle(60)
        return len(done)

    assert begin() == 0
    errands.soon([A])
    clock.now += 8.9
    assert begin() == 0
    clock.now += 0.1
    assert begin() == 1


def test_one_to_be_repeated_is_begun_at_once_where_there_is_something_new(errands: Errands, clock: Clock) -> None:
    done: list[int] = []

    def begin() -> int:
        errands.start(A, lambda: done.append(1), repeat=True)
        errands.settle(60)
        return len(done)

    assert [begin(), begin()] == [1, 1]
    errands.soon([A, B])
    assert [begin(), begin()] == [2, 2]
    clock.now += LONGEST_PAUSE
    errands.start(A, lambda: done.append(1), repeat=True)
    errands.soon([A])  # while it is under way: it begins again after
    errands.settle(60)
    assert begin() == 4


def test_members_that_hang_hold_up_no_other(errands: Errands) -> None:
    """The largest consortium, of which one member answers: whatever kinds of errands lead to the others."""
    end, done = threading.Event(), threading.Event()
    for kind, member in itertools.product(("show", "hear", "tell", "push"), range(254)):
        errands.start((kind, 1, 1, member), lambda: end.wait(200) and None)
    errands.start(("hear", 1, 1, 254), done.set)
    assert done.wait(60)
    end.set()


def test_a_member_has_one_errand_at_a_time_and_its_bytes_hold_up_no_message(errands: Errands) -> None:
    end, told, heard = threading.Event(), threading.Event(), threading.Event()
    errands.start(("push", 1, 1, 7), lambda: end.wait(200) and None)
    errands.start(("tell", 1, 1, 7), lambda: told.set() or (end.wait(200) and None))
    errands.start(("hear", 1, 1, 7), heard.set)
    assert told.wait(60)
    assert not heard.is_set()
    end.set()
    assert heard.wait(60)


def test_what_is_not_expected_is_raised(errands: Errands) -> None:
    def work() -> None:
        raise ZeroDivisionError

    errands.start(A, work)
    errands.settle(60)
    with pytest.raises(ZeroDivisionError):
        errands.start(A, work)


def test_what_is_over_is_forgotten(errands: Errands) -> None:
    errands.start(A, lambda: None)
    errands.settle(60)
    errands.forget(lambda name: name == B)
    assert errands.done(A)
    errands.forget(lambda name: name == A)
    assert not errands.done(A)


def test_what_nobody_wants_any_more_is_never_due(errands: Errands, clock: Clock) -> None:
    """Or a loop would look for it again and again, without a pause."""
    errands.start(A, lambda: None, after=5.0)
    errands.start(B, lambda: None, after=7.0)
    assert errands.due_in(lambda name: True) == [5.0, 7.0]
    assert errands.due_in(lambda name: name[1:3] in {(2, 1)}) == [7.0]
    clock.now += 100
    assert errands.due_in(lambda name: False) == []


def test_who_waits_is_woken_by_one_that_failed_and_knows_then_when_it_is_begun_again(clock: Clock) -> None:
    """While it was under way, nobody knew when to look: the next event came, at times, half a second later."""
    woken, go = threading.Event(), threading.Event()

    def work() -> None:
        go.wait(60)
        raise Unavailable("not yet")

    errands = Errands(clock, first=0.05, wake=woken.set)
    errands.start(A, work)
    assert errands.due_in(lambda _name: True) == []
    go.set()
    assert woken.wait(60)
    errands.start(A, work)
    assert errands.due_in(lambda _name: True) == [0.05]
    woken.clear()
    errands.start(B, lambda: None)
    errands.settle(60)
    errands.close(5)
    assert not woken.is_set()
