"""Pages out of documents and templates. Everything is escaped; a rendered page is kept until the state changes."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ledger.errors import plain
from ledger.events.records import Role
from ledger.history.state import Phase
from web.drawing import assets, columns, figures, scores
from web.drawing.figure import places
from web.drawing.language import LANGUAGES, texts
from web.drawing.names import short_name
from web.drawing.tables import NUMBER
from web.drawing.trace import draw
from web.reading.latest import State

FOLDER = Path(__file__).parents[1]
KEPT = 500
SHORT_NAME, LONGEST_NAME = 20, 60


class Renderer:
    """Renders templates. Pages are kept by address and language, for one state at a time."""

    def __init__(self) -> None:
        self._templates = Environment(
            loader=FileSystemLoader(FOLDER / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {"when": when, "name": name, "hash": hash_, "prose": prose, "draw": draw}
        self._templates.filters |= {"fill": fill, "roles": roles, "percent": percent, "span": span, "number": number}
        self._templates.filters |= {
            "bars": columns.bars,
            "share": columns.share,
            "balances": scores.balances,
            "drawn": figures.drawn,
            "running": figures.running,
            "headings": figures.headings,
            "cell": cell,
            "signed": signed,
            "score": score,
            "columns": scores.columns,
            "by_index": scores.by_index,
            "asset": assets.address,
        }
        self._templates.tests["under_way"] = under_way
        self._state: State | None = None
        self._pages: dict[tuple[str, str], bytes] = {}

    def page(self, template: str, address: str, language: str, state: State, facts: Mapping[str, Any]) -> bytes:
        """A page, rendered once for each state; `address` is all that it depends on besides state and language."""
        if self._state is not state or len(self._pages) >= KEPT:
            self._state, self._pages = state, {}
        key = (address, language)
        if key not in self._pages:
            self._pages[key] = self.fresh(template, language, serial=state.serial, **facts)
        return self._pages[key]

    def fresh(self, template: str, language: str, **facts: Any) -> bytes:
        """A page rendered now."""
        page = self._templates.get_template(template).render(t=texts(language), languages=LANGUAGES, **facts)
        return page.encode()


def under_way(phase: str) -> bool:
    """Whether a round in this phase has not ended."""
    return not Phase(phase).terminal


def when(seconds: int) -> Markup:
    """A time, for people and programs."""
    moment = datetime.fromtimestamp(min(max(seconds, 0), 253402300799), UTC)
    return Markup('<time datetime="{}">{} UTC</time>').format(
        moment.strftime("%Y-%m-%dT%H:%M:%SZ"), moment.strftime("%Y-%m-%d %H:%M:%S")
    )


def name(text: str) -> Markup:
    """A name that somebody chose: isolated in its direction, printable, and cut if it is very long."""
    clean = plain(text).replace("\n", " ")
    if len(clean) <= SHORT_NAME:
        return Markup('<bdi class="short">{}</bdi>').format(clean)
    if len(clean) <= LONGEST_NAME:
        return Markup("<bdi>{}</bdi>").format(clean)
    return Markup('<bdi title="{}">{}…</bdi>').format(clean[:500], clean[: LONGEST_NAME - 1])


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
    """A decimal number from a report: four places are shown, all can be read."""
    whole, _, places = text.partition(".")
    if len(whole) <= 12 and len(places) <= 4:
        return Markup("{}").format(text)
    shown = f"{float(text):.4f}" if len(whole) <= 12 else f"{float(text):.3e}"
    return Markup('<span title="{}">{}</span>').format(text, shown)


def cell(text: str) -> str:
    """A cell of a figure's table: of a number four places, which its file has whole; anything else as it is."""
    return places(text) if NUMBER.fullmatch(text) else short_name(text)


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


def prose(text: str) -> Markup:
    """A message or a value from outside, cut only if it is very long."""
    clean = plain(text)
    return Markup("<bdi>{}</bdi>").format(clean if len(clean) <= 1000 else clean[:999] + "…")


def hash_(text: str | None) -> Markup:
    """A hash, CID or key: all of it can be copied, the style shows its beginning."""
    return Markup('<code class="hash" title="{0}">{0}</code>').format(text) if text else Markup("–")
