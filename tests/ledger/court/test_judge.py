"""The court's twin against plain Python: every lie falls, nothing honest does, and nothing bent is taken."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.court import INT32, MEAN, MEDIAN, TRIMMED, Game, terms_of

from ledger.court.judge import Holds, judge

EDGES = (0, 1, -1, 2, -2, 1 << 20, INT32 - 1, -INT32)
INTEGER = st.one_of(st.sampled_from(EDGES), st.integers(-INT32, INT32 - 1))


@st.composite
def games(draw: st.DrawFn) -> tuple[Game, int]:
    """A game whose last value is drawn, in a stream of one to four leaves; and a value's number."""
    rule = draw(st.sampled_from([MEAN, MEDIAN, TRIMMED]))
    members = draw(st.lists(st.integers(0, 254), min_size=1, max_size=8, unique=True))
    refused = frozenset(draw(st.sets(st.sampled_from(members), max_size=len(members) - 1)))
    most = (len(members) - len(refused) - 1) // 2
    values = draw(st.sampled_from([1, 2, 255, 256, 257, 600, 1000]))
    value = draw(st.integers(0, values - 1))
    random = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    updates = {member: random.integers(-1000, 1000, values).astype("<i4") for member in members}
    base = random.integers(-1000, 1000, values).astype("<i4")
    base[value] = draw(INTEGER)
    for stream in updates.values():
        stream[value] = draw(INTEGER)
    weights = {member: draw(st.sampled_from([1, 2, 3, 999, 1000])) for member in members}
    terms = terms_of(values, rule, draw(st.integers(0, most)) if rule == TRIMMED else 0)
    split = draw(st.integers(0, len(members) - 1))
    batches = bytes(size for size in (split, len(members) - split) if size)
    return Game(terms, base, updates, weights, refused, batches=batches), value


@settings(max_examples=1000)
@given(games(), st.sampled_from([0, 0, 1, -1, 1 << 30]))
def test_an_aggregate_is_convicted_exactly_where_plain_python_says_otherwise(drawn: tuple[Game, int], by: int) -> None:
    game, value = drawn
    expected = game.expected(value)
    claimed = min(max(expected + by, -INT32), INT32 - 1)
    game.model[value] = claimed
    if claimed == expected:
        with pytest.raises(Holds):
            judge(game.terms, game.name, game.accused, game.point(value))
    else:
        found = judge(game.terms, game.name, game.accused, game.point(value))
        assert (found.expected, found.actual) == (expected, claimed)
