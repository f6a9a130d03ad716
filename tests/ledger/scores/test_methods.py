"""Scoring methods: the exact ones have the properties that define them, and all are the same for everyone."""

from collections.abc import Callable
from fractions import Fraction
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.formats.draws import Draws
from ledger.jobs.scores import (
    GtgShapley,
    LeaveOneOut,
    Measured,
    PairedRegression,
    PrivateSets,
    Shapley,
    SurrogateShapley,
    TruncatedMonteCarlo,
)
from ledger.scores import methods as scoring
from ledger.scores.game import Game, TooFewEvaluations, TooFewPlayers, TooManyPlayers
from ledger.scores.utility import BOUND, BadUtility

FIELDS: dict[str, Any] = {"utility": "accuracy", "evidence": PrivateSets()}
SEED = bytes(range(32))
METHODS: list[Measured] = [
    Shapley(**FIELDS),
    LeaveOneOut(**FIELDS),
    TruncatedMonteCarlo(**FIELDS, evaluations=40, tolerance=0),
    GtgShapley(**FIELDS, evaluations=40, tolerance=0),
    PairedRegression(**FIELDS, evaluations=40),
    SurrogateShapley(**FIELDS, evaluations=40),
]
worth = st.integers(-BOUND, BOUND)


@st.composite
def games(draw: st.DrawFn, most: int = 6) -> tuple[int, list[int]]:
    """A number of players, and what each coalition is worth, by its members' bits."""
    players = draw(st.integers(2, most))
    return players, draw(st.lists(worth, min_size=1 << players, max_size=1 << players))


def table(worths: list[int]) -> Callable[[frozenset[int]], int]:
    return lambda members: worths[sum(1 << k for k in members)]


def scored(players: int, worths: list[int]) -> list[Fraction]:
    return scoring.shapley(Game(players, table(worths)))


@given(games())
def test_shapley_is_efficient(game: tuple[int, list[int]]) -> None:
    players, worths = game
    assert sum(scored(players, worths)) == worths[-1] - worths[0]


@given(games(), st.data())
def test_shapley_is_symmetric(game: tuple[int, list[int]], data: st.DataObject) -> None:
    """Players that add the same to every coalition score the same; swapping two swaps their scores."""
    players, worths = game
    one, other = data.draw(st.permutations(range(players)))[:2]

    def swapped(number: int) -> int:
        first, second = number >> one & 1, number >> other & 1
        return number & ~(1 << one | 1 << other) | first << other | second << one

    before, after = scored(players, worths), scored(players, [worths[swapped(k)] for k in range(1 << players)])
    assert (after[one], after[other]) == (before[other], before[one])
    even = scored(players, [max(worths[k], worths[swapped(k)]) for k in range(1 << players)])
    assert even[one] == even[other]


@given(games(), st.data())
def test_a_player_that_adds_nothing_scores_nothing(game: tuple[int, list[int]], data: st.DataObject) -> None:
    players, worths = game
    idle = data.draw(st.integers(0, players - 1))
    without = [worths[number & ~(1 << idle)] for number in range(1 << players)]
    assert scored(players, without)[idle] == 0


@given(games(most=5), st.data())
def test_shapley_adds_up_over_games(game: tuple[int, list[int]], data: st.DataObject) -> None:
    players, worths = game
    half = [w // 2 for w in worths]
    others = data.draw(st.lists(st.integers(-1000, 1000), min_size=1 << players, max_size=1 << players))
    both = [a + b for a, b in zip(half, others, strict=True)]
    sums = [a + b for a, b in zip(scored(players, half), scored(players, others), strict=True)]
    assert scored(players, both) == sums


@given(games(most=5))
def test_shapley_is_the_mean_over_all_orders(game: tuple[int, list[int]]) -> None:
    players, worths = game
    value, totals, orders = table(worths), [Fraction(0)] * players, list(permutations(range(players)))
    for order in orders:
        for at, player in enumerate(order):
            totals[player] += value(frozenset(order[: at + 1])) - value(frozenset(order[:at]))
    assert scored(players, worths) == [total / len(orders) for total in totals]


@given(st.lists(worth, min_size=2, max_size=8), worth)
def test_the_regressions_are_exact_for_players_that_only_add_up(gains: list[int], base: int) -> None:
    """Where nobody interacts, a tenth of the coalitions says all; rounding of floats is far below one part."""
    gains = [gain // 1000 for gain in gains]

    def value(members: frozenset[int]) -> int:
        return base // 1000 + sum(gains[k] for k in members)

    method = PairedRegression(**FIELDS, evaluations=2 * len(gains) + 2)
    assert scoring.scores(method, [1] * len(gains), SEED, value) == tuple(gains)


@given(st.lists(st.integers(-10_000, 10_000), min_size=15, max_size=15))
def test_the_paired_regression_is_exact_for_interactions_of_two(numbers: list[int]) -> None:
    alone, together = numbers[:5], iter(numbers[5:])
    pairs = {(i, j): next(together) for i in range(5) for j in range(i)}

    def value(members: frozenset[int]) -> int:
        return sum(alone[k] for k in members) + sum(g for (i, j), g in pairs.items() if {i, j} <= members)

    exact = scoring.scores(Shapley(**FIELDS), [1] * 5, SEED, value)
    guess = scoring.values(PairedRegression(**FIELDS, evaluations=12), Game(5, value, 12), [1] * 5, Draws(SEED))
    assert all(abs(a - b) < 1 for a, b in zip(guess, exact, strict=True))


@given(games(most=5))
def test_the_surrogate_is_efficient(game: tuple[int, list[int]]) -> None:
    players, worths = game
    found = scoring.surrogate_shapley(Game(players, table(worths), 40), Draws(SEED), [3] * players)
    assert sum(found) == worths[-1] - worths[0]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.method)
def test_a_method_is_a_function_of_game_and_seed(method: Measured) -> None:
    def value(members: frozenset[int]) -> int:
        return sum(k * k * 1000 for k in members) - 37 * len(members) ** 3 + (1 in members and 4 in members) * 500

    first = scoring.scores(method, range(1, 7), SEED, value)
    assert first == scoring.scores(method, range(1, 7), SEED, value)
    assert len(first) == 6
    exact = scoring.scores(METHODS[0], range(1, 7), SEED, value)
    assert sorted(range(6), key=first.__getitem__)[-1] == sorted(range(6), key=exact.__getitem__)[-1]


SAMPLED = [method for method in METHODS if hasattr(method, "evaluations")]


@pytest.mark.parametrize("method", SAMPLED, ids=lambda method: method.method)
def test_a_budget_is_kept_and_no_coalition_is_measured_twice(method: Measured) -> None:
    asked: list[frozenset[int]] = []

    def value(members: frozenset[int]) -> int:
        asked.append(members)
        return len(members) ** 2

    scoring.scores(method, [1] * 9, SEED, value)
    assert len(asked) == len(set(asked)) <= 40


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.method)
def test_equal_utilities_score_everyone_zero(method: Measured) -> None:
    assert scoring.scores(method, [1] * 5, SEED, lambda _: 123_456) == (0,) * 5


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.method)
def test_one_update_alone_cannot_be_scored(method: Measured) -> None:
    with pytest.raises(TooFewPlayers, match="two genuine updates") as caught:
        scoring.scores(method, [1], SEED, lambda _: 0)
    assert caught.value.facts["players"] == 1


