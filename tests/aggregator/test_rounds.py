"""Whole rounds on a real chain: honest ones, and every way in which one can go wrong and still end."""

import numpy as np
from aggregators import actions, drive, service
from synthetic import SECONDS

from ledger.history import Phase
from ledger.records import Reason


def test_rounds_follow_each_other_and_end(trial) -> None:
    t = trial(members=4, rounds=3)
    a = service(t.parties[0])
    for number in (1, 2, 3):
        drive(a)
        assert (t.round.number, t.round.phase, t.round.opener) == (number, Phase.COLLECTING, t.parties[0].sender.address)
        t.submit()
        drive(a)
        assert t.round.phase is Phase.ATTESTING, "published before the deadline, since everyone submitted"
        t.attest(1, 2)
        assert t.round.phase is Phase.FINALISED
    drive(a)
    assert t.state.complete
    assert [line["round"] for line in actions(t.parties[0].member.home, "published")] == [1, 2, 3]
