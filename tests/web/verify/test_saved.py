"""The page as one file, opened from a disk in a real Chromium: no server, no connection, the same verdicts."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.bundles import Staged, lying
from support.web.recomputed import codes, is_free
from support.web.server import served, view_of
from support.worlds.world import World

from ledger.bundle.check import check_bundle
from ledger.cli.main import fedledger
from ledger.formats.digest import sha256
from web.drawing.saved.verifier import modules, saved, saved_digest

pytestmark = pytest.mark.browser
AXE = (Path(__file__).parents[3] / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
RUN = """async () => {
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"];
  const { violations } = await axe.run(document, { runOnly: { type: "tag", values: tags } });
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => [id, ...node.target]));
}"""


def refused() -> Staged:
    """A round of which one update is too heavy, and one no artifact."""
    staged = Staged()
    staged.open_round()
    for member in range(4):
        given: dict[str, Any] = {1: {"weight": 10**6}, 2: {"data": b"none"}}.get(member, {})
        staged.submit(member, **given)
    staged.open_updates()
    staged.publish()
    staged.attest(1, 2)
    return staged


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "verify.html"
    path.write_bytes(saved())
    return path


@pytest.fixture
def offline(browser: Any) -> Iterator[Any]:
    """A page of the saved file: what it complains of, or asks a network for, fails the test."""
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda asked: None if asked.url.startswith(("file:", "blob:")) else wrong.append(asked.url))
    yield page
    context.close()
    assert wrong == []


def verdict_of(page: Any, bundle: Path) -> str:
    page.locator("#bundle input[name=bundle]").set_input_files(bundle)
    page.locator("#bundle input[name=bundle]:enabled").wait_for(timeout=60_000)
    with page.expect_download() as found:
        page.get_by_role("link", name="Save the verdict").click()
    return str(Path(found.value.path()).read_text())


def test_an_honest_bundle_and_a_lie_are_told_apart_with_no_server(file: Path, offline: Any, tmp_path: Path) -> None:
    offline.goto(file.as_uri())
    for name, staged in (("honest", Staged().honest_round()), ("lie", lying()), ("refused", refused())):
        bundle = staged.write(tmp_path / f"{name}.car")
        verdict = check_bundle(bundle)
        assert verdict_of(offline, bundle) == verdict.encode().decode(), name
        assert offline.locator("#verdict .mark").inner_text() == verdict.verdict
        assert codes(offline) == [f"{one.check} {one.code}" for one in verdict.findings]
        assert f"Signatures checked: {verdict.checked['SIGNATURES']}." in offline.locator("#checked").inner_text()
        assert all(key in offline.locator("#identity").inner_text() for key in staged.keys), "founders, to be compared"
        assert "Bytes recomputed" in offline.locator("#checked").inner_text()
        assert is_free(offline, lambda given=bundle: verdict_of(offline, given))


def test_what_is_no_bundle_is_said_to_be_none(file: Path, offline: Any, tmp_path: Path) -> None:
    offline.goto(file.as_uri())
    wrong = tmp_path / "wrong.car"
    wrong.write_bytes(b"no bundle")
    assert '"code":"CAR"' in verdict_of(offline, wrong)
    assert offline.locator("#verdict .mark").inner_text() == "MALFORMED"
    (cut := tmp_path / "cut.car").write_bytes(Staged().honest_round().write(tmp_path / "whole.car").read_bytes()[:-9])
    verdict_of(offline, cut)
    (row,) = offline.locator("#findings tbody tr").all()
    assert "cut off" in row.inner_text()
    assert row.locator("[data-label=Where]").inner_text() == "the file"
    assert not offline.locator("#scope-ends").is_visible()


def test_another_kind_of_file_is_named_with_what_takes_it(file: Path, offline: Any, tmp_path: Path) -> None:
    """And a bundle after it is checked as ever."""
    of_the_network = '# four hospitals\nfedledger = "network/1"\nname = "Four hospitals"\n'
    given = {
        "network.toml": (of_the_network.encode(), "a network file", "the field for the network file"),
        "c.rlp": (b"\xf9\x01\x00\x8cconviction/1rest", "a conviction file", "fedledger evidence check FILE"),
        "r.json": (b'{"claims": [], "fedledger": "report/4"}', "an audit's report", "fedledger evidence check FILE"),
        "job.json": (b'{"fedledger": "job/7"}', "a job's document", "fedledger job propose FILE"),
        "keystore.json": (b'{"version": 3, "crypto": {"cipher": ""}}', "a key file", "fedledger keys show"),
        "a.html": (b"<!doctype html><html></html>", "a page", "fedledger evidence check report.json"),
        "m.safetensors": (b'\x10\0\0\0\0\0\0\0{"a":1}', "a model's file", "fedledger release verify FOLDER"),
        "patients.csv": (b"age,ill\n50,1\n", "a table", "fedledger data profile FILE"),
    }
    offline.goto(file.as_uri())
    for name, (content, kind, way) in given.items():
        (tmp_path / name).write_bytes(content)
        offline.locator("#bundle input[name=bundle]").set_input_files(tmp_path / name)
        offline.locator("#doing", has_text=kind).wait_for()
        assert way in offline.locator("#doing").inner_text()
        assert not offline.locator("#outcome").is_visible(), "neither verified nor malformed"
    bundle = Staged().honest_round().write(tmp_path / "honest.car")
    assert verdict_of(offline, bundle) == check_bundle(bundle).encode().decode()


def test_it_speaks_both_languages_and_fits_a_phone(file: Path, browser: Any, tmp_path: Path) -> None:
    context = browser.new_context(locale="zh-TW", viewport={"width": 360, "height": 800})
    page = context.new_page()
    page.goto(file.as_uri())
    assert page.locator("h1").inner_text() == "驗證證據包"
    page.locator("#bundle input[name=bundle]").set_input_files(lying().write(tmp_path / "lie.car"))
    page.locator("#outcome").wait_for()
    assert "模型的根有誤" in page.locator("#findings").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="English").click()
    assert page.locator("html").get_attribute("lang") == "en"
    assert "The model's root is another." in page.locator("#findings").inner_text()
    context.close()


def test_the_server_s_page_takes_a_bundle_and_offers_the_file(page: Any, tmp_path: Path) -> None:
    with served(view_of(World().open_job().honest_round())) as url:
        page.goto(url + "/verify")
        assert saved_digest() in page.locator("main").inner_text()
        with page.expect_download() as found:
            page.get_by_role("link", name="Save verify.html").click()
        assert sha256(Path(found.value.path()).read_bytes()).hex() == saved_digest()
        bundle = lying().write(tmp_path / "lie.car")
        assert verdict_of(page, bundle) == check_bundle(bundle).encode().decode()
        page.goto("about:blank")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_outcome_is_accessible(file: Path, browser: Any, tmp_path: Path, scheme: str) -> None:
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    page.goto(file.as_uri())
    page.locator("#bundle input[name=bundle]").set_input_files(lying().write(tmp_path / "lie.car"))
    page.locator("#outcome").wait_for()
    page.evaluate(AXE)
    assert page.evaluate(RUN) == []
    context.close()


def test_the_command_writes_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "made.html"
    made = CliRunner().invoke(fedledger, ["web", "verifier", "--output", str(path)])
    assert made.exit_code == 0, made.output
    assert path.read_bytes() == saved()
    assert saved_digest() in made.output


def test_the_file_names_nothing_outside_of_itself() -> None:
    text = saved().decode()
    assert re.search(
        r"default-src \'none\'; style-src \'sha256-[^\']+\'; script-src \'sha256-[^\']+\'; worker-src blob:", text
    )
    assert not re.search(r"<(?:link|img|iframe|script src)|https?://", text)
    assert "eval(" not in text
    assert modules()[-1] == "page/saved_page.js"
