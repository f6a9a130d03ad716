"""What audits say, on Chinese pages: in Chinese as far as it is theirs; the report keeps its words."""

import ast
import inspect
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from markupsafe import escape
from support.web.server import get, served, view_of
from support.worlds import lies, mask_lies, member_lies
from support.worlds.edges import EdgesWorld
from support.worlds.masked import MaskedWorld
from support.worlds.world import LIMITS, World

from ledger.audit.report import Check, Report
from ledger.events import records
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
        *inspect.getmembers(member_lies, inspect.isfunction),
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


@pytest.mark.parametrize("lie", ["false sum", "child refused", "left out", "another update", "nothing", "lost"])
def test_what_audits_say_of_edges_is_known_in_chinese(lie: str) -> None:
    world = EdgesWorld(terms_of_edges={"check": "sums"})
    world.open_job().open_round()
    loud = np.full(world.layout.values, LIMITS.max_value + 1, "<i4")
    children = [world.child(0, number, loud if lie == "child refused" and not number else None) for number in range(3)]
    receipts = tuple(world.receipt(0, one) for one in children[:1])
    other = world.child(0, 0, np.ones(world.layout.values, "<i4"))
    summed = {"left out": children[1:], "another update": [other, *children[1:]]}.get(lie, children)
    if lie != "nothing":
        values = world.added(summed[1:] if lie == "child refused" else summed) + (lie == "false sum")
        world.submit_false(0, summed, values)
    for member in (2, 3):
        world.submit(member)
    world.publish(2)
    for member in (1, 3):
        world.attest(member)
    if lie == "lost":
        world.files.files = {cid: data for cid, data in world.files.files.items() if b'"children/1"' not in data}
    report = world.audit(children=True, receipts=receipts)
    said = [*report.lies.list, *(one for one in report.open.list if one.check is Check.EDGES)]
    assert said
    for text in texts(report):
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
    folders = ("audit", "audit/masking", "audit/edges", "audit/court", "masks", "rounds/masking", "rounds/edges")
    paths = (path for folder in folders for path in (ROOT / "ledger" / folder).glob("*.py"))
    others = ("history/agreement.py", "chain/evidence/check.py")
    for path in (*paths, *(ROOT / "ledger" / one for one in others)):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
            elif isinstance(node, ast.JoinedStr):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else "\0" for part in node.values)


def test_a_withdrawal_that_was_kept_to_is_known_in_chinese() -> None:
    world = World(4).open_job()
    world.emit(records.DataWithdrawn, job=1, member=world.keys[1], statement=bytes([7]) * 32)
    (note,) = (claim.note for claim in world.audit().right.claims if claim.note)
    assert in_chinese(note) == f"已撤出資料，且此後未再承諾更新：{world.history.name(1)}"


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
