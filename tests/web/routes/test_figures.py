"""Figures of pages: drawn whole without scripts, taken along as CSV and SVG under the rules of their page."""

import csv
import re
from collections.abc import Iterator
from io import StringIO
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
from msgspec.structs import replace
from support.web.released import ask
from support.web.reports import Measured, measured, without_counts
from support.web.server import HOSTILE, get, served

from ledger.errors import Malformed
from ledger.formats.digest import encode, sha256
from ledger.releases import report as evaluation
from web.drawing.assets import STATIC
from web.drawing.counts import NAMED, of_counts
from web.drawing.language import texts
from web.drawing.marks import COLOURS
from web.reading.latest import FetchedReport, MissingFile

HTML = {"Accept": "text/html"}
PAGES = ("/jobs/1", "/jobs/1/rounds/3", "/jobs/1/models/5", "/jobs/1/weights", "/releases/cardio/1.0", "/proposals/2")
SIDES = "/compare?a=cardio@1.0&b=1/5"
EVERY = {"round-accuracy", "round-loss", "round-auc", "sites", "confusion", "roc", "calibration"}
FORMULAS = ("=1+1", "+cmd|'/C calc'!A0", "@SUM(A1)", "-2+3")


@pytest.fixture(scope="module")
def made() -> Measured:
    return measured()


@pytest.fixture(scope="module")
def url(made: Measured) -> Iterator[str]:
    with served(made.view) as address:
        yield address


def files(page: str) -> list[str]:
    """The files of figures that a page links to."""
    return [link.replace("&amp;", "&") for link in re.findall(r'href="(/[^"]*\.(?:csv|svg)\?[^"]*figure=[^"]*)"', page)]


def table(text: str) -> list[list[str]]:
    return list(csv.reader(StringIO(text.removeprefix("\ufeff"), newline="")))


