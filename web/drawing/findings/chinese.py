"""A finding in Traditional Chinese, with the error that may be in it: its message, and its facts, one a line."""

import re
from functools import lru_cache

from markupsafe import Markup, escape

from ledger.errors import plain
from web.drawing.findings.rules import Table, fact_names, rules

LONGEST = 1000
"""Characters; a longer text stays in English."""
_DEEPEST = 4
_FACT = "\n  "
"""What stands before each fact of an error (`FedledgerError`)."""
_WORDS = re.compile(r"[A-Za-z]{2,} [A-Za-z]{2,}")


def in_chinese(text: str) -> Markup | None:
    """A finding's text, or a claim's with the reason behind a colon; None for any other.

    An error's words that have no Chinese are in it as they are, marked as English.
    """
    text = plain(text)
    if not 0 < len(text) <= LONGEST:
        return None
    claim, _, why = text.partition(": ")
    whole, parts = _finding(text, _DEEPEST), [_finding(claim, _DEEPEST), _finding(why, _DEEPEST)]
    return whole or (Markup("：").join(filter(None, parts)) if all(parts) else None)


def error_in_chinese(text: str, deep: int = _DEEPEST) -> Markup | None:
    """An error's text with its facts; None where its message has no Chinese."""
    message, *facts = text.split(_FACT)
    known = _by_rule("errors", message, deep) or _finding(message, deep)
    if known is None or not facts:
        return known
    return Markup("{}（{}）").format(known, Markup("；").join(_fact(line, deep) for line in facts))


def english(text: str) -> Markup:
    """Words of others, for pages in another language."""
    return Markup('<span lang="en">{}</span>').format(text)


@lru_cache(maxsize=4096)
def _finding(text: str, deep: int) -> Markup | None:
    return _by_rule("texts", text, deep)


def _by_rule(table: Table, text: str, deep: int) -> Markup | None:
    """The first rule that fits; what stands in its gaps is translated where it can be."""
    for rule in rules(table):
        if found := rule.english.fullmatch(text):
            gaps = {name: _gap(name, gap, deep - 1) for name, gap in found.groupdict().items()}
            return escape(rule.chinese).format(**gaps)
    return None


def _gap(name: str, text: str, deep: int) -> str:
    if name.startswith("e"):
        return (error_in_chinese(text, deep) if deep >= 0 else None) or english(text)
    return (_finding(text, deep) if deep >= 0 else None) or text


def _fact(line: str, deep: int) -> Markup:
    """A fact, its name in Chinese. What holders said is a list of errors."""
    name, _, value = line.partition(": ")
    known = fact_names().get(name)
    if known is None:
        return english(line)
    answers = value.split("; ") if name == "holders" else [value]
    return Markup("{}：{}").format(known, Markup("、").join(_value(one, deep) for one in answers))


def _value(text: str, deep: int) -> Markup:
    """An error's message, or one behind its holder's name; words that are neither are marked, and data is left."""
    holder, colon, said = text.partition(": ")
    if colon and (answer := _by_rule("errors", said, deep)):
        return Markup("{}：{}").format(holder, answer)
    known = _by_rule("errors", text, deep)
    return known or (english(text) if _WORDS.search(text) else escape(text))
