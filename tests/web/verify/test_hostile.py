"""Bundles that cost much: the page says what Python says of them, and its own thread stays free."""

from pathlib import Path
from typing import Any

import pytest
from support.bundles import Staged
from support.web.recomputed import codes, is_free

from ledger.bundle.check import check_bundle
from ledger.bundle.form import MAX_ENTRIES, BundleEntry, paged
from ledger.formats.cid import raw
from ledger.formats.digest import sha256
from ledger.store.car import frame, header
from web.drawing.saved.verifier import saved

SHOWN = 50


def gaps(folder: Path, count: int) -> Path:
    """A bundle of nothing but gaps."""
    staged, path = Staged(3), folder / "gaps.car"
    entries = (BundleEntry(staged.block, staged.time, hash=b"%032d" % place) for place in range(count))
    pages = list(paged(entries))
    manifest = staged.manifest()._replace(pages=tuple(map(sha256, pages))).encode()
    path.write_bytes(header(raw(manifest)) + b"".join(frame(raw(b), len(b)) + b for b in (manifest, *pages)))
    return path


@pytest.mark.parametrize("count", [1_023, 1_024, 1_025, MAX_ENTRIES])
def test_of_many_findings_the_first_are_listed_and_the_others_counted(modules: Any, tmp_path: Path, count: int) -> None:
    path = gaps(tmp_path, count)
    verdict = check_bundle(path)
    assert modules("bundle", str(path)) == verdict.encode().decode()
    more = [one.value for one in verdict.findings if one.code == "MORE"]
    assert more == ([count - 1_024] if count > 1_024 else [])


@pytest.mark.browser
def test_the_page_draws_some_of_them_and_stays_free(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "verify.html"
    path.write_bytes(saved())
    context = browser.new_context(locale="en-GB")
    page, bundle = context.new_page(), gaps(tmp_path, MAX_ENTRIES)
    page.goto(path.as_uri())

    def check() -> None:
        page.locator("#bundle input[name=bundle]").set_input_files([])
        page.locator("#bundle input[name=bundle]").set_input_files(bundle)
        page.locator("#bundle input[name=bundle]:enabled").wait_for(timeout=120_000)

    assert is_free(page, check)
    assert len(codes(page)) == SHOWN
    page.get_by_text("These are the first 50 of 1,026").or_(page.get_by_text("first 50 of 1026")).wait_for()
    context.close()
