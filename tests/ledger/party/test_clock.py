"""What a node takes for the chain's present time, whatever its chain node or a block's maker says."""

from types import SimpleNamespace

from ledger.party.clock import SKEW, Clock


class Chain:
    """A chain node that says what it likes, and this machine's clocks."""

    def __init__(self) -> None:
        self.block, self.said = SimpleNamespace(hash=b"a", time=1000), None
        self.passed, self.now = 50.0, 1000.0
        self.clock = Clock(self, lambda: self.passed, lambda: self.now)

    def latest(self) -> SimpleNamespace:
        return self.block

    def pending_time(self) -> int | None:
        return self.said

    def run(self, seconds: float) -> None:
        self.passed, self.now = self.passed + seconds, self.now + seconds


def test_it_runs_on_from_the_latest_block() -> None:
    chain = Chain()
    assert chain.clock.time() == 1000
    chain.run(7.9)
    assert chain.clock.time() == 1007, "a chain that stands still"
    chain.block = SimpleNamespace(hash=b"b", time=1012)
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


def test_an_own_clock_an_hour_ahead_moves_it_no_further_than_the_chain() -> None:
    chain = Chain()
    chain.now, chain.said = 1000.0 + 3600, 1004
    assert chain.clock.time() == 1004 - SKEW


def test_time_runs_back_over_a_reorganisation_as_the_contracts_does() -> None:
    chain = Chain()
    chain.block = SimpleNamespace(hash=b"ahead", time=4600)
    assert chain.clock.time() == 4600
    chain.block = SimpleNamespace(hash=b"other", time=1003)
    assert chain.clock.time() == 1003
