"""A real Chromium, and a member at its browser, with a wallet of its own."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from support.web.server import until
from support.web.wallet import Wallet

PATIENCE = 120_000
"""Milliseconds that a page may take for anything: the machine may be busy."""
CHROMIUM = shutil.which("chromium")
FLAGS = ("headless", "no-sandbox", "disable-gpu", "no-first-run", "disable-background-networking")


@contextmanager
def chromium() -> Iterator[Any]:
    """Debian's browser, run by Playwright; skips the test where it is not there."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=[f"--{flag}" for flag in FLAGS])
        made.new_context, made.new_page = _patient(made.new_context), _patient(made.new_page)
        yield made
        made.close()


def _patient(make: Callable[..., Any]) -> Callable[..., Any]:
    """Makes contexts, or pages, that wait for as long as a busy machine takes."""

    def made(**options: Any) -> Any:
        one = make(**options)
        one.set_default_timeout(PATIENCE)
        return one

    return made


class Member:
    """A browser with a wallet that signs with the key of `signer`, and what its console complained of."""

    def __init__(self, browser: Any, url: str, signer: Any, *names: str) -> None:
        self.wallet, self.url = Wallet(signer), url
        self.context = browser.new_context(locale="en-GB")
        self.wallet.inject(self.context, names)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, path: str) -> "Member":
        self.page.goto(self.url + path)
        return self

    def sign_in(self) -> "Member":
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_role("button", name="Sign out").wait_for()
        return self

    def vote(self, word: str) -> "Member":
        self.page.get_by_role("button", name=word, exact=True).click()
        self.reads("on the ledger")
        return self

    def press(self, name: str) -> "Member":
        self.page.get_by_role("button", name=name, exact=True).click()
        self.reads("on the ledger")
        return self

    def reads(self, words: str) -> None:
        """Wait for the status line, which a screen reader reads out, to be seen with these words."""
        status = self.page.locator("#wallet-status")
        try:
            until(lambda: status.is_visible() and words in status.inner_text())
        except AssertionError:
            raise AssertionError(f"{words!r} is not shown, but {status.inner_text()!r}") from None
