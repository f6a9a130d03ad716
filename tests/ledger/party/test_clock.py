"""What a node takes for the chain's present time, whatever its chain node or a block's maker says."""

from ledger.chain.node import Block
from ledger.party.nodes.clock import FAR, SKEW, Clock


def block(hash_: bytes, time: int, *, proved: bool = True) -> Block:
    return Block(7, hash_, b"", time, proved)


class Chain:
    """A chain node that says what it likes, and this machine's clocks."""

    def __init__(self) -> None:
        self.block: Block = block(b"a", 1000)
        self.said: int | None = None
        self.asked = 0
        self.passed, self.now = 50.0, 1000.0
        self.clock = Clock(self, lambda: self.passed, lambda: self.now)

    def latest(self) -> Block:
        return self.block

    def pending_time(self) -> int | None:
        self.asked += 1
        return self.said

    def run(self, seconds: float) -> None:
        self.passed, self.now = self.passed + seconds, self.now + seconds


def test_it_runs_on_from_the_latest_block() -> None:
    chain = Chain()
    assert chain.clock.time() == 1000
    chain.run(7.9)
    assert chain.clock.time() == 1007, "a chain that stands still"
    chain.block = block(b"b", 1012)
    assert chain.clock.time() == 1012


def test_a_pending_block_an_hour_ahead_moves_it_no_further_than_the_own_clock() -> None:
    chain = Chain()
    chain.said = 1000 + 3600
    assert chain.clock.time() == 1000
    chain.run(20)
    assert chain.clock.time() == 1020


def test_a_chain_that_stood_still_before_is_caught_up_with() -> None:
    """A process that starts has watched nothing; node and own clock agree."""
    chain = Chain()
    chain.now, chain.said = 5000.0, 5001
    assert chain.clock.time() == 5001 - SKEW


def test_a_pending_block_is_asked_for_only_where_the_chain_is_behind_the_own_clock() -> None:
    chain = Chain()
    chain.said = 1001
    chain.now = 1000.0 + SKEW
    assert (chain.clock.time(), chain.asked) == (1000, 0)
    chain.now += 1
    assert (chain.clock.time(), chain.asked) == (1000, 1)


def test_an_own_clock_an_hour_ahead_moves_it_no_further_than_the_chain() -> None:
    chain = Chain()
    chain.now, chain.said = 1000.0 + 3600, 1004
    assert chain.clock.time() == 1004 - SKEW


def test_time_runs_back_over_a_reorganisation_as_the_contracts_does() -> None:
    chain = Chain()
    chain.block = block(b"ahead", 4600)
    assert chain.clock.time() == 4600
    chain.block = block(b"other", 1003)
    assert chain.clock.time() == 1003


def test_an_unproved_time_makes_nothing_late_before_the_own_clock_does() -> None:
    """A node that shows a block in a form unknown here says what time it likes."""
    chain = Chain()
    chain.block = block(b"strange", 1000 + 3600, proved=False)
    assert chain.clock.time() == 1000
    assert chain.clock.of(chain.block) == 1000
    doubt = chain.clock.doubt
    assert doubt is not None
    assert "3600 s ahead of this machine's clock" in doubt.message
    chain.run(20)
    assert chain.clock.time() == 1020, "this clock alone, and not twice"


def test_an_unproved_time_that_is_near_or_behind_is_taken() -> None:
    """Behind, it only has a node wait, as one that stands still does."""
    chain = Chain()
    chain.block = block(b"strange", 990, proved=False)
    assert (chain.clock.time(), chain.clock.of(chain.block)) == (990, 990)
    chain.block = block(b"near", 1000 + FAR, proved=False)
    assert (chain.clock.time(), chain.clock.doubt) == (1000, None)


def test_a_proved_time_counts_as_the_contracts_do() -> None:
    chain = Chain()
    chain.block = block(b"ahead", 1000 + 3600)
    assert (chain.clock.of(chain.block), chain.clock.time(), chain.clock.doubt) == (4600, 4600, None)
