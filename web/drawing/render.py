"""Pages out of documents and templates. Everything is escaped."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ledger.store.holders import is_missing
from web.documents.decisions import ProposalLine
from web.drawing.filters import FILTERS, is_damage, under_way
from web.drawing.language import LANGUAGES, texts
from web.drawing.moments import when
from web.reading.activity import KINDS

FOLDER = Path(__file__).parents[1]


class Renderer:
    """Renders templates; `explorer` is the address of a transaction elsewhere, with {} for its hash, empty for none."""

    def __init__(self, explorer: str = "") -> None:
        self._templates = Environment(
            loader=FileSystemLoader(FOLDER / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= FILTERS
        self._templates.globals["explorer"] = explorer
        self._templates.globals["kinds"] = tuple(KINDS.values())
        self._templates.tests |= {"under_way": under_way, "damage": is_damage, "missing": is_missing}
        self._by_language = {language: _speaking(self._templates, language) for language in LANGUAGES}

    def fresh(self, template: str, language: str, **facts: Any) -> bytes:
        """A page rendered now."""
        page = self._by_language[language].get_template(template).render(languages=LANGUAGES, **facts)
        return page.encode()

    def wants(self, line: ProposalLine, language: str) -> str:
        """What a proposal wants and until when it is voted on, in words without markup."""
        speaking = self._by_language[language]
        macros: Any = speaking.get_template("decisions.html").module
        t = speaking.globals["t"]
        until = Markup("{} {}").format(t("vote_until"), when(line.deadline))  # type: ignore[operator]
        wanted = Markup("{}").format(macros.wants(t, line))
        return f"{wanted.striptags()}. {until.striptags()}."


def _speaking(templates: Environment, language: str) -> Environment:
    """The same templates, in which `t` is a language: in every macro, too, however it was imported."""
    speaking = templates.overlay()
    speaking.globals = {**templates.globals, "t": texts(language)}
    return speaking
