"""A number is read exactly or refused: nothing that a person would call text becomes one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from participant.tasks.data.numbers import TooLarge, read_number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_programs_write_is_read_back(number: float) -> None:
    assert read_number(repr(number)) == number


@given(st.integers(-(2**53), 2**53))
def test_whole_numbers_are_exact(number: int) -> None:
    assert read_number(str(number)) == number


@pytest.mark.parametrize(("text", "number"), [(" 1.5\t", 1.5), ("+.5", 0.5), ("5.", 5.0), ("1E3", 1000.0), ("-0", 0.0)])
def test_usual_forms_are_read(text: str, number: float) -> None:
    assert read_number(text) == number


TEXT = ["", " ", "1_000", "1 000", "1,5", "1\u00a0", "\u20031", "0x10", ".", "e5", "1e", "--1", "\u22121", "1\n"]
TEXT += ["nan", "inf", "Infinity", "1e99999", *("\uff10.5", "\uff15", "\u0663", "\u0967")]


@pytest.mark.parametrize("text", TEXT)
def test_anything_else_is_text(text: str) -> None:
    with pytest.raises(ValueError, match="not a number"):
        read_number(text)


@pytest.mark.parametrize("text", ["1e400", "-1e400", "9007199254740993", "12345678901234567891", "1e-400", "1" * 350])
def test_a_number_that_would_become_another_is_named(text: str) -> None:
    with pytest.raises(TooLarge):
        read_number(text)
