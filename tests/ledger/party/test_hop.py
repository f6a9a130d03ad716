"""How short a job's time to aggregate may be for the members to hear of each other."""

import pytest

from ledger.errors import UsageError
from ledger.party.sharing.hop import HOP, LEAST, SAFE, short_time
from ledger.rounds.receipts import spreading


def test_the_bounds_follow_from_a_hop() -> None:
    assert spreading(SAFE) >= HOP > spreading(SAFE - 1)
    assert spreading(LEAST) >= 1 > spreading(LEAST - 1)
    assert SAFE == 120


def test_a_short_time_is_told_and_one_in_which_nothing_works_is_refused() -> None:
    assert short_time(SAFE) == ""
    assert short_time(60).startswith("aggregate_seconds = 60 leave a signature 4 seconds")
    assert "give 120 or more" in short_time(SAFE - 1)
    assert "1 second to" in short_time(LEAST)
    with pytest.raises(UsageError, match="aggregate_seconds = 7 leave a signature no time") as refused:
        short_time(LEAST - 1)
    assert "120" in refused.value.advice
