"""A job's `dp`: one way to say it, and a cost that nobody can say otherwise."""

import json
from typing import Any

import pytest
from msgspec.structs import replace
from support.worlds.world import World

from ledger.errors import Malformed
from ledger.jobs.document import Job, check, parse
from ledger.jobs.noise import MAX_BUDGET, ExampleNoise, cost_of, scope_key

NOISE = ExampleNoise(
    clip="1",
    noise="2.36",
    sampling="0.28",
    steps=4,
    delta="0.00001",
    orders=8,
    cost=cost_of("2.36", "0.28", 4, 8),
    budget=10**10,
    scope="patients-2026",
)
PLAIN = World().job
JOB: Job = replace(PLAIN, dp=NOISE)


def changed(**fields: Any) -> bytes:
    document = json.loads(JOB.encode())
    document["dp"] |= fields
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_a_job_without_noise_says_nothing_of_it() -> None:
    assert b'"dp"' not in PLAIN.encode()
    assert parse(PLAIN.encode()).dp is None


def test_a_job_with_noise_is_read_again() -> None:
    assert parse(JOB.encode()) == JOB
    assert json.loads(JOB.encode())["dp"]["level"] == NOISE.level == "example"
    check(JOB)


@pytest.mark.parametrize("value", [None, {}, "none", {"level": "none"}, {"level": "client"}])
def test_what_is_no_noise_is_refused(value: Any) -> None:
    document = json.loads(JOB.encode()) | {"dp": value}
    with pytest.raises(Malformed):
        parse(json.dumps(document, sort_keys=True, separators=(",", ":")).encode())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(
            ("noise", text)
            for text in ("2.360", "02.36", "+2.36", "2,36", "2.", ".5", "1e1", "", "0.09", "1000001", "٢")
        ),
        *(("sampling", text) for text in ("0", "1.1", "1.0", "0.0000001", "-0.1")),
        *(("clip", text) for text in ("0", "0.0000001", "NaN", "inf", "1" * 300)),
        *(("delta", text) for text in ("0", "0.2", "0.00000000000001")),
        *(("steps", number) for number in (0, 65537, -1)),
        *(("orders", number) for number in (1, 257)),
        *(("cost", number) for number in (0, NOISE.cost - 1, NOISE.cost + 1)),
        *(("budget", number) for number in (NOISE.cost - 1, MAX_BUDGET + 1)),
        *(("scope", text) for text in ("", "a b", "x" * 201, 'a"b')),
    ],
)
def test_what_is_out_of_bounds_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(Malformed, match=rf"dp\.{field}"):
        parse(changed(**{field: value}))


@pytest.mark.parametrize(
    "fields",
    [
        {"noise": "0.1", "cost": cost_of("0.1", "0.28", 4, 8), "budget": MAX_BUDGET},
        {"sampling": "1", "cost": cost_of("2.36", "1", 4, 8)},
        {"orders": 256, "cost": cost_of("2.36", "0.28", 4, 256)},
        {"budget": NOISE.cost},
    ],
)
def test_what_is_within_is_read(fields: dict[str, Any]) -> None:
    assert parse(changed(**fields)).dp == replace(NOISE, **fields)


def test_another_field_is_refused() -> None:
    with pytest.raises(Malformed, match="seed"):
        parse(changed(seed=1))


def test_a_scope_has_a_key_of_its_own() -> None:
    assert NOISE.scope_key == scope_key("patients-2026")
    assert len({scope_key(name) for name in ("a", "b", "ab")}) == 3


def test_words_say_what_a_budget_is() -> None:
    assert NOISE.rounds == 10**10 // NOISE.cost
    assert str(NOISE.epsilon(NOISE.budget)) in NOISE.words
    assert NOISE.epsilon(NOISE.cost) < NOISE.epsilon(NOISE.budget)
