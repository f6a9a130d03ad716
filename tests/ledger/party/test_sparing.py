"""How often a member signs while it still copies."""

import pytest

from ledger.party.sharing.sparing import Sparing
from ledger.rounds.receipts import MOST, spreading


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def signed_at(aggregate_seconds: int, until: float, step: float = 1 / 16) -> list[float]:
    """The seconds after the opening at which a member signs that looks again and again."""
    clock, found = Clock(), []
    sparing = Sparing(clock)
    while clock.now < 1000.0 + until:
        if sparing.is_due(1, 1, aggregate_seconds):
            found.append(clock.now - 1000.0)
        clock.now += step
    return found


def test_pauses_double() -> None:
    assert signed_at(600, 9.0) == [1.0, 2.0, 4.0, 8.0]


@pytest.mark.parametrize("aggregate_seconds", [8, 60, 600, 3600])
def test_no_pause_lets_a_signature_come_too_late(aggregate_seconds: int) -> None:
    found = signed_at(aggregate_seconds, spreading(aggregate_seconds) + 1.0)
    longest = max(second - first for first, second in zip([0.0, *found], found, strict=False))
    assert longest <= spreading(aggregate_seconds) / 4 + 0.11


def test_a_round_of_minutes_has_few_signatures() -> None:
    assert len(signed_at(600, 40.0)) < MOST / 2


def test_another_round_begins_anew() -> None:
    clock = Clock()
    sparing = Sparing(clock)
    assert not sparing.is_due(1, 1, 600)
    clock.now += 1.0
    assert sparing.is_due(1, 1, 600)
    assert not sparing.is_due(1, 2, 600)
    assert not sparing.is_due(2, 1, 600)
