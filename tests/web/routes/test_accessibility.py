"""Every kind of page by axe-core, by the criteria of WCAG 2.2, levels A and AA, narrow and wide, in both languages."""

from pathlib import Path
from typing import Any

import pytest
from support.web.server import PATHS

pytestmark = pytest.mark.browser
AXE = (Path(__file__).parents[3] / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa")
MORE = ("label-content-name-mismatch", "landmark-unique", "region", "heading-order")
"""Rules beside those of A and AA: what speech control and screen readers need as well."""
OTHERS = ("/jobs/1/rounds/3", "/releases/early/0.1", "/proposals/4", "/members/3", "/nowhere", "/jobs/1/rounds/99")
RUN = """async ([tags, more]) => {
  const rules = Object.fromEntries(more.map((rule) => [rule, { enabled: true }]));
  const { violations } = await axe.run(document, { runOnly: { type: "tag", values: tags }, rules });
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => [id, ...node.target, node.failureSummary]));
}"""


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("language", ["en-GB", "zh-TW"])
def test_no_page_has_a_finding_of_level_a_or_aa(site, browser: Any, language: str, width: int) -> None:
    context = browser.new_context(locale=language, viewport={"width": width, "height": 900})
    page = context.new_page()
    found = {}
    for path in (*PATHS, *OTHERS):
        page.goto(site.url + path)
        page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        page.evaluate(AXE)
        found[path] = page.evaluate(RUN, [TAGS, MORE])
    context.close()
    assert {path: findings for path, findings in found.items() if findings} == {}
