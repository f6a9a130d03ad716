"""The verifier's arithmetic against numpy and the project's rules: bounds, means, medians, headers, at the extremes."""

import math
import random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.bundle import verify_bundle as verifier
from ledger.formats import merkle
from ledger.formats.artifact import Layout, Tensor
from ledger.formats.header import Binding
from ledger.rounds.rules.arithmetic import Mean
from ledger.rounds.rules.median import median
from ledger.rounds.rules.trimmed_mean import trimmed_mean
from ledger.rounds.rules.weighted_mean import weighted_mean

LOWEST, HIGHEST = -(1 << 31), (1 << 31) - 1
EDGES = [LOWEST, LOWEST + 1, -7, -1, 0, 1, 6, HIGHEST - 1, HIGHEST]
INT32 = st.one_of(st.sampled_from(EDGES), st.integers(LOWEST, HIGHEST))
RULES = {"weighted_mean": 0, "median": 1, "trimmed_mean": 2}


def judged(values: list[int], most: int, norm: int = 1 << 62) -> int:
    """The verdict on an update of these values, in pieces of a leaf's size."""
    layout = verifier.Layout([{"name": "a", "shape": [len(values)]}])
    data = np.array(values, "<i4").tobytes()
    file = bytes(layout.header_size) + data
    update = object.__new__(verifier.Artifact)
    archive: Any = SimpleNamespace(get=lambda _, start, end: file[start : min(end, len(file))])
    update.archive, update.layout, update.leaves = archive, layout, [b""]
    document: Any = SimpleNamespace(max_value=most, max_norm=norm, layout=layout)
    return update.judge(document, merkle.root_of(data))


@settings(max_examples=500)
@given(st.lists(INT32, min_size=1, max_size=9), st.one_of(st.sampled_from([1, 7, HIGHEST]), st.integers(1, HIGHEST)))
def test_bounds_and_norm_are_those_of_the_values(values: list[int], limit: int) -> None:
    fits, squares = all(abs(value) <= limit for value in values), sum(value * value for value in values)
    assert judged(values, limit) == (verifier.ADMITTED if fits else verifier.RANGE)
    if fits and squares:
        norm = math.isqrt(squares - 1) + 1
        assert judged(values, limit, norm) == verifier.ADMITTED
        assert norm == 1 or judged(values, limit, norm - 1) == verifier.NORM


@pytest.mark.parametrize("count", [1, 2, 255, 256, 257, 16_385])
def test_a_bound_is_found_at_every_place(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifier, "PIECE", 1024)
    for place in {0, count // 2, count - 1}:
        values = [5] * count
        for bad in (6, -6):
            values[place] = bad
            assert (judged(values, 5), judged(values, 6)) == (verifier.RANGE, verifier.ADMITTED)


def theirs(rule: str, weights: list[int], updates: list[np.ndarray], trim: int) -> list[int]:
    """The mean update by the project's own rules."""

    def read(position: int) -> np.ndarray:
        return updates[position].copy()

    made: Mean = {
        "weighted_mean": lambda: weighted_mean(weights, read),
        "median": lambda: median(len(updates), read),
        "trimmed_mean": lambda: trimmed_mean(len(updates), trim, read),
    }[rule]()
    return [int(moved) for moved in made.divided()]


def mine(rule: str, base: np.ndarray, weights: list[int], updates: list[np.ndarray], trim: int) -> bytes | None:
    job: Any = SimpleNamespace(rule=RULES[rule], trim=trim)
    try:
        return verifier.make_piece(job, [values.tobytes() for values in (base, *updates)], weights)
    except OverflowError:
        return None


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=300)
@given(st.data())
def test_models_are_those_of_the_projects_rules(rule: str, data: st.DataObject) -> None:
    count, values = data.draw(st.integers(3, 8)), data.draw(st.integers(1, 5))
    updates = [np.array(data.draw(st.lists(INT32, min_size=values, max_size=values)), "<i4") for _ in range(count)]
    weights = data.draw(st.lists(st.integers(1, (1 << 24) - 1), min_size=count, max_size=count))
    base = np.array(data.draw(st.lists(INT32, min_size=values, max_size=values)), "<i4")
    expected = [int(b) + moved for b, moved in zip(base, theirs(rule, weights, updates, 1), strict=True)]
    fits = all(LOWEST <= value <= HIGHEST for value in expected)
    made = mine(rule, base, weights, updates, 1)
    assert made == (np.array(expected, "<i4").tobytes() if fits else None)


