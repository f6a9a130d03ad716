"""The sampler of noise: its law is Skellam's, to the last of 128 bits, and everybody draws the same."""

import json
from fractions import Fraction
from itertools import accumulate
from math import factorial

import numpy as np
import pytest
from support.vectors import FOLDER

from ledger.masks.noise import MemberNoise
from ledger.masks.secret import Secret
from ledger.masks.skellam import Skellam, masses, reach, skellam, thresholds

RATES = (8, 9, 512, 4096)


def exact(rate: int) -> list[Fraction]:
    """Skellam's probabilities of 0, 1, …, as sums of products of Poisson's, but for e^(-2·rate): by its definition."""
    most = reach(rate)
    poisson = [Fraction(rate**n, factorial(n)) for n in range(2 * most + 1)]
    return [sum((poisson[n + k] * poisson[n] for n in range(most + 1)), Fraction(0)) for k in range(most + 1)]


def test_masses_are_those_of_the_definition_to_within_2_to_the_minus_108() -> None:
    rate = 8
    due, found = exact(rate), masses(rate)
    whole, weighed = due[0] + 2 * sum(due[1:]), found[0] + 2 * sum(found[1:])
    for k in range(reach(rate) + 1):
        assert abs(due[k] / whole - Fraction(found[k], weighed)) < Fraction(1, 1 << 115)


@pytest.mark.parametrize("rate", RATES)
def test_masses_give_mean_0_and_variance_2_rates(rate: int) -> None:
    found = masses(rate)
    whole = found[0] + 2 * sum(found[1:])
    variance = Fraction(2 * sum(k * k * one for k, one in enumerate(found)), whole)
    assert abs(variance / (2 * rate) - 1) < Fraction(1, 1 << 100)
    assert Fraction(found[-1], whole) < Fraction(1, 1 << 200), "what is cut off weighs nothing"


@pytest.mark.parametrize("rate", RATES)
def test_a_value_is_the_number_of_thresholds_reached(rate: int) -> None:
    law, found = Skellam(rate), thresholds(rate)
    assert found == sorted(found)
    assert found[-1] < 1 << 128
    draws = np.random.default_rng(rate)
    drawn = draws.integers(0, 1 << 64, 3000, "<u8", endpoint=False)
    high = np.array([one >> 64 for one in found if one], "<u8")
    near = np.concatenate([high, high - np.uint64(1), high + np.uint64(1)])
    words = np.concatenate([drawn, near, np.array([0, (1 << 64) - 1], "<u8")])
    values, open_ = law.values(words)
    tied = set(open_.tolist())
    assert {int(words[place]) for place in tied} >= set(map(int, high))
    for place, (word, value) in enumerate(zip(words.tolist(), values.tolist(), strict=True)):
        for lower in (0, 1 << 63, (1 << 64) - 1):
            number = (word << 64) + lower
            due = sum(one <= number for one in found) - reach(rate) if place < 40 or place in tied else None
            if due is not None:
                assert (law.settle(word, lower) if place in tied else value) == due


def test_the_largest_rate_has_thresholds_too() -> None:
    law = skellam(1 << 24)
    values, _ = law.values(np.random.default_rng(1).integers(0, 1 << 64, 200_000, "<u8", endpoint=False))
    assert abs(values.mean()) < 5 * np.sqrt(2 << 24) / np.sqrt(200_000)
    assert 0.98 < values.var() / (2 << 24) < 1.02


@pytest.mark.parametrize("rate", RATES)
def test_what_is_drawn_fits_the_law(rate: int) -> None:
    """Chi-squared over some 30 runs of values; the stream is always the same, so this holds or never does."""
    drawn = np.zeros(200_000, np.uint64)
    MemberNoise(rate, 1, Secret(bytes([rate % 251]) * 32)).apply(drawn, 0)
    values, found = drawn.view(np.int64), masses(rate)
    whole = found[0] + 2 * sum(found[1:])
    chance = [one / whole for one in [*found[:0:-1], *found]]
    edges, below = [], 0.0
    for place, reached in enumerate(accumulate(chance)):
        if reached - below > 1 / 30:
            edges.append(place - reach(rate))
            below = reached
    counted = np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1)
    sums = np.add.accumulate(chance)
    upto = [sums[edge + reach(rate)] for edge in edges]
    due = 200_000 * np.diff([0.0, *upto, 1.0])
    statistic = float(((counted - due) ** 2 / due).sum())
    freedom = len(edges)
    assert statistic < freedom + 5 * np.sqrt(2 * freedom)


def test_vectors() -> None:
    said = json.loads((FOLDER / "noise.json").read_text())
    for case in said["draws"]:
        drawn = np.zeros(case["count"], np.uint64)
        noise = MemberNoise(case["rate"], case["grain"], Secret(bytes.fromhex(case["seed"])))
        noise.apply(drawn, case["start"])
        assert drawn.view(np.int64).tolist() == case["values"]
    for case in said["thresholds"]:
        found = thresholds(case["rate"])
        assert len(found) == 2 * reach(case["rate"])
        for place, digits in case["at"].items():
            assert f"{found[int(place) + reach(case['rate'])]:032x}" == digits
    for case in said["ties"]:
        assert skellam(case["rate"]).settle(int(case["word"], 16), int(case["lower"], 16)) == case["value"]
