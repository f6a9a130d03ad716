"""A job whose members are hidden by noise: what its document may say, and what is refused by name."""

from typing import Any

import msgspec
import pytest
from support.worlds.masked_segments import MASKED
from support.worlds.member_lies import CLIP, GRAIN, LIMITS, NOISY, RATE, member_noise
from support.worlds.world import World

from ledger.errors import Malformed
from ledger.events.budgets import Spending
from ledger.jobs.document import Job, check, parse
from ledger.jobs.members import least_set, room_of
from ledger.jobs.privacy import OPEN

TERMS = msgspec.structs.replace(World().job.terms, aggregate_seconds=6000)


def job(**changes: Any) -> Job:
    said = {"privacy": NOISY, "limits": LIMITS, "terms": TERMS, "dp": member_noise()}
    return World(**(said | changes)).job


def noise(**changes: Any) -> Any:
    return msgspec.structs.replace(member_noise(), **changes)


def test_it_goes_into_the_document_and_out_again() -> None:
    made = job()
    check(made)
    read = parse(made.encode())
    assert read == made
    assert read.member_noise == read.dp == member_noise()
    assert read.row_noise is None
    assert read.dp is not None
    assert read.dp.level == "client"
    assert read.dp.spending == Spending(read.dp.scope_key, read.dp.cost, read.dp.budget)
    assert "whole members" in read.dp.words
    assert read.dp.noise == f"{(6 * RATE) ** 0.5 // (CLIP / 1000) / 1000:g}"


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "open updates": ({"privacy": OPEN}, "updates that are read one by one"),
    "public weights": ({"privacy": MASKED}, "needs weights of 1"),
    "another norm": (
        {"limits": msgspec.structs.replace(LIMITS, max_norm=CLIP * GRAIN + 1)},
        "max_norm is not dp.clip grains",
    ),
    "less cost": ({"dp": noise(cost=member_noise().cost - 1)}, "not what the noise costs"),
    "more cost": ({"dp": noise(cost=member_noise().cost + 1)}, "not what the noise costs"),
    "too little budget": ({"dp": noise(budget=member_noise().cost - 1)}, "dp.budget is out of range"),
    "no power of two": ({"dp": noise(grain=3)}, "not a power of two"),
    "a grain above every value": ({"dp": noise(grain=1 << 21)}, "dp.grain is out of range"),
    "a variance that does not divide": ({"dp": noise(variance=6 * RATE + 1)}, "does not divide among the least set"),
    "too little variance": ({"dp": noise(variance=42)}, "dp.variance is out of range"),
    "too much variance": ({"dp": noise(variance=6 << 25)}, "dp.variance is out of range"),
    "no clip": ({"dp": noise(clip=0)}, "dp.clip is out of range"),
    "orders": ({"dp": noise(orders=1)}, "dp.orders is out of range"),
    "delta": ({"dp": noise(delta="0.50")}, "dp.delta is not valid"),
    "scope": ({"dp": noise(scope="two words")}, "dp.scope"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_hides_nobody_or_costs_something_else_is_refused(case: str) -> None:
    changes, message = REFUSED[case]
    with pytest.raises(Malformed, match=message):
        check(job(**changes))


def test_the_least_set_shares_the_noise() -> None:
    """So a set that is larger has more than the job promises, and never less."""
    assert least_set(NOISY) == 3
    assert least_set(msgspec.structs.replace(NOISY, smallest=5)) == 5
    assert least_set(msgspec.structs.replace(NOISY, smallest=5, threshold=7)) == 7
    assert member_noise().rate(3) * 2 * 3 == member_noise().variance
    assert room_of(member_noise(), 3, 7, 610).norm > room_of(member_noise(), 3, 3, 610).norm
