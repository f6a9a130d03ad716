"""Rounds of any size behind pages, and what a browser says of them: for tests of the page that recomputes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from support.web.server import network, served, view_of
from support.worlds.world import CONTRACT, World

from ledger.config import Contract
from ledger.formats.artifact import Tensor
from ledger.jobs.document import Admission
from ledger.store.embedded import Embedded
from web.reading.library import Library
from web.view import View

LONG_TASKS = """() => {
  window.long = [];
  new PerformanceObserver((list) => list.getEntries().forEach((one) => window.long.push(one.duration)))
    .observe({ type: "longtask" });
}"""
VERDICT_WAIT = 120_000
LONGEST_TASK = 50.0
"""Milliseconds; the second is for how long at a time the page's own thread may be busy."""
TRIES = 6


def round_of(updates: int, values: int) -> World:
    """A world with one honest round of so many updates of so many values."""
    limits = Admission(min_updates=2, max_weight=1000, max_value=1 << 30, max_norm=1 << 40)
    tensors = (Tensor("layer.bias", (10,)), Tensor("layer.weight", (values - 10,)))
    return World(updates, tensors=tensors, limits=limits).open_job().honest_round()


def stored(world: World, folder: Path) -> View:
    """A view of a world whose files a store has."""
    store = Embedded(folder, create=True)
    for place, data in enumerate(world.files.files.values()):
        store.put([data], f"file-{place}")
    store.put([world.job.encode()], "job")
    known = network()
    ledger = Contract(address=CONTRACT, code_hash="0x" + "00" * 32)
    known = msgspec.structs.replace(known, contracts=msgspec.structs.replace(known.contracts, ledger=ledger))
    view = view_of(world, known=known)
    return View(known, view.latest, Library(view.latest, known, store), rate=0)


@contextmanager
def page_of(world: World, folder: Path) -> Iterator[str]:
    """The address of pages over a world."""
    with served(stored(world, folder)) as url:
        yield url


def recompute(page: Any, url: str, job: int, number: int) -> Any:
    """Ask the page to recompute a round; its section with the outcome."""
    page.goto(f"{url}/verify?job={job}&round={number}")
    return again(page)


def again(page: Any) -> Any:
    """Recompute the round that is chosen."""
    page.locator("#recompute button").click()
    page.locator("#recompute button:enabled").wait_for(timeout=VERDICT_WAIT)
    return page.locator("#outcome")


def codes(page: Any) -> list[str]:
    """The findings that the page shows, each as its check and its code."""
    return list(page.locator("#findings tbody tr").evaluate_all("(rows) => rows.map((row) => row.dataset.code)"))


def is_free(page: Any, work: Callable[[], object]) -> bool:
    """Whether the page's own thread was never busy for longer than it may be while `work` is done.

    Tasks are timed by the clock, so that other processes of the machine make them longer: once is enough.
    """
    for _ in range(TRIES):
        page.evaluate(LONG_TASKS)
        work()
        if page.evaluate("Math.max(0, ...window.long)") <= LONGEST_TASK:
            return True
    return False
