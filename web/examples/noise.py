"""Noise in the examples: a job that hides single rows, and a round whose cost two members spent."""

from web.documents.noise import JobNoise, MemberSpent, RoundNoise, RoundSpent
from web.examples.consortium import NORTH, SOUTH

JOB = JobNoise(
    level="example",
    clip="1",
    noise="2.36",
    sampling="0.28",
    steps=4,
    grain=None,
    variance=None,
    least=None,
    delta="0.00001",
    orders=8,
    scope="patients-2026",
    cost=175_090_068,
    budget=1_750_900_680,
    rounds=10,
    epsilon_of_round="1.5403",
    epsilon_of_budget="4.2079",
    members=(MemberSpent(party=NORTH, spent=175_090_068, epsilon="1.5403", rounds_left=9),),
)
ROUND = RoundNoise(
    level="example",
    delta="0.00001",
    scope="patients-2026",
    cost=175_090_068,
    epsilon="1.5403",
    members=(
        RoundSpent(party=NORTH, in_time=True, rounds=1, epsilon="1.5403"),
        RoundSpent(party=SOUTH, in_time=False, rounds=1, epsilon="1.5403"),
    ),
)
