"""A model card as a part of its release's page: whole, and nothing in it does anything."""

import re

import pytest
from support.web.released import file_of, known
from support.web.server import HOSTILE
from support.worlds.releases import release, report_on
from support.worlds.world import World

from ledger.releases.card import Card
from ledger.releases.markdown import plain, table
from web.drawing.cards import rendered

ATTACKS = (
    *HOSTILE,
    "[x](javascript:alert(1))",
    "![x](https://evil.example/p.png)",
    "<https://evil.example>",
    "[x]: https://evil.example\n\n[x]",
    "a | b\n| c |\n# heading\n```\n<b>",
    "&lt;script&gt;&#60;img src=x&#62;",
)
TAGS = {"h3", "p", "pre", "code", "div", "table", "caption", "thead", "tbody", "tr", "th", "td", "em", "strong"}


def tags(html: str) -> set[str]:
    return set(re.findall(r"<(\w+)", html))


def test_a_card_is_shown_whole_below_the_pages_own_headings() -> None:
    world = World().open_job().honest_round().honest_round()
    report = report_on(world, "North", "South")
    made = release(world, report=report.digest)
    card = Card.of(file_of(world, made), report, world.history.decisions, known(world).name, lambda index: f"m{index}")
    html = str(rendered(card.text()))
    assert "library_name" not in html, "the front matter is for machines"
    assert re.findall("<h3>(.*)</h3>", html)[:3] == ["Use", "Data", "Parties"]
    assert tags(html) <= {
        *["h3", "p", "pre", "code", "div", "table", "caption", "thead", "tbody", "tr", "th", "td", "em", "strong"]
    }
    assert html.count("<table") == html.count("<caption") == html.count("</table>") > 3
    assert "<th>" not in html, "every header has its scope"
    labels = re.findall('aria-label="([^"]*)"', html)
    assert len(labels) == len(set(labels))
    assert '<th scope="row">North</th>' in html


@pytest.mark.parametrize("text", ATTACKS)
@pytest.mark.parametrize("escaped", [True, False], ids=["as the writer writes it", "as a hostile writer would"])
def test_words_of_others_are_text(text: str, escaped: bool) -> None:
    cell = plain(text) if escaped else text
    for card in (
        "\n".join(table(("party",), [(cell,)])),
        f"# t\n\n## {cell}\n\n{cell}\n",
        f"---\nx: {cell}\n---\n{cell}",
    ):
        html = str(rendered(card))
        assert tags(html) & {"a", "img", "script", "style", "b", "iframe"} == set()
        assert " href" not in re.sub(r">[^<]*<", "><", html)
        assert " style=" not in html
        assert " onerror" not in re.sub(r">[^<]*<", "><", html)


def test_a_card_of_nothing_is_nothing() -> None:
    assert rendered("") == ""
    assert rendered("---\nno end") == ""
