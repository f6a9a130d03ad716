"""Rows dealt to clients: each one once, the same on every machine, and nobody left without."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import UsageError
from participant.simulation.partitions import Classes, Dirichlet, Iid, divide, parse

ROWS = st.lists(st.integers(0, 4), min_size=1, max_size=60)


@given(rows=st.integers(1, 200), clients=st.integers(1, 20), seed=st.integers(0, 1 << 63))
def test_iid_deals_every_row_once_and_evenly(rows: int, clients: int, seed: int) -> None:
    if rows < clients:
        return
    places = divide(Iid(), rows, clients, seed)
    assert sorted(place for own in places for place in own) == list(range(rows))
    assert max(map(len, places)) - min(map(len, places)) <= 1
    assert places == divide(Iid(), rows, clients, seed)


@given(rows=ROWS, clients=st.integers(1, 8), alpha=st.fractions(Fraction(1, 100), 100), seed=st.integers(0, 99))
def test_dirichlet_deals_every_row_once_or_refuses(rows: list[int], clients: int, alpha: Fraction, seed: int) -> None:
    try:
        places = divide(Dirichlet(alpha), rows, clients, seed)
    except UsageError as error:
        assert error.advice
        return
    assert len(places) == clients
    assert all(places)
    assert sorted(place for own in places for place in own) == list(range(len(rows)))


@given(rows=ROWS, clients=st.integers(1, 8), number=st.integers(1, 5), seed=st.integers(0, 99))
def test_a_client_has_at_most_its_number_of_classes(rows: list[int], clients: int, number: int, seed: int) -> None:
    try:
        places = divide(Classes(number), rows, clients, seed)
    except UsageError as error:
        assert error.advice
        return
    dealt = [place for own in places for place in own]
    assert len(dealt) == len(set(dealt))
    assert all(0 < len({rows[place] for place in own}) <= number for own in places)
    if clients * number >= len(set(rows)):
        assert len(dealt) == len(rows)


def test_the_same_seed_deals_the_same_rows_on_every_machine() -> None:
    kinds = [row % 3 for row in range(12)]
    assert divide(Iid(), 7, 3, 1) == [[0, 2, 5], [1, 6], [3, 4]]
    assert divide(Dirichlet(Fraction(1, 2)), kinds, 3, 4) == [[1, 4, 7, 10, 11], [2, 8, 9], [0, 3, 5, 6]]
    assert divide(Classes(2), kinds, 4, 1) == [[0, 1, 3, 4], [2, 5, 10], [6, 8, 11], [7, 9]]


def test_small_alpha_makes_clients_unlike() -> None:
    kinds = [row % 2 for row in range(2000)]

    def spread(alpha: Fraction) -> float:
        places = divide(Dirichlet(alpha), kinds, 4, 3)
        return max(sum(kinds[place] for place in own) / len(own) for own in places)

    assert spread(Fraction(1, 10)) > 0.6
    assert 0.45 < spread(Fraction(1000)) < 0.6


def test_partitions_as_they_are_written() -> None:
    assert parse("iid") == Iid()
    assert parse("dirichlet:0.1") == Dirichlet(Fraction(1, 10))
    assert parse("classes:2") == Classes(2)


NONE = ["", "IID", "iid:1", "dirichlet", "dirichlet:", "dirichlet:0", "dirichlet:-1", "dirichlet:.", "dirichlet:nan"]
NEITHER = ["dirichlet:1e9", "dirichlet:1.2.3", "classes", "classes:0", "classes:1.5", "classes:-2", "classes:\u0662"]
LONG = [f"{kind}:{'9' * digits}" for kind in ("classes", "dirichlet") for digits in (13, 5000)]


@pytest.mark.parametrize("text", [*NONE, *NEITHER, *LONG], ids=lambda text: text[:24])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert caught.value.facts["expected"] == "iid, dirichlet:ALPHA, classes:K"


def test_more_clients_than_rows_are_refused() -> None:
    with pytest.raises(UsageError, match="more clients than rows") as caught:
        divide(Iid(), 3, 4, 1)
    assert dict(caught.value.facts) == {"clients": 4, "rows": 3}


def test_a_client_without_rows_is_named_with_the_way_out() -> None:
    with pytest.raises(UsageError, match="leaves a client without rows") as caught:
        divide(Dirichlet(Fraction(1, 100)), [0] * 20, 10, 1)
    assert "larger ALPHA" in caught.value.advice
    assert caught.value.facts["without_rows"] >= 1
    assert (caught.value.facts["partition"], type(caught.value.facts["client"])) == ("dirichlet:0.01", int)
    with pytest.raises(UsageError, match="leaves a client without rows") as caught:
        divide(Classes(1), [0] * 20 + [1], 10, 1)
    assert "ALPHA" not in caught.value.advice
    assert caught.value.facts["partition"] == "classes:1"


def test_more_classes_for_each_than_there_are_are_refused() -> None:
    with pytest.raises(UsageError, match="more classes than there are"):
        divide(Classes(3), [0, 1, 0, 1], 2, 1)


def test_rows_without_classes_are_dealt_evenly_only() -> None:
    with pytest.raises(UsageError, match="rows with classes") as caught:
        divide(Classes(1), 9, 2, 1)
    assert "iid" in caught.value.advice
