"""The scripts of /verify are of one version: also where files are replaced under a server that runs on."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.bundles import Staged
from support.web.server import get, served, view_of
from support.worlds.world import World

from web.drawing.saved import verifier

CACHED = (verifier.sources, verifier.version, verifier.saved, verifier.saved_digest, verifier.worker)


def forget() -> None:
    """As if a process began."""
    for one in CACHED:
        one.cache_clear()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the modules, which an upgrade may replace."""
    copied = Path(shutil.copytree(verifier.FOLDER, tmp_path / "verify"))
    monkeypatch.setattr(verifier, "FOLDER", copied)
    forget()
    yield copied
    monkeypatch.undo()
    forget()


def upgrade(folder: Path) -> None:
    for path in folder.rglob("*.js"):
        path.write_text(path.read_text() + "// the next version\n")


def loaded(url: str) -> tuple[str, dict[str, str]]:
    """The folder of the page's scripts, and each script that the page or its workers load."""
    text = get(url + "/verify").text
    worker = re.search(r'data-worker="([^"]+)"', text)
    names = [*verifier.modules("page/controls.js"), *verifier.modules("page/drawing.js"), "page/asking.js", "worker.js"]
    assert worker is not None
    base = worker[1].removesuffix("worker.js")
    answers = {name: get(url + base + name) for name in names}
    assert all(answer.status_code == 200 for answer in answers.values())
    assert all("immutable" in answer.headers["Cache-Control"] for answer in answers.values())
    assert f'src="{base}page/controls.js"' in text
    return base, {name: answer.text for name, answer in answers.items()}


def test_an_upgrade_without_a_restart_mixes_no_versions(folder: Path) -> None:
    with served(view_of(World().open_job().honest_round())) as url:
        upgrade(folder)
        base, texts = loaded(url)
        assert not any("the next version" in text for text in texts.values())
        assert "the next version" not in get(url + "/verify.html").text
    forget()
    with served(view_of(World().open_job().honest_round())) as url:
        after, texts = loaded(url)
        assert after != base, "another version has another address"
        assert all("the next version" in text for text in texts.values())
        assert get(url + base + "page/asking.js").status_code == 404, "what is gone is not another version"
        for name in ("page/nothing.js", "style.css", "..%2Fstyle.css", ""):
            assert get(url + after + name).status_code == 404


@pytest.mark.browser
@pytest.mark.parametrize("gone", ["page/asking.js", "worker.js"])
def test_a_page_of_before_a_restart_says_that_it_is_to_be_reloaded(browser: Any, tmp_path: Path, gone: str) -> None:
    bundle, context = Staged().honest_round().write(tmp_path / "b.car"), browser.new_context(locale="en-GB")
    with served(view_of(World().open_job().honest_round())) as url:
        page = context.new_page()
        page.goto(url + "/verify")
        context.route(f"**/{gone}", lambda route: route.fulfill(status=404, body="{}"))
        page.locator("#bundle input[name=bundle]").set_input_files(bundle)
        page.locator("#doing", has_text=re.compile("reload", re.IGNORECASE)).wait_for()
        assert page.locator("#bundle input[name=bundle]").is_enabled()
        assert page.locator("#outcome").is_hidden()
        context.close()
