"""A task's settings: nothing unknown, nothing of the wrong kind, decimals as text."""

from collections.abc import Callable
from typing import Any

import pytest

from ledger.errors import Malformed
from participant.tasks.settings import Settings


def settings(**values: Any) -> Settings:
    return Settings("demo", values)


def test_values_are_read_by_kind() -> None:
    read = settings(a="x", b=3, c="0.05", d=["8", "4"], e=["0:1", "-1.5:2e3"], f=2)
    assert read.text("a", choices=("x", "y")) == "x"
    assert read.integer("b") == 3
    assert read.decimal("c") == 0.05
    assert read.sizes("d", []) == [8, 4]
    assert read.pairs("e", 2) == [(0.0, 1.0), (-1.5, 2000.0)]
    assert read.decimal("f") == 2.0
    assert read.integer("g", 7) == 7
    read.done()


def test_an_unknown_setting_is_refused_by_name() -> None:
    read = settings(learning_rat="0.1")
    read.decimal("learning_rate", "0.1")
    with pytest.raises(Malformed, match="no setting 'learning_rat'") as caught:
        read.done()
    assert caught.value.facts["known"] == "learning_rate"


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(Malformed, match="needs the setting 'columns'"):
        settings().unique("columns")


BAD: dict[str, tuple[Any, Callable[[Settings], object]]] = {
    "number for text": (3, lambda read: read.text("a")),
    "empty text": ("", lambda read: read.text("a")),
    "not a choice": ("z", lambda read: read.text("a", choices=("x", "y"))),
    "text for number": ("3", lambda read: read.integer("a")),
    "truth for number": (True, lambda read: read.integer("a")),
    "too small": (0, lambda read: read.integer("a")),
    "no decimal": ("fast", lambda read: read.decimal("a")),
    "not finite": ("nan", lambda read: read.decimal("a")),
    "infinite": ("inf", lambda read: read.decimal("a")),
    "underscore": ("1_0", lambda read: read.decimal("a")),
    "truth for decimal": (True, lambda read: read.decimal("a")),
    "negative": ("-1", lambda read: read.decimal("a")),
    "text for list": ("x", lambda read: read.texts("a")),
    "empty list": ([], lambda read: read.texts("a")),
    "twice": (["x", "x"], lambda read: read.unique("a")),
    "no sizes": (["8", "-4"], lambda read: read.sizes("a", [])),
    "too few ranges": (["0:1"], lambda read: read.pairs("a", 2)),
    "no range": (["0-1"], lambda read: read.pairs("a", 1)),
    "range upside down": (["1:0"], lambda read: read.pairs("a", 1)),
}


@pytest.mark.parametrize(("value", "reading"), BAD.values(), ids=BAD.keys())
def test_a_value_of_the_wrong_kind_is_refused_by_name(value: Any, reading: Callable[[Settings], object]) -> None:
    with pytest.raises(Malformed, match="setting 'a' of task 'demo'"):
        reading(settings(a=value))
