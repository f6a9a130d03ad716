"""The example that opens docs/spec/web.md is what the server sends, and its tables are the server's routes."""

import json
import re
from pathlib import Path

from support.web.server import get, network, served, view_of
from support.worlds.world import World

from ledger.events.actions import KINDS, kind_word
from web.documents import refusals
from web.documents.relay import Posted, Relayed, SignInAnswer, SignInLink, SignInText
from web.drawing.figures import FIGURES
from web.examples.relay import EXAMPLES
from web.pages import PAGES

SPEC = (Path(__file__).parents[2] / "docs" / "spec" / "web.md").read_text(encoding="utf-8")


def world() -> World:
    """Two rounds under way: the first final with three updates, the second waiting for them."""
    return World(3).open_job().honest_round().open_round()


def exchange() -> str:
    with served(view_of(world(), now=1_500)) as url:
        answer = get(url + "/jobs/1/rounds.json?limit=1")
    headers = "".join(f"{name}: {answer.headers[name]}\n" for name in ("content-type", "etag"))
    return f"GET /jobs/1/rounds.json?limit=1 HTTP/1.1\n\nHTTP/1.1 200 OK\n{headers}\n{answer.text}\n"


def test_the_example_that_opens_the_page_is_true() -> None:
    found = re.search(r"```http\n(.*?)```", SPEC, re.DOTALL)
    assert found
    assert found[1] == exchange()


def test_the_error_that_the_page_shows_is_true() -> None:
    with served(view_of(world(), known=network())) as url:
        answer = get(url + "/jobs/1/rounds/9.json")
    assert f"```json\n{answer.text}\n```" in SPEC


def test_what_is_signed_and_submitted_is_shown_as_it_is() -> None:
    assert f"```text\n{EXAMPLES[SignInText]['message']}\n```" in SPEC
    for kind in (SignInAnswer, SignInLink, Posted, Relayed):
        assert f"```json\n{json.dumps(EXAMPLES[kind], separators=(',', ':'))}\n```" in SPEC


def test_every_name_of_a_refusal_is_listed() -> None:
    families = {"NotAuthentic", "NotAllowed", "Conflict"}
    names = {
        name for name, kind in vars(refusals).items() if isinstance(kind, type) and kind.__module__ == refusals.__name__
    }
    assert [name for name in sorted(names - families) if f"`{name}`" not in SPEC] == []
    kinds = [kind_word(kind) for kind in KINDS]
    assert [kind for kind in kinds if f"`{kind}`" not in SPEC] == []


def test_the_page_lists_every_route() -> None:
    told = set(re.findall(r"^\| `(/[^`]*)` \|", SPEC, re.MULTILINE))
    with served(view_of(world())) as url:
        paths = set(get(url + "/openapi.json").json()["paths"])
    pages = {page.path.replace(":int", "") for page in PAGES}
    drawn = {
        f"{page.path}/figures.{kind}".replace(":int", "")
        for page in PAGES
        if page.kind in FIGURES
        for kind in ("csv", "svg")
    }
    siblings = {page.json_path.replace(":int", "") for page in PAGES} | drawn
    assert told == pages | (paths - siblings) | {"/openapi.json"}
    assert [sibling for sibling in siblings - drawn if f"`{sibling}`" not in SPEC] == []
    assert drawn <= paths


if __name__ == "__main__":
    print(exchange())
