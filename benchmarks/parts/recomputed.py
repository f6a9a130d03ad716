"""A round of 10 updates of 1,000,000 values recomputed in a page of Chromium, from blocks that come over loopback."""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import measure

sys.path.insert(0, str(measure.ROOT / "tests"))

UPDATES, VALUES, RUNS = 10, 1_000_000, 5
MUST, LONGEST = 4.0, 50.0
"""Seconds; and milliseconds for which the page's own thread may be busy at a time."""


def rows() -> list[measure.Row]:
    """The rows of the page, where there is a Chromium."""
    binary = shutil.which("chromium")
    if binary is None:
        return [measure.row("a round recomputed in a page", f"≤ {MUST:g}", 0, "s", None, "there is no chromium")]
    seconds, longest, megabytes = _measured(binary)
    middle, note = measure.median(seconds), f"{measure.spread(seconds)}; {megabytes:.0f} MB read"
    return [
        measure.row(
            f"a round of {UPDATES} × {VALUES:,} values recomputed in a page",
            f"≤ {MUST:g}",
            middle,
            "s",
            middle <= MUST,
            note,
        ),
        measure.row("… longest task of the page's own thread", f"≤ {LONGEST:g}", longest, "ms", longest <= LONGEST),
    ]


def _measured(binary: str) -> tuple[list[float], float, float]:
    """Seconds of each run, the longest task in milliseconds in the quietest of them, and megabytes that were read."""
    from playwright.sync_api import sync_playwright
    from support.web.recomputed import page_of, round_of

    world = round_of(UPDATES, VALUES)
    with (
        tempfile.TemporaryDirectory() as folder,
        sync_playwright() as playwright,
        page_of(world, Path(folder) / "store") as url,
    ):
        browser = playwright.chromium.launch(executable_path=binary, args=["--headless", "--no-sandbox"])
        runs = [_run(browser, url) for _ in range(RUNS)]
        browser.close()
    return [one for one, _, _ in runs], min(longest for _, longest, _ in runs), runs[0][2]


def _run(browser: Any, url: str) -> tuple[float, float, float]:
    """One run in a context of its own, so that no block is kept from another: from the click to the verdict."""
    from support.web.recomputed import LONG_TASKS, again

    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(f"{url}/verify?job=1&round=1")
    page.evaluate(LONG_TASKS)
    outcome = again(page)
    assert outcome.locator(".mark").inner_text() == "RECOMPUTED"
    said = page.locator("#checked li").first.inner_text().split()
    longest = page.evaluate("Math.max(0, ...window.long)")
    context.close()
    return float(said[said.index("in") + 1]), longest, float(said[said.index("recomputed:") + 1])


if __name__ == "__main__":
    measure.show(rows())
