"""`fedledger audit --html`: the report as a page, of what was asked about."""

from importlib.metadata import EntryPoints
from pathlib import Path

import pytest
from support.consortia.voters import Council, refused, run

from ledger.cli import report_files
from ledger.errors import Unavailable


def test_the_page_has_the_lineage_of_what_was_asked_about(
    released: Council, visitor: tuple[str, ...], tmp_path: Path
) -> None:
    final = released.trial.state.rounds[2].final
    for number, question in enumerate((("--release", "cardio@1.0"), (), ("--model", "1/2"), ("--job", "1"))):
        page = tmp_path / f"{number}.html"
        run("audit", *question, *visitor, "--no-source", "--html", page)
        text = page.read_text()
        assert 'Is it right? <span class="answer yes">yes</span>' in text
        assert final.root.hex() in text
        assert "North" in text
        assert ("release cardio@1.0" in text) is (number < 2)
    chinese = tmp_path / "chinese.html"
    run("audit", *visitor, "--no-source", "--html", chinese, "--language", "zh-Hant")
    assert '正確嗎？ <span class="answer yes">是</span>' in chinese.read_text()


def test_without_the_extra_it_is_said_before_the_audit(
    visitor: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_files, "entry_points", lambda **_: EntryPoints())
    error = refused(Unavailable, "audit", *visitor, "--html", tmp_path / "page.html")
    assert 'pip install "fedledger[web]"' in error.advice
    assert not (tmp_path / "page.html").exists()
