"""Pages out of documents and templates. Everything is escaped; a rendered page is kept until the state changes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from web.drawing.filters import FILTERS, under_way
from web.drawing.language import LANGUAGES, texts
from web.reading.activity import KINDS
from web.reading.latest import State

FOLDER = Path(__file__).parents[1]
KEPT = 500


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
        self._templates.filters |= FILTERS
        self._templates.globals["kinds"] = tuple(KINDS.values())
        self._templates.tests["under_way"] = under_way
        self._by_language = {language: _speaking(self._templates, language) for language in LANGUAGES}
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
        page = self._by_language[language].get_template(template).render(languages=LANGUAGES, **facts)
        return page.encode()


def _speaking(templates: Environment, language: str) -> Environment:
    """The same templates, in which `t` is a language: in every macro, too, however it was imported."""
    speaking = templates.overlay()
    speaking.globals = {**templates.globals, "t": texts(language)}
    return speaking
