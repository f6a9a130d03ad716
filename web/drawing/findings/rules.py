"""The rules of findings.toml: English with gaps, beside its Chinese."""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

Table = Literal["texts", "errors"]
_GAP = re.compile(r"\\\{(\w+)\\\}")


class Rule(NamedTuple):
    """English with its gaps as named groups, and the Chinese in which the same gaps are."""

    english: re.Pattern[str]
    chinese: str


@cache
def rules(table: Table) -> tuple[Rule, ...]:
    """All rules of a table, those with the most words of their own first."""
    rows = sorted(_parsed()[table], key=lambda row: -len(re.sub(r"\{\w+\}", "", row[0])))
    return tuple(Rule(re.compile(_GAP.sub(_gap, re.escape(english)), re.DOTALL), chinese) for english, chinese in rows)


@cache
def fact_names() -> Mapping[str, str]:
    """What errors call their facts, in Chinese."""
    return MappingProxyType(_parsed()["facts"])


@cache
def _parsed() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).parents[2].joinpath("findings.toml").read_text(encoding="utf-8"))


def _gap(found: re.Match[str]) -> str:
    """A gap for digits, or for anything."""
    name = found[1]
    return f"(?P<{name}>-?[0-9,]+)" if name.startswith("n") else f"(?P<{name}>.+?)"
