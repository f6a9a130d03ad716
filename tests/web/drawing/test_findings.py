"""What audits say, on Chinese pages: in Chinese as far as it is theirs; the report keeps its words."""

import ast
import inspect
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from markupsafe import escape
from support.web.server import get, served, view_of
from support.worlds import lies, mask_lies
from support.worlds.masked import MaskedWorld
from support.worlds.world import World

from ledger.audit.report import Report
from web.drawing.findings.chinese import LONGEST, in_chinese
from web.drawing.language import LANGUAGES
from web.reading.latest import Audited
from web.reading.snapshot import ended_rounds

ROOT = Path(__file__).parents[3]
RULES: list[list[str]] = tomllib.loads((ROOT / "web" / "findings.toml").read_text(encoding="utf-8"))["texts"]
WORLDS = {
    name: make
    for name, make in (
        *inspect.getmembers(lies, inspect.isfunction),
        *inspect.getmembers(mask_lies, inspect.isfunction),
    )
    if inspect.signature(make).return_annotation in (World, MaskedWorld) and not inspect.signature(make).parameters
}


def texts(report: Report) -> Iterator[str]:
    for lie in report.lies.list:
        yield from (lie.said, lie.why)
    for matter in report.open.list:
        yield from (matter.what, matter.why)
    for claim in report.right.claims:
        yield from (claim.claim, *([claim.why] if claim.why else []))


@pytest.mark.parametrize("name", WORLDS)
def test_what_audits_say_of_lies_is_known_in_chinese(name: str) -> None:
    for text in texts(WORLDS[name]().audit()):
        assert in_chinese(text), text


def test_no_rule_is_of_a_text_that_no_audit_says() -> None:
    """A clause of each rule stands in the audit's sources."""
    said = "\n".join(_strings())
    for english, chinese in RULES:
        clauses = (one.strip().removesuffix("s").removesuffix(" of") for one in re.split(r"\{\w+\}|[,;:]", english))
        assert any(one in said for one in clauses if one), english
        assert set(re.findall(r"\{\w+\}", english)) == set(re.findall(r"\{\w+\}", chinese)), english


def _strings() -> Iterator[str]:
    """The texts in the audit's sources, and the nouns that it counts."""
    folders = ("audit", "audit/masking", "masks", "rounds/masking")
    paths = (path for folder in folders for path in (ROOT / "ledger" / folder).glob("*.py"))
    for path in (*paths, ROOT / "ledger" / "history" / "agreement.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
            elif isinstance(node, ast.JoinedStr):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else "\0" for part in node.values)


@pytest.mark.parametrize("text", ["", "x" * (LONGEST + 1), ": " * (LONGEST // 2), "the update of " * 40, "a: b", "{n}"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    found = in_chinese(text)
    assert found is None or text.startswith("the update of")


def test_a_page_has_findings_in_its_language_and_the_report_in_english() -> None:
    world = lies.wrong_value()
    report, view = world.audit(), view_of(world)
    view.latest.post(audited=Audited(1, 0.5, ended_rounds(world.history.jobs), report))
    with served(view) as url:
        pages = {one: get(f"{url}/audit?lang={one}", headers={"Accept": "text/html"}).text for one in LANGUAGES}
        document = get(url + "/audit.json").json()
    (lie,) = report.lies.list
    why = str(escape(lie.why))
    assert why in pages["en"] and why not in pages["zh-Hant"]
    known = str(escape(in_chinese(lie.why) or ""))
    assert known and known in pages["zh-Hant"] and known not in pages["en"]
    assert document["audit"]["report"]["lies"]["list"][0]["why"] == lie.why
