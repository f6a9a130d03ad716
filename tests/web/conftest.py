"""A real consortium behind real pages, made once: a refused update, a refuted aggregate, a round under way."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from web_views import get, served, until

from ledger.config import Home
from ledger.records import Role

BOTH = Role.PARTICIPANT | Role.AGGREGATOR
NAMES = ("North", "South", "East", "West")
CHROMIUM = shutil.which("chromium")
FLAGS = ("headless", "no-sandbox", "disable-gpu", "no-first-run", "disable-background-networking")


@dataclass
class Member:
    name: str
    home: Home
    signer: Any

    @property
    def address(self) -> str:
        return str(self.signer.address)


class Consortium:
    """What `synthetic.Trial` asks of a consortium, over one that localnet founded."""

    def __init__(self, local: Any) -> None:
        from ledger.chain.client import Client
        from ledger.chain.sender import Sender

        self.local, self.network = local, local.network
        self.client = Client.connect(local.network)
        self.members = [Member(r.name, r.home, r.signer) for r in local.residents.values()]
        self.senders = [Sender(self.client, m.signer, m.home.outbox, timeout=20) for m in self.members]

    def send(self, index: int, contract: str, function: str, *arguments: Any) -> Any:
        return self.senders[index].send(contract, function, *arguments)

    def open_job(self, terms: Any, digest: bytes) -> int:
        self.send(0, "ledger", "proposeJob", digest, tuple(terms))
        job = int(self.client.jobs())
        for index in range(1, len(self.members) // 2 + 1):
            self.send(index, "ledger", "approveJob", job)
        return job


@dataclass
class Site:
    """The consortium's pages at `url`, and the trial behind them."""

    url: str
    trial: Any
    view: Any

    def get(self, path: str, **options: Any) -> httpx.Response:
        return get(self.url + path, **options)


def _found(folder: Path) -> Any:
    from ledger.errors import UsageError
    from ledger.localnet.anvil import find_binary
    from ledger.localnet.consortium import found

    try:
        find_binary()
    except UsageError as error:
        pytest.skip(str(error))
    return found(folder, "Four houses", [(name, BOTH) for name in NAMES])


@pytest.fixture
def houses() -> Callable[[Path], Any]:
    """Founds a consortium in a folder, on a chain of its own; stop it."""
    return _found


@pytest.fixture(scope="session")
def found_house() -> Callable[[Path], Any]:
    """Founds a consortium whose members sign what a server relays; a context manager."""
    from contextlib import contextmanager

    from relays import House

    @contextmanager
    def make(folder: Path) -> Iterator[House]:
        local = _found(folder)
        house = House(local)
        try:
            yield house
        finally:
            house.client.close()
            local.stop()

    return make


@pytest.fixture(scope="session")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from aggregators import drive, service
    from synthetic import Trial

    from ledger.localnet.liar import publish_wrong_model

    local = _found(tmp_path_factory.mktemp("web") / "houses")
    try:
        consortium = Consortium(local)
        with Trial(consortium) as trial:
            honest = service(trial.parties[0])
            drive(honest)
            trial.submit(0, 1, 2)
            trial.parties[3].submit(weight=2000)
            drive(honest)
            trial.attest(1, 2)
            drive(honest)
            trial.submit()
            liar = trial.parties[0]
            publish_wrong_model(liar.connection, liar.sender, 1, 2, value=3)
            trial.attest(1, 2)
            other = service(trial.parties[1])
            drive(other)
            trial.attest(2, 3)
            drive(honest, other)
            trial.submit(0, 1)
            yield trial
        consortium.client.close()
    finally:
        local.stop()


@pytest.fixture(scope="session")
def site(trial: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Pages of the consortium, as anyone sees it who has the network file; the first audit has been made."""
    from ledger.connection import Connection
    from ledger.web.board import Board
    from ledger.web.following import Live
    from ledger.web.library import Library
    from ledger.web.view import View

    network, folder = trial.consortium.network, tmp_path_factory.mktemp("visitor")
    board = Board()
    library = Library(board, network)

    def visit() -> Connection:
        return Connection.visit(network, folder)

    view = View(network, board, library, rate=0)
    with Live(board, library, visit, visit, source=False), served(view) as url:
        until(lambda: board.state.documents and board.state.audited)
        yield Site(url, trial, view)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=[f"--{flag}" for flag in FLAGS])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page of its own; what its console complains of fails the test."""
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(f"a dialog: {dialog.message}"))
    yield page
    context.close()
    assert complaints == []
