"""Counts in words, and JSON that is JSON."""

import json
from math import inf, nan

import pytest

from ledger.formats.text import json_text, plural


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


def test_what_is_said_to_be_json_is_json() -> None:
    def constant(name: str) -> None:
        raise AssertionError(name)

    document = {"loss": nan, "rows": [1, -inf, (inf, 0.5)], "auc": {"a": None, "b": "NaN"}}
    read = json.loads(json_text(document), parse_constant=constant)
    assert read == {"loss": "NaN", "rows": [1, "-Infinity", ["Infinity", 0.5]], "auc": {"a": None, "b": "NaN"}}
    assert json_text({"a": 0.5}) == '{"a": 0.5}'
    with pytest.raises(TypeError):
        json_text({"a": object()})