WRONG = [float("nan"), 0.5, None, True, "1", BOUND + 1, -BOUND - 1]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.method)
@pytest.mark.parametrize("value", WRONG)
def test_a_utility_that_is_none_is_refused(method: Measured, value: Any) -> None:
    with pytest.raises(BadUtility) as caught:
        scoring.scores(method, [1] * 4, SEED, lambda _: value)
    assert caught.value.facts["actual"] is value


@pytest.mark.parametrize("method", [METHODS[0], METHODS[5]], ids=lambda method: method.method)
def test_more_than_twelve_cannot_be_scored_exactly(method: Measured) -> None:
    with pytest.raises(TooManyPlayers) as caught:
        scoring.scores(method, [1] * 13, SEED, lambda _: 0)
    assert caught.value.facts["maximum"] == 12


@pytest.mark.parametrize("method", [*SAMPLED, METHODS[1]], ids=lambda method: method.method)
def test_a_budget_too_small_is_named(method: Measured) -> None:
    game = Game(12, len, 5)
    with pytest.raises(TooFewEvaluations):
        scoring.values(method, game, [1] * 12, Draws(SEED))


def test_gtg_leaves_an_idle_round_alone() -> None:
    """Between-round truncation: two evaluations, and everyone scores nothing."""
    game = Game(5, lambda members: 100 + len(members) % 5, 40)
    assert scoring.gtg_shapley(game, Draws(SEED), 0) == [0] * 5
    assert game.measured == 2


def test_gtg_lets_players_come_first_in_turn() -> None:
    asked: list[frozenset[int]] = []

    def value(members: frozenset[int]) -> int:
        asked.append(members)
        return len(members) ** 2

    scoring.gtg_shapley(Game(4, value, 16), Draws(SEED), 0)
    assert [members for members in asked if len(members) == 1] == [frozenset({k}) for k in range(4)]


def test_truncation_saves_evaluations() -> None:
    def value(members: frozenset[int]) -> int:
        return min(len(members), 2) * 1000

    game = Game(8, value, 200)
    scoring.truncated_monte_carlo(game, Draws(SEED), 0)
    assert game.measured < 2 + 8 + 28 + 1


@given(st.binary(min_size=32, max_size=32), st.integers(1, 300))
def test_an_order_has_everyone_once(seed: bytes, count: int) -> None:
    assert sorted(Draws(seed).order(count)) == list(range(count))


def test_the_draws_of_a_seed_are_pinned() -> None:
    """docs/spec/scores.md shows these."""
    draws = Draws(bytes(32))
    assert draws.order(10) == EXPECTED_ORDER
    assert [draws.below(1000) for _ in range(3)] == EXPECTED_BELOW


EXPECTED_ORDER = [7, 6, 9, 5, 4, 2, 3, 1, 0, 8]
EXPECTED_BELOW = [263, 752, 56]


@given(st.integers(1, 1 << 64))
def test_draws_stay_below_their_limit(limit: int) -> None:
    draws = Draws(SEED)
    assert all(0 <= draws.below(limit) < limit for _ in range(5))


@pytest.mark.parametrize("seed", [b"", bytes(31), bytes(33)])
def test_a_seed_is_32_bytes(seed: bytes) -> None:
    with pytest.raises(Malformed, match="32 bytes"):
        Draws(seed)


@pytest.mark.parametrize(
    ("share", "score"),
    [(Fraction(1, 2), 1), (Fraction(-1, 2), -1), (Fraction(1, 3), 0), (Fraction(-2, 3), -1), (Fraction(5, 2), 3)],
)
def test_scores_round_half_away_from_zero(share: Fraction, score: int) -> None:
    assert scoring.to_scores([share]) == (score,)
