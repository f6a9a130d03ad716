"""The form that proposes a release shows which licence the release will carry, by the report that it names."""

import pytest

from web.documents.decisions import KnownReport, Releasable
from web.drawing.language import LANGUAGES, texts
from web.drawing.render import Renderer


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_known_report_is_shown_with_its_licence(language: str) -> None:
    t = texts(language)
    reports = tuple(
        KnownReport(digest=digit * 64, parties=2, samples=100, license=license)
        for digit, license in (("a", "CC-BY-4.0"), ("b", ""))
    )
    form = Renderer()._by_language[language].get_template("signing.html").module
    shown = str(form.release(t, Releasable(scores=None, reports=reports, right="yes")))  # type: ignore[attr-defined]
    first, second = shown.split("data-reports>")[1].split("</ul>", maxsplit=1)[0].split("</li>")[:2]
    assert "a" * 64 in first and "CC-BY-4.0" in first
    assert "b" * 64 in second and t("no_licence") in second