@pytest.mark.parametrize("extreme", [LOWEST, HIGHEST])
def test_255_updates_at_the_extremes_with_the_largest_weight(extreme: int) -> None:
    updates = [np.array([extreme, 0, extreme], "<i4")] * 255
    base = np.zeros(3, "<i4")
    assert mine("weighted_mean", base, [(1 << 24) - 1] * 255, updates, 0) == updates[0].tobytes()


@pytest.mark.parametrize(("number", "divisor", "expected"), [(1, 2, 1), (-1, 2, -1), (3, 2, 2), (-3, 2, -2), (1, 3, 0)])
def test_halves_go_away_from_zero(number: int, divisor: int, expected: int) -> None:
    assert verifier.mean(0, 0, [1] * divisor, [number] + [0] * (divisor - 1)) == expected
    updates = [np.array([number], "<i4"), *[np.array([0], "<i4")] * (divisor - 1)]
    made = mine("weighted_mean", np.zeros(1, "<i4"), [1] * divisor, updates, 0)
    assert made == np.array([expected], "<i4").tobytes()


@pytest.mark.parametrize("value", [HIGHEST, LOWEST])
@pytest.mark.parametrize("rule", RULES)
def test_a_value_beyond_int32_makes_no_model(rule: str, value: int) -> None:
    updates = [np.array([0, 1 if value > 0 else -1], "<i4")] * 3
    assert mine(rule, np.array([5, value], "<i4"), [1, 2, 3], updates, 1) is None


NAMES = ["A", "Z.weight", "__metadata", "__metadata__a", "a", "layer.0.weight", "~"]
CONTRACT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
PARTY = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


def layouts(names: list[str]) -> tuple[Layout, verifier.Layout]:
    shapes = {name: tuple(range(1, 2 + place % 3)) for place, name in enumerate(names)}
    tensors = tuple(Tensor(name, shape) for name, shape in shapes.items())
    return Layout(tensors), verifier.Layout([{"name": name, "shape": list(shape)} for name, shape in shapes.items()])


@given(st.sets(st.sampled_from(NAMES), min_size=1), st.booleans(), st.integers(1, (1 << 32) - 1))
def test_headers_are_those_of_the_project(names: set[str], platform: bool, rows: int) -> None:
    layout, own = layouts(sorted(names))
    assert (own.header_size, own.size, own.values) == (layout.header_size, layout.size, layout.values)
    place: dict[str, Any] = {"chain": 31337, "contract": CONTRACT, "job": 1, "round": 2, "base": b"\x07" * 32}
    binding = Binding(kind="update", party=PARTY, **place)
    header = layout.header(binding.on(rows, b"\x01" * 32, b"\x02" * 32 if platform else b""))
    said = (place["base"].hex(), 31337, CONTRACT, 1, PARTY, 2)
    assert own.is_update(header, *said)
    for wrong in range(6):
        assert not own.is_update(header, *said[:wrong], "other", *said[wrong + 1 :])
    assert own.header(b'{"format":"fedledger/1","kind":"initial"}') == layout.header(Binding(kind="initial"))


@pytest.mark.parametrize("seed", range(3))
def test_a_bent_header_is_refused_by_both_or_by_none(seed: int) -> None:
    chance = random.Random(seed)
    layout, own = layouts(NAMES)
    binding = Binding(kind="update", party=PARTY, chain=31337, contract=CONTRACT, job=1, round=2, base=b"\x07" * 32)
    header = layout.header(binding.on(10, b"\x01" * 32, b"\x02" * 32 if seed else b""))
    said = (binding.base.hex(), 31337, CONTRACT, 1, PARTY, 2)
    text = len(header.rstrip(b" ")) + 2
    for _ in range(1_500):
        bent = bytearray(header)
        for _ in range(chance.choice([1, 1, 2])):
            usual = chance.random() < 0.7
            bent[chance.randrange(text)] = chance.choice(b'0189afgF",:{} ') if usual else chance.randrange(256)
        assert own.is_update(bytes(bent), *said) == (layout.bound(bytes(bent), binding) is not None)
    for rows in (b"0", b"4294967296", b"04", b"12345678901"):
        bent_rows = header.replace(b'"rows":"10"', b'"rows":"%b"' % rows)[: len(header)].ljust(len(header))
        assert own.is_update(bent_rows, *said) == (layout.bound(bent_rows, binding) is not None)
