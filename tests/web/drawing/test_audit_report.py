"""An audit's report as a page of its own: the verdict first, all of the evidence, and nothing fetched."""

import base64
import re
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
from support.worlds import lies
from support.worlds.world import World

from ledger.audit.report import Check, Report
from ledger.events.evidence import parse
from ledger.rounds.trace import Trace, trace
from web.drawing.audits.report_page import LONGEST, SHOWN, again, draw
from web.drawing.findings.chinese import in_chinese
from web.drawing.language import LANGUAGES, texts

LIES = {
    "yes": lies.begun,
    "caught": lies.wrong_value,
    "standing": lies.wrong_value_members_agree,
    "verdict": lies.wrong_verdict,
    "attester": lies.attests_against_the_truth,
    "job": lies.job_terms_differ,
}


class Elements(HTMLParser):
    """Every element with its attributes, and whether what is open is closed in order."""

    VOID = frozenset({"meta", "br", "link", "img", "hr"})

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def elements(page: bytes) -> list[tuple[str, dict[str, str | None]]]:
    parser = Elements()
    parser.feed(page.decode())
    assert parser.open == []
    return parser.found


def lineages(world: World) -> list[tuple[str, Trace]]:
    state = world.state
    return [(f"model 1/{state.latest}", trace(state, world.job, state.latest, lambda index: f"<b>{index}</b>"))]


def page_of(world: World, report: Report, language: str) -> bytes:
    return draw(report, lineages(world), language)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", LIES)
def test_it_needs_no_script_and_fetches_nothing(name: str, language: str) -> None:
    world = LIES[name]()
    page = page_of(world, world.audit(), language)
    for tag, said in elements(page):
        assert tag not in {"script", "link", "img", "iframe", "form", "object"}
        for attribute, value in said.items():
            assert not attribute.startswith("on")
            if attribute in {"href", "src"}:
                assert (value or "").startswith(("#", "data:application/json;base64,"))
    style = page.decode().partition("<style>")[2].partition("</style>")[0]
    assert not re.search(r"url\(|@import|</", style)
    assert b"default-src 'none'" in page
    assert b"<b>" not in page  # names are foreign text
    assert "[download]:not(.party)::after { content: none; }" in style  # paper has no room for a report in base64


HOSTILE = '</title></style><script>alert(1)</script>"><img src=x onerror=alert(1)>&\u202e{{ 7*7 }}{n}\x00\x1b[31m'
KEPT = {"check", "answer", "state", "statement", "passed", "skipped", "asked", "measured", "raw", "list"}


def bent(value: Any, field: str = "") -> Any:
    """The same with every text a hostile one, but for words that are the auditor's own."""
    if isinstance(value, msgspec.Struct):
        fields = {name: bent(getattr(value, name), name) for name in value.__struct_fields__}
        return msgspec.structs.replace(value, **fields)
    if isinstance(value, tuple):
        return tuple(bent(one, field) for one in value)
    if isinstance(value, dict):
        return {key: bent(one, str(key)) for key, one in value.items()}
    return HOSTILE if isinstance(value, str) and field not in KEPT else value


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", LIES)
def test_no_text_of_a_report_is_taken_for_more_than_text(name: str, language: str) -> None:
    world = LIES[name]()
    report, state = world.audit(), world.state
    traces = [(HOSTILE, trace(state, world.job, state.latest, lambda _: HOSTILE))]
    page = draw(bent(report), traces, language)
    for tag, said in elements(page):
        assert tag not in {"script", "img", "iframe", "form", "object"}
        assert not any(attribute.startswith("on") for attribute in said)
        assert all((said.get(one) or "#").startswith(("#", "data:application/json;base64,")) for one in ("href", "src"))
    text = page.decode()
    assert text.count("</style>") == text.count("</title>") == 1
    assert "49" not in text.partition("<h1>")[2][:200]
    assert not {"\u202e", "\x00", "\x1b"} & set(text)


def test_a_transaction_of_a_megabyte_is_whole_in_the_json_alone() -> None:
    world = lies.wrong_value()
    report = world.audit()
    (lie,) = report.lies.list
    evidence = msgspec.structs.replace(lie.evidence, raw="0x" + "ab" * (1 << 20))
    told = msgspec.structs.replace(report.lies, list=(msgspec.structs.replace(lie, evidence=evidence),))
    report = msgspec.structs.replace(report, lies=told)
    page = draw(report, [], "en").decode()
    inside = base64.b64decode(re.findall(r"base64,([^\"]+)", page)[0])
    assert inside == report.to_json()
    assert max(map(len, re.findall("(?:ab)+", page.replace(base64.b64encode(inside).decode(), "")))) <= LONGEST


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_check_that_had_nothing_to_check_is_not_said_to_hold(language: str) -> None:
    world = lies.begun()
    report, t = world.audit(), texts(language)
    assert report.passed[Check.COURT] == 0
    page = page_of(world, report, language).decode()
    row = page.partition(f'<th scope="row">{t("checks_of", "COURT")}</th>')[2].partition("</tr>")[0]
    assert t("statuses", "nothing") in row
    assert t("statuses", "held") not in row


@pytest.mark.parametrize("name", LIES)
def test_the_verdict_comes_first_and_the_evidence_is_whole(name: str) -> None:
    world = LIES[name]()
    report = world.audit()
    page, t = page_of(world, report, "en").decode(), texts("en")
    verdict = f'<span class="answer {report.right.answer}">{t("answers", report.right.answer)}</span>'
    answer = f"{t('is_it_right')} {verdict}"
    assert page.index(answer) < page.index(t("audit_report", "of_what")) < page.index(t("who_lied") + " <span")
    data = re.search(r'href="data:application/json;base64,([^"]+)"', page)
    assert data is not None
    kept = parse(base64.b64decode(data[1]))
    assert kept == [*(lie.evidence for lie in report.lies.list), *report.rests_on]
    for one in kept:
        assert one.raw in page
    for claim in report.right.claims[:SHOWN]:
        assert again(claim.claim).replace("'", "&#39;") in page


def test_false_if_is_known_in_chinese() -> None:
    from ledger.chain.evidence.check import false_if

    report = lies.wrong_value().audit()
    said = {false_if(one) for one in [*(lie.evidence for lie in report.lies.list), *report.rests_on]}
    assert said
    assert all(in_chinese(one) for one in said), said


def test_commands_ask_about_the_claim_alone() -> None:
    network = "--network NETWORK.toml"
    assert again("model 1/7") == f"fedledger audit --model 1/7 {network}"
    assert again("aggregate 1/7, attempt 2") == f"fedledger audit --round 1/7 {network}"
    assert again("job 3") == f"fedledger audit --job 3 {network}"
    assert again("release a b@1.0; rm") == f"fedledger audit --release 'a b@1.0; rm' {network}"
    assert again("code") == f"fedledger audit {network}"
