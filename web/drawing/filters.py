"""What templates turn values into: filters and tests. Everything that comes from elsewhere is escaped."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from markupsafe import Markup

from ledger.errors import plain
from ledger.events.records import Role
from ledger.history.state import Phase
from ledger.jobs.analysis import asked_in
from ledger.jobs.document import Job
from ledger.jobs.limits import limit_words
from web.drawing import activity, assets, cards, columns, figures, scores
from web.drawing.figure import places
from web.drawing.findings.chinese import english, in_chinese
from web.drawing.identifiers import code, explored, identifier, transaction
from web.drawing.moments import moment, when
from web.drawing.names import name, short_name
from web.drawing.tables import NUMBER
from web.drawing.trace import draw

_PLAIN = re.compile(r"-?[0-9]+(?:\.[0-9]+)?", re.ASCII)
"""A number without an exponent, whose digits stay as they are."""
_ADDRESS = re.compile(r"(?<![\w/.:@-])/(?!/)[\w@~/-]*+(?:\.[\w@~/-]++)*+(?!\?)", re.ASCII)
"""An address of this server in a sentence."""


def under_way(phase: str) -> bool:
    """Whether a round in this phase has not ended."""
    return not Phase(phase).terminal


def fill(text: str, **parts: Any) -> Markup:
    """A text of the catalogue with its gaps filled: what comes from elsewhere is escaped, markup stays."""
    return Markup(text).format(**parts)  # noqa: S704  the text is ours


def roles(number: int) -> list[str]:
    """The names of roles that were added up; unknown ones are left out."""
    return [str(role.name).lower() for role in Role if role & number]


def percent(parts: int) -> str:
    """Ten-thousandths in percent."""
    return f"{parts / 100:g}"


def number(text: str) -> Markup:
    """A decimal number from a report: thousands apart and four places are shown, all can be read."""
    whole, _, places = text.partition(".")
    if len(whole) <= 12 and len(places) <= 4:
        return Markup("{}").format(f"{Decimal(text):,}" if _PLAIN.fullmatch(text) else text)
    shown = f"{float(text):,.4f}" if len(whole) <= 12 else f"{float(text):.3e}"
    return Markup('<span title="{}">{}</span>').format(text, shown)


def cell(text: str) -> str:
    """A cell of a figure's table: of a number four places, which its file has whole; anything else as it is."""
    return places(text) if NUMBER.fullmatch(text) else short_name(text)


def limit(counted: int, job: Job) -> Markup:
    """A limit of values or norms, as the command line shows it: real first, then as the ledger counts it."""
    real, _, told = limit_words(job, counted).partition(" ")
    return Markup('{} <span class="quiet">{}</span>').format(real, told)


def signed(text: str) -> Markup:
    """A difference, with its sign."""
    return Markup("{}{}").format("" if text.startswith("-") or not float(text) else "+", number(text))


def score(parts: int, unit: str) -> Markup:
    """A score in the unit of its utility; its title has the parts per million."""
    exact = f"{parts:+,} ppm".replace("-", "\u2212") if parts else "0 ppm"
    return Markup('<span title="{}">{}</span>').format(exact, scores.in_unit(parts, unit)[1])


def span(seconds: int) -> tuple[str, int]:
    """A length of time as a unit and a whole number of it: ("days", 2)."""
    units = (("days", 86400), ("hours", 3600), ("minutes", 60))
    return next(
        ((word, seconds // unit) for word, unit in units if seconds and not seconds % unit), ("seconds", seconds)
    )


def bytes_(size: int) -> str:
    """A size in the largest unit that leaves a whole number before its decimal places."""
    units = (("GB", 10**9), ("MB", 10**6), ("kB", 10**3))
    return next((f"{size / unit:,.1f} {word}" for word, unit in units if size >= unit), f"{size:,} B")


def prose(text: str) -> Markup:
    """A message or a value from outside, cut only if it is very long."""
    clean = plain(text)
    return Markup("<bdi>{}</bdi>").format(clean if len(clean) <= 1000 else clean[:999] + "…")


def finding(text: str, language: str) -> Markup:
    """What an audit says, in the page's language where that is known; else in English, and marked as such."""
    known = in_chinese(text) if language == "zh-Hant" else None
    return Markup("<bdi>{}</bdi>").format(known) if known else english(prose(text))


def is_damage(text: str) -> bool:
    """Whether a message says that a copy of this server's own is damaged (`ledger.store`)."""
    return _DAMAGE.search(text) is not None


def first_line(text: str) -> str:
    """A message without the facts below it."""
    return text.partition("\n")[0]


def sentence(text: str) -> str:
    """A message as a sentence: it begins with a capital letter and ends with a full stop."""
    return text[:1].upper() + text[1:] + ("" if text[-1:] in {".", "?", "!", "…"} else ".")


def linked(text: str) -> Markup:
    """A message of ours, in which the addresses of this server are links."""
    shown, end = Markup(), 0
    clean = plain(text)
    for found in _ADDRESS.finditer(clean):
        shown += Markup('{}<a href="{}">{}</a>').format(clean[end : found.start()], found[0], found[0])
        end = found.end()
    return shown + clean[end:]


_DAMAGE = re.compile(r"\bdamaged\b", re.ASCII)
FILTERS: Mapping[str, Callable[..., Any]] = {
    "asked": asked_in,
    "asset": assets.address,
    "balances": scores.balances,
    "bars": columns.bars,
    "by_index": scores.by_index,
    "bytes": bytes_,
    "cell": cell,
    "code": code,
    "columns": scores.columns,
    "draw": draw,
    "drawn": figures.drawn,
    "explored": explored,
    "fill": fill,
    "finding": finding,
    "first_line": first_line,
    "hash": identifier,
    "headings": figures.headings,
    "linked": linked,
    "moment": moment,
    "name": name,
    "number": number,
    "percent": percent,
    "limit": limit,
    "prose": prose,
    "rendered": cards.rendered,
    "roles": roles,
    "room": figures.room,
    "running": figures.running,
    "score": score,
    "sentence": sentence,
    "share": columns.share,
    "signed": signed,
    "span": span,
    "told": activity.sentence,
    "tx": transaction,
    "when": when,
}
"""The filters of templates, by name."""
