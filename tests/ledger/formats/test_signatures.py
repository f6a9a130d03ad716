"""Work on signatures, shared by threads."""

import threading

import pytest

from ledger.formats.signatures import on_threads


@pytest.mark.parametrize("threads", [1, 2, 3, 64])
@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_results_come_in_the_order_of_the_items(threads: int, count: int) -> None:
    assert on_threads(lambda item: item * 2, range(count), threads) == [2 * item for item in range(count)]


def test_the_caller_is_one_of_the_threads() -> None:
    met = threading.Barrier(2, timeout=30)

    def meet(_: int) -> int:
        met.wait()
        return threading.get_ident()

    assert threading.get_ident() in on_threads(meet, range(2), 2)


def test_an_error_in_another_thread_is_raised() -> None:
    def fail(item: int) -> int:
        if item == 1:
            raise ValueError("no signature")
        return item

    with pytest.raises(ValueError, match="no signature"):
        on_threads(fail, range(2), 2)