@pytest.mark.parametrize("path", [*PAGES, SIDES])
def test_every_figure_of_a_page_is_a_table_and_a_drawing_too(url: str, path: str) -> None:
    page = get(url + path, headers=HTML)
    assert page.status_code == 200 and len(page.content) < 100_000
    assert page.text.count("<figure") * 2 - ('class="chart broad"' in page.text) * 2 == len(files(page.text)) > 0
    for link in files(page.text):
        answer = get(url + link)
        assert answer.status_code == 200, link
        assert answer.headers["content-disposition"].startswith("attachment;")
        assert answer.headers["etag"] and answer.headers["cache-control"] == "no-cache"
        assert get(url + link, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
        if ".svg" in link:
            drawing = Xml.fromstring(answer.text)  # noqa: S314  ours
            assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
            assert "var(" not in answer.text and "<script" not in answer.text
        else:
            rows = table(answer.text)
            assert len(rows) > 1 and {len(row) for row in rows} == {len(rows[0])}


def test_a_report_with_counts_has_every_figure(url: str) -> None:
    page = get(url + "/jobs/1/models/5", headers=HTML).text
    ids = set(re.findall(r'id="figure-([a-z0-9-]+)"', page))
    assert ids >= EVERY
    assert {one for one in ids if one.startswith("compared-accuracy")}
    assert 'role="group"' in page and page.count('tabindex="0" role="img"') > 20
    document = get(url + "/jobs/1/models/5.json").json()["evaluation"]
    assert document["pooled"].keys() >= {"accuracy", "auc", "calibration_error", "f1"}
    spread = document["spread"]
    assert len(spread["sites"]) == 4
    assert float(spread["low"]) <= float(spread["gap"]) <= float(spread["high"])
    assert document["unmeasured"] == []


def test_a_table_has_the_values_of_the_report(made: Measured, url: str) -> None:
    report = next(one.report for one in made.reports.values() if one.report.round == 5)
    rows = table(get(url + "/jobs/1/models/5/figures.csv?figure=round-accuracy").text)
    assert rows[0] == ["Round", "All, mean over samples", *(party.party for party in report.parties)]
    assert [row[0] for row in rows[1:]] == [str(n) for n in range(6)]
    assert rows[-1][2:] == [party.metrics["accuracy"] for party in report.parties]
    matrix = table(get(url + "/jobs/1/models/5/figures.csv?figure=confusion").text)
    assert report.together is not None
    assert [row[1:] for row in matrix[1:]] == [list(map(str, row)) for row in report.together.confusion]


def test_a_confusion_matrix_says_what_its_classes_are_called(made: Measured) -> None:
    """By the job's settings, where they name as many; a name is somebody's text, and no pattern."""
    report = next(one.report for one in made.reports.values() if one.report.round == 5)
    together, t = report.together, texts("en")
    assert together is not None
    count = len(together.confusion)
    names = ["{right}", *(f"kind {number}" for number in range(1, count))]
    named, unnamed = (next(of_counts([], together, said, t)) for said in (names, names[1:]))
    assert (named.columns[1], named.rows[-1][0]) == ("predicted as 0 {right}", f"{count - 1} kind {count - 1}")
    assert ("Classes: " in named.text and "0 {right}" in named.text) or count > NAMED
    assert (unnamed.columns[1], "Classes" in unnamed.text) == ("predicted as 0", False)


def test_the_first_figure_is_the_default_and_an_unknown_one_is_told_the_names(url: str) -> None:
    assert get(url + "/jobs/1/weights/figures.csv").text.startswith("\ufeffRound,")
    problem = get(url + "/jobs/1/models/5/figures.csv?figure=nothing").json()
    assert (problem["status"], problem["error"]) == (404, "NotFound")
    assert "confusion" in problem["advice"]
    assert get(url + "/jobs/1/models/5/figures.csv?figure=A").status_code == 400
    assert get(url + "/jobs/1/models/0/figures.svg").status_code == 404


def test_a_drawing_speaks_the_reader_s_language_and_a_table_english(url: str) -> None:
    chinese = {"Accept-Language": "zh-Hant"}
    assert "混淆矩陣" in get(url + "/jobs/1/models/5/figures.svg?figure=confusion", headers=chinese).text
    assert "predicted as" in get(url + "/jobs/1/models/5/figures.csv?figure=confusion", headers=chinese).text


def test_only_members_take_figures_of_what_only_members_read() -> None:
    with served(measured(read="members").view) as url:
        for path in (
            "/jobs/1/models/5/figures.csv",
            "/jobs/1/models/5/figures.svg",
            "/compare/figures.csv?a=1/1&b=1/2",
        ):
            assert get(url + path).status_code == 401


def test_head_sends_no_body(url: str) -> None:
    answer = ask(url, "/jobs/1/models/5/figures.csv", "HEAD")
    assert (answer.status, answer.body) == (200, b"")


def test_no_name_is_run_as_a_formula() -> None:
    with served(measured(FORMULAS).view) as url:
        for figure in ("round-accuracy", "sites", "roc"):
            text = get(f"{url}/jobs/1/models/5/figures.csv?figure={figure}").text
            cells = {cell for row in table(text) for cell in row}
            assert {f"'{name}" for name in FORMULAS} <= cells
            assert not [cell for cell in cells if re.match(r"[=+@\t\r]|-(?!\d+(\.\d+)?$)", cell)]


def test_hostile_names_are_text_in_every_figure() -> None:
    view = measured(HOSTILE).view
    with served(view) as url:
        for path in (*PAGES, SIDES):
            page = get(url + path, headers=HTML)
            assert page.status_code == 200 and len(page.content) < 100_000, path
            assert "<script>" not in page.text and "<img" not in page.text and "\u202e" not in page.text
            for link in files(page.text):
                text = get(url + link).text
                assert "\u202e" not in text, link
                if ".svg" in link:
                    tags = {one.tag.rpartition("}")[2] for one in Xml.fromstring(text).iter()}  # noqa: S314  ours
                    assert tags <= {"svg", "style", "rect", "text", "tspan", "desc", "path", "g", "title", "circle"}


def test_names_that_begin_alike_are_told_apart() -> None:
    names = tuple(f"Regional Hospital of the {place}" for place in ("North", "South", "East", "West"))
    with served(measured(names).view) as url:
        page = get(url + "/jobs/1/models/5", headers=HTML).text
    tips = set(re.findall(r'<tspan class="s\d d\d">\u2068(.*?)\u2069</tspan>', page))
    assert {name[-4:] for name in tips} == {"orth", "outh", "East", "West"}


def test_counts_that_do_not_add_up_are_not_drawn(made: Measured) -> None:
    """The report is refused when it is read: the page has its error, and nothing of it."""
    (digest, fetched), *_ = made.reports.items()
    party, *others = fetched.report.parties
    assert party.counts is not None
    broken = replace(party, counts=replace(party.counts, confusion=((1, 0), (0, 1))))
    data = encode(replace(fetched.report, parties=(broken, *others)))
    with pytest.raises(Malformed, match="does not add up") as caught:
        evaluation.parse(data)
    view = measured().view
    view.latest.post(evaluations={digest: MissingFile(caught.value.message, final=True)})
    with served(view) as url:
        page = get(url + "/releases/cardio/1.0", headers=HTML).text
    assert "the confusion matrix does not add up" in page and "<figure" not in page
    assert sha256(data) != digest


def test_figures_without_counts_are_lines_alone(made: Measured) -> None:
    view = measured().view
    view.latest.post(
        evaluations={
            digest: FetchedReport(without_counts(one.report), one.mean) for digest, one in made.reports.items()
        }
    )
    with served(view) as url:
        page = get(url + "/releases/cardio/1.0", headers=HTML).text
    assert "figure-round-accuracy" in page and not {one for one in EVERY if f"figure-{one}" in page} - {
        "round-accuracy",
        "round-loss",
        "round-auc",
    }


def test_who_did_not_measure_is_named() -> None:
    with served(measured(many=1).view) as url:
        document = get(url + "/releases/cardio/1.0.json").json()["evidence"]["evaluation"]
        page = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", get(url + "/releases/cardio/1.0", headers=HTML).text))
    assert len(document["unmeasured"]) == 3
    assert document["spread"] is None
    assert "1 of 4 parties measured. Took part in the round, and did not measure:" in page


def test_a_stranger_in_a_report_is_one_in_every_figure() -> None:
    """A report may name anyone."""
    view = measured().view
    strange = "0x" + "34" * 20
    changed = {}
    for digest, fetched in view.latest.state.evaluations.items():
        assert isinstance(fetched, FetchedReport)
        first, *others = fetched.report.parties
        (comparison,) = fetched.report.comparisons
        made = replace(
            fetched.report,
            parties=(replace(first, key=strange), *others),
            comparisons=(replace(comparison, key=strange),),
        )
        changed[digest] = FetchedReport(made, made.mean)
    view.latest.post(evaluations=changed)
    with served(view) as url:
        tables = [
            get(f"{url}{path}").text
            for path in (
                "/releases/cardio/1.0/figures.csv?figure=round-accuracy",
                "/releases/cardio/1.0/figures.csv?figure=sites",
                "/releases/cardio/1.0/figures.csv?figure=roc",
                "/jobs/1/rounds/3/figures.csv?figure=round-accuracy",
                "/compare/figures.csv?a=1/3&b=1/5&figure=pair-accuracy",
            )
        ]
        page = get(url + "/releases/cardio/1.0", headers=HTML).text
    assert all("east (not a member's key)" in text for text in tables)
    assert "east (not a member&#39;s key)\u2069 vouches for it" in page
    assert "3 of 4 parties measured." in page


class TestComparing:
    def test_two_models_stand_side_by_side_with_exact_differences(self, made: Measured, url: str) -> None:
        document = get(url + "/compare.json?a=1/3&b=1/5").json()
        assert document["same_rows"]
        report = next(one.report for one in made.reports.values() if one.report.round == 5)
        first = report.parties[0]
        found = {(one["party"], one["metric"]): one for one in document["differences"] if one["of"] == "party"}
        one = found[first.party, "loss"]
        assert (one["a"], one["b"]) == (first.rounds[3].metrics["loss"], first.metrics["loss"])
        assert float(one["change"]) == pytest.approx(float(one["b"]) - float(one["a"]), abs=1e-9)
        assert [document[side]["round"] for side in ("a", "b")] == [3, 5]

    def test_models_that_one_report_does_not_have_are_said_to_be_of_other_rows(self, url: str) -> None:
        view = measured().view
        last = max(view.latest.state.evaluations.values(), key=lambda one: one.report.round)  # type: ignore[union-attr]
        short = replace(last.report, parties=tuple(replace(one, rounds=()) for one in last.report.parties))
        kept = {
            digest: FetchedReport(short, short.mean) if one is last else one
            for digest, one in view.latest.state.evaluations.items()
        }
        view.latest.post(evaluations=kept)
        with served(view) as other:
            document = get(other + "/compare.json?a=cardio@1.0&b=cardio@2.0").json()
            page = get(other + "/compare?a=cardio@1.0&b=cardio@2.0", headers=HTML).text
        assert not document["same_rows"] and {one["of"] for one in document["differences"]} == {
            "pooled",
            "mean",
            "party",
        }
        assert "rows may differ" in page and "figure-roc" in page

    def test_the_form_works_without_scripts(self, url: str) -> None:
        page = get(url + "/compare?a=cardio@1.0", headers=HTML).text
        assert '<form method="get" action="/compare"' in page
        assert page.count("<option selected>cardio@1.0") == 1 and page.count("<option>1/5") == 2
        assert "<figure" not in page

    @pytest.mark.parametrize("asked", ["a=1/9&b=1/1", "a=nobody@1.0", "a=2/1"])
    def test_what_is_not_there_is_not_found(self, url: str, asked: str) -> None:
        assert get(f"{url}/compare.json?{asked}").status_code == 404

    @pytest.mark.parametrize("asked", ["a=x", "a=1/0", "a=1/1/1", "a=../../x", "b=%3Cscript%3E", "a=" + "9" * 400])
    def test_what_is_no_model_s_name_is_refused(self, url: str, asked: str) -> None:
        assert get(f"{url}/compare.json?{asked}").status_code == 400

    def test_twenty_parties_with_long_names_stay_small(self) -> None:
        names = tuple(f"University Hospital of a Long Name {n}" for n in range(4))
        with served(measured(names).view) as url:
            for path in (*PAGES, SIDES):
                assert len(get(url + path, headers=HTML).content) < 100_000


def test_weights_are_shares_of_the_model(url: str) -> None:
    document: dict[str, Any] = get(url + "/jobs/1/weights.json?limit=2").json()
    assert [one["round"] for one in document["rounds"]] == [5, 4]
    assert all(sum(part["share"] for part in one["parts"]) == 1_000_000 for one in document["rounds"])
    assert document["next"] == "/jobs/1/weights.json?before=4&limit=2"
    assert [one["round"] for one in get(url + document["next"]).json()["rounds"]] == [3, 2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_lines_and_cells_stand_out_enough_to_be_read(scheme: int) -> None:
    """WCAG 2.2, AA: 4.5 to 1, since names are written in the colours of their lines."""
    pages, figures = ((STATIC / name).read_text(encoding="utf-8") for name in ("style.css", "charts.css"))
    colours = {}
    for css in (pages, figures):
        block = css.split("prefers-color-scheme: dark")[scheme]
        colours |= dict(re.findall(r"--(\w[\w-]*): (#[0-9a-f]{6})", block))
    pairs = [(f"s{n}", ground) for n in range(COLOURS) for ground in ("paper", "raised")]
    pairs += [("ink", f"c{n}") for n in range(4)] + [("paper", f"c{n}") for n in (4, 5)]
    for text, ground in pairs:
        low, high = sorted((luminance(colours[text]), luminance(colours[ground])))
        assert (high + 0.05) / (low + 0.05) >= 4.5, (text, ground)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_a_value_shows_where_its_place_is_focused(url: str, page: Any) -> None:
    """Without scripts: by the keyboard, and each place once."""
    page.goto(url + "/jobs/1/models/5")
    stop = page.locator("#figure-round-accuracy .stop").nth(2)
    tip = stop.locator(".tip")
    assert tip.evaluate("one => getComputedStyle(one).visibility") == "hidden"
    page.locator("#figure-round-accuracy .stop").nth(1).focus()
    page.keyboard.press("Tab")
    assert tip.evaluate("one => getComputedStyle(one).visibility") == "visible"
    assert "Round 2" in str(tip.text_content())
