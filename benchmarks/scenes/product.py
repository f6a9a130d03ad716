"""The product's own `fedledger web run` over a consortium on a real chain: rounds, releases, reports on models.

Members, their stores and the chain belong to the process that uses this; the pages are a process of their own, which
audits in the background as it does anywhere.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import measure

sys.path.insert(0, str(measure.ROOT / "tests"))
sys.path.insert(0, str(measure.ROOT))

from support.consortia.founded import Neighbours
from support.consortia.synthetic import Trial
from support.web.reports import evaluation_of

from demo.consortium import found
from ledger.events.encoding import name_word
from ledger.events.records import Role
from ledger.releases.report import Evaluation

RELEASES = 5
PHASE = 86_400
"""Seconds: nothing ends by time but the votes, and collecting, once everyone has committed."""


class Pages(NamedTuple):
    """Where the server is reached, and its process."""

    url: str
    process: int


@contextmanager
def pages(rounds: int, members: int) -> Iterator[Pages]:
    """The server, as long as it is used: of a consortium with so many rounds and members, every release measured."""
    with tempfile.TemporaryDirectory(prefix="bench-web-") as folder, _consortium(Path(folder), members) as trial:
        for _ in range(rounds):
            _round(trial)
        for number in range(1, RELEASES + 1):
            _release(trial, f"1.{number}", rounds * number // RELEASES)
        network = Path(folder) / "houses" / "network.toml"
        with _server(network, Path(folder) / "visitor") as served:
            yield served


@contextmanager
def _consortium(folder: Path, members: int) -> Iterator[Any]:
    roles = Role.PARTICIPANT | Role.AGGREGATOR
    local = found(folder / "houses", "Many houses", [(f"House {number}", roles) for number in range(1, members + 1)])
    try:
        consortium = Neighbours(local)
        with Trial(consortium, rounds=1_000, seconds=PHASE) as trial:
            yield trial
        consortium.client.close()
    finally:
        local.stop()


def _round(trial: Any) -> None:
    """Everyone has an update, a majority attests."""
    trial.consortium.send(0, "ledger", "openRound", trial.number)
    trial.commit()
    trial.open_updates()
    trial.parties[0].publish()
    trial.attest(*range(1, len(trial.parties) // 2 + 1))


def _release(trial: Any, version: str, number: int) -> None:
    """The model of a round, with a report of all members: proposed, voted on by a majority, released."""
    report, send = _report(trial, number), trial.consortium.send
    trial.parties[0].connection.put([report.encode()], f"report {number}")
    names = (name_word("cardio"), name_word(version))
    send(0, "ballots", "proposeRelease", (*names, 1, number, bytes.fromhex(report.root), bytes(32), report.digest))
    decisions = trial.parties[0].connection.refresh().decisions
    made = decisions.proposal(len(decisions.proposals))
    for index in range(len(trial.parties) // 2 + 1):
        send(index, "ballots", "vote", made.id, 1)
    send(0, "ballots", "close", made.id)
    trial.consortium.client.rpc.call("evm_increaseTime", 2)
    trial.consortium.client.rpc.call("evm_mine")
    send(0, "ballots", "execute", made.proposer, made.nonce, int(made.kind), made.encoded)


def _report(trial: Any, number: int) -> Evaluation:
    members = sorted((party.member.name, party.member.address) for party in trial.parties)
    return evaluation_of(trial.consortium.network, number, trial.state.rounds[number].final.root, members)


@contextmanager
def _server(network: Path, home: Path) -> Iterator[Pages]:
    """`fedledger web run`, as anyone starts it who has the network file."""
    options = ["--network", network, "--home", home, "--port", 0, "--rate", 0, "--no-source"]
    log = ["--access-log", home.with_suffix(".log"), "--json"]
    command = [measure.FEDLEDGER, "web", "run", *options, *log]
    server = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=sys.stderr)
    try:
        assert server.stdout is not None
        yield Pages(json.loads(server.stdout.readline())["url"], server.pid)
    finally:
        server.terminate()
        server.wait(30)
