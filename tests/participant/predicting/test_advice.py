"""What comes first where a consortium has released nothing."""

from types import SimpleNamespace
from typing import Any

import pytest
from support.worlds.signing import key
from support.worlds.world import World

from ledger.errors import UsageError
from ledger.events import records as r
from ledger.events.court import Ground
from participant.predicting.released import _require_any


def test_nobody_is_told_to_propose_a_convicted_model() -> None:
    world = World().open_job().honest_round().honest_round()
    where = {"job": 1, "round": 2, "before": 1, "claim": world.aggregate.claim}
    said = {"ground": Ground.VALUE, "member": 0, "value": 7, "expected": 1, "actual": 2, "caller": key(3)}
    world.emit(r.Convicted, **where, **said)
    world.emit(r.ModelConvicted, job=1, round=2, before=1)
    connection: Any = SimpleNamespace(history=world.history)
    with pytest.raises(UsageError, match="has released no model yet") as caught:
        _require_any(connection)
    assert "release propose 1 " in caught.value.advice
