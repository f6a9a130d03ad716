"""Cells of a figure's CSV: no spreadsheet runs what somebody chose."""

import pytest

from web.drawing.tables import cell


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("-1.5", "-1.5"),
        ("North", "North"),
        ("=1+1", "'=1+1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        (" @SUM(A1)", "' @SUM(A1)"),
        ("Klinik A;=1+1", "Klinik A,=1+1"),
        ("Klinik A\uff1b=1+1", "Klinik A,=1+1"),
    ],
)
def test_a_text_that_begins_like_a_formula_or_ends_a_cell_is_text(text: str, shown: str) -> None:
    assert cell(text) == shown
