"""A model card as HTML. Its words are text wherever they come from: no HTML, no link and no image is taken from it."""

from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape

_MARKDOWN = (
    MarkdownIt("commonmark", {"html": False})
    .enable("table")
    .disable(["autolink", "html_block", "html_inline", "image", "link", "reference"])
)
_FRONT = "---\n"


def rendered(card: str) -> Markup:
    """A card below a heading of the second level: without its front matter, which is for machines, and its title."""
    front, _, body = card.removeprefix(_FRONT).partition(f"\n{_FRONT}")
    tokens = _MARKDOWN.parse(body if card.startswith(_FRONT) else front)
    shown = list(_fitted(_untitled(tokens)))
    return Markup(_MARKDOWN.renderer.render(shown, _MARKDOWN.options, {}))  # noqa: S704  made from tokens, escaped


def _untitled(tokens: Sequence[Token]) -> Sequence[Token]:
    """Without the heading of the first level that a card begins with."""
    return tokens[3:] if tokens and tokens[0].tag == "h1" else tokens


def _fitted(tokens: Sequence[Token]) -> Iterator[Token]:
    """Headings go one level down; tables get a name, headers for rows, and a place in which they can be moved."""
    section, tables, row_begins = "", 0, False
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            section = tokens[place + 1].content
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1]) + 1, 6)}"
        if token.type == "table_open":
            tables += 1
            yield _raw(_opening(f"{section} {tables}"))
        elif token.type == "table_close":
            yield _raw("</table></div>\n")
        else:
            row_begins = _fit_cell(token, tokens[place - 1], row_begins)
            yield token


def _fit_cell(token: Token, before: Token, first: bool) -> bool:
    """The first cell of each row is its header; returns whether that cell is still open."""
    if token.type == "td_open" and before.type == "tr_open":
        first = True
    if token.type in {"th_open", "td_open"}:
        token.attrs = {"scope": "row" if token.type == "td_open" else "col"} if first or token.tag == "th" else {}
    if token.type in {"td_open", "td_close"} and first:
        token.tag = "th"
    return first and token.type != "td_close"


def _opening(name: str) -> str:
    words = escape(name)
    return (
        f'<div class="wide" role="group" aria-label="{words}" tabindex="0"><table>'
        f'<caption class="unseen">{words}</caption>\n'
    )


def _raw(html: str) -> Token:
    """HTML of ours; what a card says never gets here."""
    return Token("html_block", "", 0, content=html)
