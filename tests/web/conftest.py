"""A real consortium behind real pages, made once: a refused update, a refuted aggregate, a round under way."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from support.consortia.founded import Neighbours
from support.web.server import get, served, until

from ledger.events.records import Role

BOTH = Role.PARTICIPANT | Role.AGGREGATOR
LONG = 86_400
"""Seconds of a phase: the last round stays open for all the tests of a session, and ends before a vote does."""
NAMES = ("North", "South", "East", "West")


@dataclass
class Site:
    """The consortium's pages at `url`, and the trial behind them."""

    url: str
    trial: Any
    view: Any

    def get(self, path: str, **options: Any) -> httpx.Response:
        return get(self.url + path, **options)


def _found(folder: Path, vote_seconds: int = 3_600) -> Any:
    from demo.anvil import find_binary
    from demo.consortium import QUICK_RULES, found
    from ledger.errors import UsageError

    try:
        find_binary()
    except UsageError as error:
        pytest.skip(str(error))
    rules = msgspec.structs.replace(QUICK_RULES, vote_seconds=vote_seconds)
    return found(folder, "Four houses", [(name, BOTH) for name in NAMES], rules=rules)


@pytest.fixture
def houses() -> Callable[[Path], Any]:
    """Founds a consortium in a folder, on a chain of its own; stop it."""
    return _found


def report_on(trial: Any, number: int) -> Any:
    """What two houses measured of a round's model."""
    from ledger.releases.report import Evaluation, PartyFigures, RoundFigures

    final = trial.state.rounds[number].final
    network = trial.consortium.network

    def figures(place: int) -> dict[str, str]:
        return {"accuracy": f"0.{90 + place}", "loss": f"0.{30 - place}"}

    return Evaluation(
        fedledger="evaluation/1",
        chain=network.chain.id,
        ledger=network.contracts.ledger.address,
        job=1,
        round=number,
        root=final.root.hex(),
        parties=tuple(
            PartyFigures(
                party=NAMES[index],
                key=trial.parties[index].member.address,
                samples=100,
                rows="own_file",
                metrics=figures(number + index),
                rounds=tuple(RoundFigures(round=place, metrics=figures(place + index)) for place in range(number + 1)),
            )
            for index in (0, 1)
        ),
    )


def _decide(trial: Any) -> None:
    """cardio 1.0 is released; early 0.1 released and revoked; cardio 1.1 is voted on, as are West's roles."""

    report = report_on(trial, 1)
    trial.parties[0].connection.put([report.encode()], "report")
    carry_out(trial, "proposeRelease", release_call(trial, "cardio", "1.0", 1, report.digest))
    carry_out(trial, "proposeRelease", release_call(trial, "early", "0.1", 2))
    early = [text.ljust(32, b"\0") for text in (b"early", b"0.1")]
    carry_out(trial, "proposeRevocation", *early, b"wrong labels".ljust(32, b"\0"))
    send = trial.consortium.send
    send(0, "ballots", "proposeRelease", release_call(trial, "cardio", "1.1", 2, b"R" * 32))
    send(0, "ballots", "vote", latest_proposal(trial).id, 1)
    send(3, "ballots", "vote", latest_proposal(trial).id, 2)
    send(1, "ballots", "proposeRoles", 3, 1)


def release_call(trial: Any, name: str, version: str, number: int, report: bytes = bytes(32)) -> tuple[Any, ...]:
    """The argument of proposeRelease."""
    from ledger.events.encoding import name_word

    return (name_word(name), name_word(version), 1, number, trial.state.rounds[number].final.root, bytes(32), report)


def latest_proposal(trial: Any) -> Any:
    decisions = trial.parties[0].connection.refresh().decisions
    return decisions.proposal(len(decisions.proposals))


def carry_out(trial: Any, function: str, *arguments: Any) -> None:
    """Propose, vote by three of four, close, execute."""
    send = trial.consortium.send
    send(0, "ballots", function, *arguments)
    made = latest_proposal(trial)
    for index in (0, 1, 2):
        send(index, "ballots", "vote", made.id, 1)
    send(3, "ballots", "close", made.id)
    trial.consortium.client.rpc.call("evm_increaseTime", 2)
    trial.consortium.client.rpc.call("evm_mine")
    send(3, "ballots", "execute", made.proposer, made.nonce, int(made.kind), made.encoded)


@pytest.fixture(scope="session")
def found_consortium() -> Callable[[Path], Any]:
    """Founds a consortium for a trial; returns the one that runs, and what a trial needs of it."""

    def make(folder: Path) -> Any:
        local = _found(folder)
        return local, Neighbours(local)

    return make


@pytest.fixture(scope="session")
def found_house() -> Callable[[Path], Any]:
    """Founds a consortium whose members sign what a server relays; a context manager."""
    from contextlib import contextmanager

    from support.web.relay import House

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
    from support.consortia.aggregators import drive, service
    from support.consortia.synthetic import Trial

    from demo.liar import Liar

    local = _found(tmp_path_factory.mktemp("web") / "houses", 2 * LONG)
    try:
        consortium = Neighbours(local)
        with Trial(consortium, seconds=LONG) as trial:
            honest = service(trial.parties[0])
            drive(honest)
            trial.commit(0, 1, 2)
            trial.parties[3].submit(weight=2000)
            trial.open_updates()
            trial.vouch()
            drive(honest)
            trial.attest(1, 2)
            drive(honest)
            trial.submit()
            trial.vouch()
            drive(service(trial.parties[0], kind=Liar, value=3))
            trial.attest(1, 2)
            other = service(trial.parties[1])
            drive(other)
            trial.attest(2, 3)
            drive(honest, other)
            _decide(trial)
            trial.commit(0, 1)
            head = consortium.client.latest().number
            yield trial
            assert consortium.client.latest().number == head, "a test changed the ledger that all tests read"
        consortium.client.close()
    finally:
        local.stop()


@pytest.fixture(scope="session")
def site(trial: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Pages of the consortium, as anyone with the network file sees it; the first audit has been made."""
    from ledger.keys import ephemeral
    from ledger.party.connection import Connection
    from web.reading.background import Live
    from web.reading.latest import Latest
    from web.reading.library import Library
    from web.relay.relayer import Relayer
    from web.view import View

    network, folder = trial.consortium.network, tmp_path_factory.mktemp("visitor")
    latest = Latest()
    library = Library(latest, network)

    def visit() -> Connection:
        return Connection.visit(network, folder)

    relayer = Relayer(network, latest, ephemeral(), folder / "relay")
    view = View(network, latest, library, rate=0, relayer=relayer)
    with Live(latest, library, visit, visit, source=False), served(view) as url:
        until(lambda: latest.state.documents and latest.state.audited and len(latest.state.evaluations) == 2)
        yield Site(url, trial, view)


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
