"""The pages' two languages. All texts stand in texts.toml, English beside Traditional Chinese."""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

LANGUAGES = ("en", "zh-Hant")
COOKIE = "lang"
_PARTS = re.compile(r"([a-z]{1,8})(?:-[a-z0-9-]{1,30})?(?:\s*;\s*q=([0-9.]{1,6}))?", re.IGNORECASE)


class Texts:
    """The texts of one language: `texts("jobs")`, `texts("phases", "Collecting")`.

    Raises KeyError for a text that is in no catalogue; of a list of values, the ledger's own word is shown then.
    """

    def __init__(self, language: str) -> None:
        self.language = language
        self._texts = _catalogue()[language]

    def __call__(self, key: str, value: str | None = None) -> str:
        if value is None:
            return self._texts[key]
        return self._texts.get(f"{key}.{value}", value)


@cache
def texts(language: str) -> Texts:
    return Texts(language)


def choose(asked: str | None, cookie: str | None, accept: str) -> str:
    """The language to answer in: what the address asks for, else what was asked for before, else the browser's wish."""
    for word in (asked, cookie):
        found = _known(word or "")
        if found:
            return found
    wishes = [(float_or(q, 1.0), -place, tag) for place, (tag, q) in enumerate(_PARTS.findall(accept[:200]))]
    for weight, _, tag in sorted(wishes, reverse=True):
        found = _known(tag)
        if found and weight > 0:
            return found
    return LANGUAGES[0]


def float_or(text: str, other: float) -> float:
    """A number, or another where it is none."""
    try:
        return float(text)
    except ValueError:
        return other


def _known(tag: str) -> str:
    """Who reads any Chinese is given Traditional Chinese: the nearest there is."""
    start = tag.lower().split("-")[0]
    return {"en": "en", "zh": "zh-Hant"}.get(start, "")


@cache
def _catalogue() -> Mapping[str, Mapping[str, str]]:
    parsed = tomllib.loads(Path(__file__).parents[1].joinpath("texts.toml").read_text(encoding="utf-8"))
    rows = {key: row for key, row in parsed.items() if isinstance(row, list)}
    for group, values in parsed.items():
        if isinstance(values, dict):
            rows |= {f"{group}.{value}": row for value, row in values.items()}
    return {
        language: MappingProxyType({key: str(row[place]) for key, row in rows.items()})
        for place, language in enumerate(LANGUAGES)
    }
