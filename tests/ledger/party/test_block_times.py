"""When the blocks of messages were made: asked for together, and each once."""

from collections.abc import Sequence
from types import SimpleNamespace

from ledger.chain.node import Block
from ledger.party.sharing.times import BlockTimes


class Chain:
    """A chain with a block every ten seconds, of which it does not show those `lacking`; `requests` are the blocks that
    were asked for.
    """

    def __init__(self, tip: int) -> None:
        self.history, self.follower, self.client = object(), SimpleNamespace(tip=SimpleNamespace(number=tip)), self
        self.requests: list[list[int]] = []
        self.lacking = {-1}

    def blocks(self, numbers: Sequence[int]) -> list[Block | None]:
        self.requests.append(list(numbers))
        return [None if number in self.lacking else Block(number, b"", b"", 10 * number) for number in numbers]


def test_the_blocks_of_many_messages_are_one_request() -> None:
    """A hundred members sign at a dozen blocks."""
    chain = Chain(20)
    times = BlockTimes(chain)  # type: ignore[arg-type]
    times.learn([7, 3, 3, 21, 5])
    assert [times.of(number) for number in (3, 5, 7, 21)] == [30, 50, 70, None]
    times.learn([5, 7, 9])
    assert chain.requests == [[3, 5, 7], [9]]


def test_a_block_that_is_not_shown_is_asked_for_again() -> None:
    chain = Chain(20)
    times = BlockTimes(chain)  # type: ignore[arg-type]
    chain.lacking = {4}
    times.learn([3, 4])
    assert (times.of(3), times.of(4)) == (30, None)
    chain.lacking = set()
    assert times.of(4) == 40
    assert chain.requests == [[3, 4], [4], [4]]


def test_after_a_reorganisation_nothing_is_known() -> None:
    chain = Chain(20)
    times = BlockTimes(chain)  # type: ignore[arg-type]
    times.learn([3])
    chain.history = object()
    assert times.of(3) == 30
    assert chain.requests == [[3], [3]]
