"""The texts of the pages: each is there in both languages with the same places for values, and none is left over."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
SOURCES = ("web/**/*.py", "web/**/*.html", "web/**/*.xml", "web/**/*.js", "ledger/**/*.py")
COMPOSED = ("events", "verify_codes")
"""Tables whose keys are two words of the sources."""


def texts() -> Iterator[tuple[str, str, Any]]:
    """Table, key and text of each."""

    def walk(table: dict[str, Any], name: str) -> Iterator[tuple[str, str, Any]]:
        for key, value in table.items():
            if isinstance(value, dict):
                yield from walk(value, f"{name}.{key}" if name else key)
            else:
                yield name, key, value

    return walk(tomllib.loads((ROOT / "web" / "texts.toml").read_text(encoding="utf-8")), "")


def left_over(named: list[tuple[str, str]]) -> list[str]:
    """Keys that no source names: whole, as the name of a class, or behind the beginning of one that is put together."""
    sources = "\n".join(path.read_text(encoding="utf-8") for glob in SOURCES for path in sorted(ROOT.glob(glob)))
    words = set(re.findall(r"[\w-]+", sources))
    words |= {re.sub(r"(?<!^)(?=[A-Z])", "_", word).lower() for word in words if word[0].isupper()}
    beginnings = set(re.findall(r"""(\w+)_(?:\$?\{|["'`])""", sources))

    def is_used(table: str, key: str) -> bool:
        parts = [(key[: at.start()], key[at.end() :]) for at in re.finditer("_", key)]
        whole = table in COMPOSED and any(one in words and other in words for one, other in parts)
        return key in words or whole or any(one in beginnings for one, _ in parts)

    return [f"{table}.{key}" for table, key in named if not is_used(table, key)]


def test_no_text_is_left_over() -> None:
    named = [("desk", "handed_over_in"), *((table, key) for table, key, _ in texts())]
    assert left_over(named) == ["desk.handed_over_in"]


def test_each_text_has_the_same_places_in_both_languages() -> None:
    for table, key, text in texts():
        both = text if isinstance(text, list) else [text]  # the English of some is the ledger's
        assert all(one.strip() for one in both), f"{table}.{key}"
        places = [set(re.findall(r"\{(\w+)[^}]*\}", one)) for one in both]
        assert all(one == places[0] for one in places), f"{table}.{key}"
