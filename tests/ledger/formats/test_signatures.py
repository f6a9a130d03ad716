"""Work on signatures, shared by threads."""

import gc
import threading
from collections.abc import Iterator

import pytest

from ledger.formats.signatures import worked_ahead


@pytest.mark.parametrize("threads", [1, 2, 3, 64])
@pytest.mark.parametrize("count", [0, 1, 2, 7])
@pytest.mark.parametrize("ahead", [0, 1, 16])
def test_results_come_in_the_order_of_the_items(threads: int, count: int, ahead: int) -> None:
    assert list(worked_ahead(lambda item: item * 2, range(count), ahead, threads)) == [
        2 * item for item in range(count)
    ]


def test_items_are_taken_ahead_by_so_many_and_no_more() -> None:
    taken = []

    def items() -> Iterator[int]:
        for item in range(9):
            taken.append(item)
            yield item

    done = worked_ahead(lambda item: item, items(), 3, 2)
    assert next(done) == 0
    assert taken == [0, 1, 2, 3]
    assert list(done) == list(range(1, 9))


def test_another_thread_works_at_what_the_caller_does_not_need_yet() -> None:
    begun = threading.Event()

    def work(item: int) -> bool:
        if item == 0:
            return begun.wait(60)
        begun.set()
        return True

    assert all(worked_ahead(work, range(2), 1, 3))


def test_the_caller_works_while_it_would_wait() -> None:
    begun, other = threading.Event(), threading.Event()

    def items() -> Iterator[int]:
        yield 0
        assert begun.wait(60)
        yield 1

    def work(item: int) -> int:
        if item == 0:
            begun.set()
            assert other.wait(60)
        other.set()
        return threading.get_ident()

    first, second = worked_ahead(work, items(), 1, 2)
    assert second == threading.get_ident() != first


def test_an_error_in_another_thread_is_raised() -> None:
    def fail(item: int) -> int:
        if item == 1:
            raise ValueError("no signature")
        return item

    with pytest.raises(ValueError, match="no signature"):
        list(worked_ahead(fail, range(2), 1, 2))


def test_one_given_up_in_a_circle_is_collected_without_a_wait_for_its_threads() -> None:
    done = worked_ahead(lambda item: item, range(9), 3, 2)
    next(done)
    circle: list[object] = [done]
    circle.append(circle)
    del done, circle
    gc.collect()  # `no_joining_by_garbage_collection` fails the test where it waits
