"""The acts of a lie on a real chain, with real contracts and an aggregator that lies: in Chromium every page answers as
the command does, before the lie, while it stands, refuted, after the second aggregate, released and revoked.
"""

import json
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.web.acts import EXITS, Said, reads, red
from support.web.server import get, served, until

from ledger.cli.main import main
from ledger.config import save

pytestmark = pytest.mark.browser
FIRST, SECOND, ROUND = "/jobs/1/models/1", "/jobs/1/models/2", "/jobs/1/rounds/2"
RELEASE, PROPOSED, REVOKED = "/releases/cardio/1.0", "/proposals/1", "/proposals/2"
ALL = ("/", "/audit", "/jobs/1")
YES, CAUGHT = Said("yes"), Said("yes", "caught")
CALM = {"/", FIRST, SECOND, RELEASE}
"""Nothing on these is red where their object is right."""


@dataclass
class Stage:
    """A trial, its pages at `url`, and the network file that the command reads."""

    trial: Any
    url: str
    latest: Any
    network: Path
    honest: Any

    @property
    def head(self) -> int:
        return int(self.trial.consortium.client.latest().number)

    def audited(self, block: int) -> None:
        """Wait until the server has audited the ledger as of a block, or a later one."""

        def done() -> bool:
            state = self.latest.state
            read, last = state.snapshot, state.audited
            seen = read is not None and read.block >= block and last is not None and last.report is not None
            return seen and not last.trouble and last.report.history.block >= block

        until(done)


@pytest.fixture
def stage(found_consortium: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A first round is final and a second one open."""
    from support.consortia.aggregators import drive, service
    from support.consortia.synthetic import Trial

    from ledger.party.connection import Connection
    from web.reading import background
    from web.reading.latest import Latest
    from web.reading.library import Library
    from web.view import View

    monkeypatch.setattr(background, "SHORTEST_REST", 0.2)
    monkeypatch.setattr(background, "SHARE", 0)
    local, consortium = found_consortium(tmp_path / "houses")
    try:
        with Trial(consortium, rounds=2) as trial:
            honest = service(trial.parties[0])
            drive(honest)
            _updates(trial)
            drive(honest)
            trial.attest(1, 2)
            drive(honest)
            network, latest = consortium.network, Latest()
            library = Library(latest, network)
            save(tmp_path / "network.toml", network)

            def visit() -> Connection:
                return Connection.visit(network, tmp_path / "visitor")

            live = background.Live(latest, library, visit, visit, source=False)
            with live, served(View(network, latest, library, rate=0)) as url:
                yield Stage(trial, url, latest, tmp_path / "network.toml", honest)
        consortium.client.close()
    finally:
        local.stop()


def _updates(trial: Any) -> None:
    trial.submit()
    trial.vouch()


def _lie(stage: Stage) -> None:
    from support.consortia.aggregators import drive, service

    from demo.liar import Liar

    _updates(stage.trial)
    drive(service(stage.trial.parties[0], kind=Liar, value=3))


def _refute(stage: Stage) -> None:
    stage.trial.attest(1, 2)


def _second(stage: Stage) -> None:
    from support.consortia.aggregators import drive, service

    drive(service(stage.trial.parties[1]))
    stage.trial.attest(2, 3)


def _release(stage: Stage) -> None:
    final = stage.trial.state.rounds[2].final
    words = [text.ljust(32, b"\0") for text in (b"cardio", b"1.0")]
    _decide(stage.trial, "proposeRelease", (*words, 1, 2, final.root, bytes(32), bytes(32)))


def _revoke(stage: Stage) -> None:
    _decide(stage.trial, "proposeRevocation", *(one.ljust(32, b"\0") for one in (b"cardio", b"1.0", b"wrong labels")))


def _decide(trial: Any, function: str, *arguments: Any) -> None:
    """Propose, vote by three of four, close, execute."""
    send = trial.consortium.send
    send(0, "ballots", function, *arguments)
    decisions = trial.parties[0].connection.refresh().decisions
    made = decisions.proposal(len(decisions.proposals))
    for index in (0, 1, 2):
        send(index, "ballots", "vote", made.id, 1)
    send(3, "ballots", "close", made.id)
    trial.consortium.client.rpc.call("evm_increaseTime", 2)
    trial.consortium.client.rpc.call("evm_mine")
    send(3, "ballots", "execute", made.proposer, made.nonce, int(made.kind), made.encoded)


ACTS: dict[str, tuple[Callable[[Stage], None], dict[str, Said]]] = {
    "before the lie": (
        lambda _: None,
        dict.fromkeys((*ALL, FIRST, "/jobs/1/rounds/1"), YES) | {ROUND: Said("nothing")},
    ),
    "while it stands": (_lie, {page: Said("no", "pending") for page in (*ALL, ROUND)} | {FIRST: YES}),
    "refuted": (_refute, dict.fromkeys(ALL, CAUGHT) | {ROUND: Said("nothing", "caught"), FIRST: YES}),
    "after the second aggregate": (_second, dict.fromkeys((*ALL, ROUND, SECOND), CAUGHT) | {FIRST: YES}),
    "released": (_release, dict.fromkeys((*ALL, ROUND, SECOND, RELEASE, PROPOSED), CAUGHT)),
    "revoked": (_revoke, dict.fromkeys((*ALL, SECOND, RELEASE, PROPOSED, REVOKED), CAUGHT)),
}


def test_every_page_and_the_command_agree_at_every_act(
    stage: Stage, page: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    for act, (play, pages) in ACTS.items():
        play(stage)
        stage.audited(stage.head)
        asked = set()
        for path, said in pages.items():
            reads(page, stage.url, path, said, "aggregate 1/2, attempt 1")
            if said.right != "no" and path in CALM:
                assert red(page, stage.url + path) == [], (act, path)
            document = get(stage.url + ("/consortium" if path == "/" else path) + ".json").json()
            command = document["answers"]["command"]
            if command not in asked:
                asked.add(command)
                assert run(command, stage.network, capfd) == EXITS[said.right], (act, command)
    page.goto("about:blank")


def run(command: str, network: Path, capfd: pytest.CaptureFixture[str]) -> int:
    """The exit code of the command that a page shows, which its document has, too."""
    words = [str(network) if word == "NETWORK.toml" else word for word in shlex.split(command)[1:]]
    code = 0
    try:
        main([*words, "--no-source", "--json"])
    except SystemExit as ended:
        code = int(ended.code or 0)
    assert json.loads(capfd.readouterr().out)["exit"] == code
    return code


def test_a_change_of_the_ledger_appears_and_is_announced(stage: Stage, page: Any) -> None:
    stage.trial.commit(0, 1)
    page.goto(stage.url + ROUND)
    rows = page.locator("section[aria-labelledby=h-updates] tbody tr")
    until(lambda: rows.count() == 2)
    stage.trial.submit(2)
    until(lambda: rows.count() == 3)
    assert page.locator("#live-status").inner_text()
    assert page.locator("[aria-live=polite]").count() == 2, "changes, and what a wallet says"
    page.goto("about:blank")
