"""Counts in words."""

import pytest

from ledger.formats.text import plural


@pytest.mark.parametrize(
    ("number", "nouns", "text"),
    [
        (0, ("update",), "0 updates"),
        (1, ("update",), "1 update"),
        (2000, ("update",), "2,000 updates"),
        (1, ("party", "parties"), "1 party"),
        (2, ("party", "parties"), "2 parties"),
    ],
)
def test_a_noun_fits_its_number(number: int, nouns: tuple[str, ...], text: str) -> None:
    assert plural(number, *nouns) == text
