"""Names in drawings fit, and are told apart."""

from hypothesis import given
from hypothesis import strategies as st

from web.drawing.names import short_name, told_apart

ROOM = 17


def test_any_name_fits() -> None:
    assert short_name("North", ROOM) == "\u2068North\u2069"
    assert len(short_name("x" * 5000, ROOM)) == ROOM + 2
    assert short_name("醫" * 50, ROOM) == "\u2068" + "醫" * 6 + "…" + "醫" * 2 + "\u2069"
    assert "\u202e" not in short_name("\u202eexe", ROOM)


def test_names_that_differ_at_their_ends_are_cut_in_the_middle() -> None:
    names = [f"Regional Hospital of the {place}" for place in ("North", "South")]
    assert told_apart(names, 15) == ["\u2068Regional H…orth\u2069", "\u2068Regional H…outh\u2069"]


def test_names_that_are_alike_get_numbers() -> None:
    told = [name.strip("\u2068\u2069") for name in told_apart(["North", "North", "South"], 15)]
    assert told == ["1: North", "2: North", "South"]


@given(st.lists(st.text(min_size=1, max_size=40), max_size=12), st.integers(8, 20))
def test_no_two_of_few_names_are_drawn_alike(names: list[str], room: int) -> None:
    told = told_apart(names, room)
    assert len(set(told)) == len(told)
    assert all(len(one) <= room + 2 for one in told)
