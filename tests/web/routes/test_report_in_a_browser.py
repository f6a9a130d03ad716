"""An audit's report as a page of its own, in Chromium without scripts: it fetches nothing, fits, and can be read."""

from pathlib import Path
from typing import Any

import pytest
from support.worlds import lies

from ledger.rounds.trace import trace
from web.drawing.audits.report_page import draw

pytestmark = pytest.mark.browser
AXE = (Path(__file__).parents[3] / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]
RUN = """async (tags) => {
  const { violations } = await axe.run(document, { runOnly: { type: "tag", values: tags } });
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => [id, ...node.target, node.failureSummary]));
}"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By language, the report on a standing lie."""
    world, folder = lies.wrong_value_members_agree(), tmp_path_factory.mktemp("pages")
    lineage = trace(world.state, world.job, world.state.latest, lambda index: f"a clinic with a long name {index}")
    made = {}
    for language in ("en", "zh-Hant"):
        made[language] = folder / f"{language}.html"
        made[language].write_bytes(draw(world.audit(), [("model 1/1", lineage)], language))
    return made


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("language", ["en", "zh-Hant"])
def test_it_fits_and_has_no_finding_of_level_a_or_aa(
    pages: dict[str, Path], browser: Any, language: str, width: int, scheme: str
) -> None:
    size = {"width": width, "height": 900}
    context = browser.new_context(viewport=size, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    page.goto(pages[language].as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    page.evaluate(AXE)
    found = page.evaluate(RUN, TAGS)
    context.close()
    assert found == []


def test_it_asks_for_nothing_and_keeps_its_report(pages: dict[str, Path], browser: Any, tmp_path: Path) -> None:
    context = browser.new_context(java_script_enabled=False, accept_downloads=True)
    page, asked, complaints = context.new_page(), list[str](), list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(pages["en"].as_uri())
    assert asked == [pages["en"].as_uri()]
    with page.expect_download() as begun:
        page.get_by_role("link", name="report.json").click()
    begun.value.save_as(tmp_path / "report.json")
    context.close()
    assert complaints == []
    assert (tmp_path / "report.json").read_bytes() == lies.wrong_value_members_agree().audit().to_json()
