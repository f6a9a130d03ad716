"""Server optimisers: what becomes of the mean update, and of a state beside the model (docs/spec/round.md).

Integers only, value by value: the next model's chunk i and the state's chunk i follow from chunk i of the base model,
of the state before, and of each update. `ledger.rounds.server_state` has the state's files.
"""

from collections.abc import Sequence
from typing import NamedTuple

from ledger.jobs.server import Adagrad, Adam, Dyn, Momentum, NoOptimiser, Scaffold, Server, Yogi
from ledger.rounds.optimisers.arithmetic import held
from ledger.rounds.optimisers.drift import dyn, scaffold
from ledger.rounds.optimisers.moments import adagrad, adam, momentum, yogi
from ledger.rounds.rules.arithmetic import Sums


class Turnout(NamedTuple):
    """How many updates a mean is of, and how many parties could have taken part."""

    updates: int
    parties: int


def stepped(
    server: Server, mean: Sums, state: Sequence[Sums], turnout: Turnout, bits: int
) -> tuple[Sums, tuple[Sums, ...]]:
    """What is added to the base model, and the next state, of a run of values with so many fraction bits.

    `mean` are values of the mean update, `state` those of each stream before, in the order of `server.streams`. A mean
    beyond int32, where only noise under masks leads, is held. Raises ValueError for another number of streams.
    """
    made: tuple[Sums, tuple[Sums, ...]]
    if isinstance(server, NoOptimiser):
        return mean, ()
    mean = held(mean)
    match server, tuple(state):
        case Momentum(), (m,):
            made = momentum(server, mean, m)
        case Adam(), (m, v):
            made = adam(server, mean, m, v, bits)
        case Yogi(), (m, v):
            made = yogi(server, mean, m, v, bits)
        case Adagrad(), (v,):
            made = adagrad(server, mean, v, bits)
        case Dyn(), (h,):
            made = dyn(mean, h, *turnout)
        case Scaffold(), (c,):
            made = scaffold(server, mean, c, *turnout)
        case _:
            raise ValueError(f"{server.name} has no state of {len(state)} streams")
    return made
