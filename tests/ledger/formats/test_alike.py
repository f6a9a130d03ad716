"""What looks the same to a person and is not: a message says in what."""

import pytest

from ledger.formats.alike import difference, hint, twins


@pytest.mark.parametrize(
    ("text", "other", "said"),
    [
        ("Age", "age", "upper and lower case"),
        ("blood pressure", "blood_pressure", "spaces, _ or -"),
        ("blood  pressure", "blood pressure", "spaces, _ or -"),
        ("Ångström", "A\u030angstro\u0308m", "the Unicode form (composed or not)"),
        ("１2", "12", "wide or styled signs"),
        ("c\u0430rdio", "cardio", "look-alike signs"),
        ("a\u200bge", "age", "invisible signs"),
        ("\ufeffage", "age", "invisible signs"),
        ("age\ufe0f\U000e0041", "age", "invisible signs"),
        ("Blood Pressure", "blood_pressure", "upper and lower case and spaces, _ or -"),
        ("age", "age", ""),
        ("age", "dose", ""),
    ],
)
def test_what_two_texts_that_look_alike_differ_in(text: str, other: str, said: str) -> None:
    assert difference(text, other) == difference(other, text) == said


def test_a_hint_names_the_one_that_was_meant() -> None:
    assert hint("Age", ["dose", "age"]) == "'age' looks the same: they differ in upper and lower case"
    assert hint("weight", ["dose", "age"]) == ""


def test_twins_are_found_among_many() -> None:
    assert twins(["North", "South", "n\u043erth"]) == ("North", "n\u043erth")
    assert twins(["North", "South", "North"]) is None
