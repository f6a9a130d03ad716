"""The pages' two languages. All texts are in texts.toml, English beside Traditional Chinese; what audits say is in
`web.drawing.findings`.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from markupsafe import Markup

from ledger.audit.report import Check
from ledger.rounds.admission import Verdict

LANGUAGES = ("en", "zh-Hant")
COOKIE = "lang"
_PARTS = re.compile(r"([a-z]{1,8})(?:-[a-z0-9-]{1,30})?(?:\s*;\s*q=([0-9.]{1,6}))?", re.IGNORECASE)


class Texts:
    """The texts of one language: `texts("jobs")`, `texts("phases", "Collecting")`, `texts.count("rounds", 2)`.

    Raises KeyError for a text that is not in the catalogue; a value of a list falls back to the ledger's own word.
    """

    def __init__(self, language: str) -> None:
        self.language = language
        self._texts = _catalogue()[language]

    def __call__(self, key: str, value: str | None = None) -> str:
        if value is None:
            return self._texts[key]
        return self._texts.get(f"{key}.{value}", value)

    def count(self, key: str, number: int) -> str:
        """A number with its noun: "1 round", "2 rounds"."""
        return self._texts[f"counts.{key}.{'one' if number == 1 else 'other'}"].format(n=f"{number:,}")

    def problem(self, name: str) -> tuple[str, str] | None:
        """An error in this language: what is wrong and what to do; None where the error's own words are in it, or it
        has no others."""
        what = self._texts.get(f"problems.{name}.what")
        return (what, self._texts[f"problems.{name}.way"]) if what else None

    @property
    def refusals(self) -> Mapping[str, str]:
        """What scripts say of a refusal, by its name; nothing where the refusal's own words are in this language."""
        found = {
            key.removeprefix("refusals."): text for key, text in self._texts.items() if key.startswith("refusals.")
        }
        return {name: text for name, text in found.items() if text}

    def groups(self, *names: str) -> dict[str, str]:
        """The texts of tables for scripts, by their keys there."""
        parts = ((*key.partition("."), text) for key, text in self._texts.items())
        return {value: text for group, _, value, text in parts if group in names}

    def word(self, key: str) -> Markup:
        """A word that a reader may not know, with its meaning to open: by touch, by keyboard, without scripts."""
        name, meaning = self._texts[f"words.{key}.name"], self._texts[f"words.{key}.meaning"]
        return Markup('<details class="term"><summary>{}</summary><span>{}</span></details>').format(name, meaning)


@cache
def texts(language: str) -> Texts:
    return Texts(language)


def choose(query: str | None, cookie: str | None, accept: str) -> str:
    """The language of a response: that of the address, else that chosen before, else what the browser prefers."""
    for word in (query, cookie):
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
    """A number, or another if the text is not one."""
    try:
        return float(text)
    except ValueError:
        return other


def _known(tag: str) -> str:
    """For any Chinese the nearest language there is, Traditional Chinese."""
    start = tag.lower().split("-")[0]
    return {"en": "en", "zh": "zh-Hant"}.get(start, "")


@cache
def _catalogue() -> Mapping[str, Mapping[str, str]]:
    parsed = tomllib.loads(Path(__file__).parents[1].joinpath("texts.toml").read_text(encoding="utf-8"))
    rows: dict[str, Sequence[str]] = {key: row for key, row in parsed.items() if isinstance(row, list)}
    for group, values in parsed.items():
        if isinstance(values, dict):
            for value, row in values.items():
                rows |= _rows(group, value, row)
    return {
        language: MappingProxyType({key: str(row[place]) for key, row in rows.items()})
        for place, language in enumerate(LANGUAGES)
    }


_LEDGER_WORDS = {
    "admission": {verdict.name: verdict.meaning for verdict in Verdict},
    "checks_of": {check.name: check.title for check in Check},
}
"""English that the ledger has itself."""


def _rows(group: str, value: str, row: Any) -> dict[str, Sequence[str]]:
    """A row of a table as texts in both languages."""
    if group == "counts":
        one, other, chinese = row
        return {f"counts.{value}.one": (one, chinese), f"counts.{value}.other": (other, chinese)}
    if group == "problems":
        what, way = row
        return {f"problems.{value}.what": ("", what), f"problems.{value}.way": ("", way)}
    if group == "words":
        name, meaning, *chinese = row
        return {f"words.{value}.name": (name, chinese[0]), f"words.{value}.meaning": (meaning, chinese[1])}
    if group == "refusals":
        return {f"refusals.{value}": ("", row)}
    if group in _LEDGER_WORDS:
        return {f"{group}.{value}": (_LEDGER_WORDS[group][value], row)}
    return {f"{group}.{value}": row}
