"""How a model's inputs are read: in turn, beside the work on them, errors in order, and nothing is held for long."""

from collections.abc import Generator, Iterator
from threading import Event, Lock, get_ident

import pytest

from ledger.errors import Malformed
from ledger.rounds.inputs import Halted, Stream, beside, in_turn
from ledger.rounds.rules.arithmetic import Saturated


def numbers(error: Exception | None = None) -> Generator[int]:
    yield from range(3)
    if error is not None:
        raise error


@pytest.mark.parametrize("threads", [0, 1])
def test_results_come_in_order(threads: int) -> None:
    assert list(beside(lambda number: number * number, numbers(), threads)) == [0, 1, 4]
    assert not list(beside(str, (number for number in range(0)), threads))


def test_the_next_item_is_made_meanwhile() -> None:
    """While an item is worked on, and while the caller takes its time with what came of it."""
    made, threads = [Event() for _ in range(4)], set[int]()

    def items() -> Generator[int]:
        for number in range(3):
            threads.add(get_ident())
            made[number].set()
            yield number
        made[3].set()

    def work(number: int) -> int:
        assert made[number + 1].wait(60)
        return number

    assert list(beside(work, items())) == [0, 1, 2]
    assert get_ident() not in threads


@pytest.mark.parametrize("error", [Halted(), Malformed("the next one cannot be read")])
@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize("threads", [0, 1])
def test_what_an_item_raises_comes_before_what_the_next_one_raises(error: Exception, at: int, threads: int) -> None:
    """So a model that does not fit is said, even where bytes behind its value cannot be had."""

    def work(number: int) -> int:
        if number == at:
            raise Saturated("does not fit", value=number)
        return number

    had = []
    with pytest.raises(Saturated):
        for result in beside(work, numbers(error), threads):
            had.append(result)
    assert had == list(range(at))


def test_what_making_an_item_raises_is_raised() -> None:
    with pytest.raises(Halted):
        list(beside(str, numbers(Halted())))


@pytest.mark.parametrize("threads", [0, 1])
def test_an_end_in_the_middle_ends_the_items(threads: int) -> None:
    items = numbers()
    results = beside(str, items, threads)
    assert next(results) == "0"
    results.close()  # type: ignore[attr-defined]
    assert next(items, None) is None


@pytest.mark.parametrize("threads", [0, 1, 2, 5])
def test_readers_take_turns(threads: int) -> None:
    readers: list[Iterator[str]] = [iter(text) for text in ("abc", "def", "ghi")]
    assert "".join(in_turn(readers, threads)) == "adgbehcfi"


@pytest.mark.parametrize("threads", [0, 1, 2, 5])
@pytest.mark.parametrize("count", [1, 3, 9])
def test_what_is_made_of_pieces_comes_in_turn(threads: int, count: int) -> None:
    """By the threads that read them, where there are any, and no reader is ever asked for two at a time."""
    busy, used = [Lock() for _ in range(count)], set[int]()

    def reader(own: int) -> Iterator[int]:
        for piece in range(4):
            assert busy[own].acquire(blocking=False)
            yield piece
            busy[own].release()

    def use(number: int, piece: int) -> tuple[int, int]:
        used.add(get_ident())
        return number, piece

    expected = [(number, number // count) for number in range(4 * count)]
    assert list(in_turn([reader(own) for own in range(count)], threads, use)) == expected
    assert (get_ident() in used) == (threads == 0)


@pytest.mark.parametrize("threads", [0, 2])
def test_what_using_a_piece_raises_is_raised_in_its_turn(threads: int) -> None:
    def use(number: int, piece: str) -> str:
        if number == 4:
            raise Malformed("the fifth")
        return piece

    had = []
    with pytest.raises(Malformed):
        for piece in in_turn([iter("ab"), iter("cd"), iter("ef")], threads, use):
            had.append(piece)
    assert had == ["a", "c", "e", "b"]


def test_a_stream_lets_go_of_the_pieces_that_it_used_up() -> None:
    """Of many updates that come in single blocks, each would else keep one in memory."""
    pieces = [bytearray(4), bytearray(4), bytearray(4)]
    stream = Stream(iter(pieces))
    assert len(stream.take(8)) == 8
    for piece in pieces[:2]:
        piece.append(0)  # raises BufferError as long as somebody sees the piece
