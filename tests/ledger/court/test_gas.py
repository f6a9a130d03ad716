"""Gas of a conviction: a node's estimate is the least for the moment that it is made in; what is sent must last longer.

The chain of these tests has London's rules, under which execution counts. From Prague on the floor of calldata counts
for a large refutation, and that does not change with time.
"""

from typing import Any

import numpy as np
from support.consortia.refuted import agree, begin, publish_false
from support.consortia.synthetic import Trial

from ledger.chain.calldata import call_data
from ledger.chain.quantities import quantity
from ledger.chain.rpc import Rpc, RpcError
from ledger.chain.simulation import gas_limit
from ledger.court.calldata import refute_call
from ledger.court.search import accused_of, find_point
from ledger.history.state import Phase
from ledger.rounds.facts import RoundFacts

STRANGER = 3
LAST = 1_000_000


def one_more(values: np.ndarray) -> None:
    values[7] += 1


def refutation(trial: Trial) -> dict[str, str]:
    """The call that convicts the latest attempt, as a node takes it."""
    state, connection = trial.state, trial.parties[STRANGER].connection
    facts = RoundFacts.of(connection.place, state, trial.job, trial.round)
    aggregate = trial.round.aggregates[-1]
    point = find_point(facts, aggregate, connection.fetch)
    assert point is not None
    call = refute_call(accused_of(facts, aggregate), point)
    to = trial.consortium.client.addresses["court"]
    data = call_data("court", call.function, *call.arguments)
    return {"from": trial.consortium.members[STRANGER].address, "to": to, "data": data}


def suffices(rpc: Rpc, call: dict[str, str], gas: int) -> bool:
    """Whether a transaction with just this gas convicts a second after the latest block."""
    now = quantity(rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"])
    try:
        rpc.call("eth_call", call | {"gas": hex(gas)}, "latest", {}, {"time": hex(now + 1)})
    except RpcError:
        return False
    return True


def least(rpc: Rpc, call: dict[str, str]) -> int:
    """The least gas that convicts in the next second."""
    low, high = 21_000, LAST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(rpc, call, middle) else (middle, high)
    return high


def test_an_estimate_is_the_least_for_its_moment_and_what_is_sent_lasts(consortium: Any) -> None:
    with Trial(consortium) as trial:
        begin(trial)
        publish_false(trial, one_more)
        rpc, call = consortium.client.rpc, refutation(trial)
        estimate, given = quantity(rpc.call("eth_estimateGas", call)), gas_limit(rpc, call)
        needs = {}
        trial.pass_time(1)
        needs["a second later"] = least(rpc, call)
        assert needs["a second later"] - estimate in (0, 128), "nothing is left over; on a busy machine time has passed"
        agree(trial, 1)
        needs["one more agreed"] = least(rpc, call)
        agree(trial, 2)
        assert trial.round.phase is Phase.FINALISED
        needs["final"] = least(rpc, call)
        consortium.send(1, "ledger", "openRound", trial.number)
        trial.commit()
        needs["the next round is under way"] = least(rpc, call)
        assert max(needs.values()) * 6 // 5 < given, "so a fifth and more stands in what is sent"
