"""Two edges, a participant and five clients as real processes: some are killed, and one edge breaks its word."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.command import fedledger
from support.consortia.chaos import COORDINATOR, PARTICIPANTS, Consortium
from support.consortia.trainers import write_data
from support.journals import entries
from support.passphrases import write_passphrase

from demo.process import Fedledger
from ledger.audit.report import Check
from ledger.history.state import Phase

pytestmark = [
    pytest.mark.node,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes end with their parent on Linux only"),
]
ROUNDS = 2
CLIENTS = {"Hospital 1": ("a", "b"), "Hospital 2": ("c", "d", "e")}
HONEST, LYING = CLIENTS
LEFT_OUT = "e"
MEMBER = {HONEST: 1, LYING: 2}
"""Member indices: the coordinator is member 0."""


class EdgeConsortium(Consortium):
    """A coordinator, two edges with clients of their own, and a participant that trains itself."""

    def __init__(self, folder: Path) -> None:
        self.clients: dict[str, Fedledger] = {}
        self.addresses: dict[str, str] = {}
        self.urls: dict[str, str] = {}
        super().__init__(folder, ROUNDS)

    def close(self) -> None:
        for process in self.clients.values():
            process.stop()
        super().close()

    def home(self, client: str) -> Path:
        return self.folder / "clients" / client

    def _open_job(self) -> None:
        """A job with edges, whose lists the command publishes: the draft names one by its file, one by its digest."""
        named = {}
        for edge, names in CLIENTS.items():
            home = self._of(edge).home.folder
            said("edge", "init", "--home", home)
            for name in names:
                self.addresses[name] = self._new_client(name)
            keys = [self.addresses[name] for name in names]
            digest = said("edge", "members", *keys, "--home", home)["digest"]
            named[edge] = digest if edge == HONEST else str(home / "edge" / "members.json")
        lists = "".join(f'{MEMBER[edge]} = "{one}"\n' for edge, one in named.items())
        self.scoring = f"\n[hierarchy]\nmin_children = 2\nmax_children = 64\n\n[hierarchy.edges]\n{lists}"
        super()._open_job()

    def serve(self, edge: str, port: int = 0) -> None:
        """Start an edge's service; where it was before, once it was."""
        self._start_edge(edge, port)
        log = self.processes["edge", edge].log
        self.urls[edge] = eventually(lambda: _last(log, "started"), "the edge serves")["url"]

    def follow(self, client: str, edge: str, *options: Any) -> None:
        """Start a client."""
        home = self.home(client)
        words = ["edge", "client", "run", "--edge", self.urls[edge], "--data", home / "data.csv", "--poll", "0.2"]
        words += ["--passphrase-file", home / "passphrase", "--home", home, "--json", *options]
        self.clients[client] = Fedledger(client, words, self.folder / "log" / f"client-{client}.log", warm=True)

    def notes(self, client: str, action: str) -> list[dict[str, Any]]:
        return _notes(self.home(client) / "client.jsonl", action)

    def edge_notes(self, edge: str, action: str) -> list[dict[str, Any]]:
        return _notes(self._of(edge).home.folder / "edge.jsonl", action)

    def prove(self, client: str, edge: str, number: int, *options: Any) -> Any:
        words = ("edge", "client", "proof", "--edge", self.urls[edge], "--round", number, "--json")
        return fedledger(*words, "--home", self.home(client), *options)

    def kill_edge(self, edge: str) -> None:
        """End an edge's service without a word, and start it again where it was."""
        os.kill(self.processes["edge", edge]._process.pid, signal.SIGKILL)  # type: ignore[attr-defined]
        self.serve(edge, int(self.urls[edge].rpartition(":")[2]))

    def tend(self) -> None:
        """Nobody starts again what ends here: it must not."""
        for key, process in self.processes.items():
            assert process.running, f"{key}: {process.tail()}"

    def _start_edge(self, edge: str, port: int) -> None:
        resident = self._of(edge)
        words: list[Any] = ["edge", "run", "--home", resident.home.folder, "--port", port, "--poll", "0.2", "--json"]
        words += ["--passphrase-file", resident.passphrase_file]
        log = self.folder / "log" / f"edge-{edge}-{time.monotonic_ns()}.log"
        self.processes["edge", edge] = Fedledger(edge, words, log, warm=True)

    def _new_client(self, name: str) -> str:
        home = self.home(name)
        home.mkdir(parents=True)
        write_data(home / "data.csv", ord(name))
        secret = write_passphrase(home / "passphrase", "correct horse")
        made = said("edge", "client", "new", "--light", "--passphrase-file", secret, "--home", home)
        return str(made["address"])


def said(*words: Any) -> dict[str, Any]:
    """What a command that works prints."""
    done = fedledger(*words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def _notes(path: Path, action: str) -> list[dict[str, Any]]:
    return [line for line in entries(path) if line["action"] == action]


def _last(log: Path, action: str) -> dict[str, Any] | None:
    found = [one for one in entries(log) if one.get("action") == action]
    return found[-1] if found else None


def eventually(look: Callable[[], Any], what: str, seconds: float = 200.0) -> Any:
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, f"it does not happen that {what}"
        time.sleep(0.05)
    return found


@pytest.fixture
def consortium(tmp_path: Path) -> Iterator[EdgeConsortium]:
    pytest.importorskip("torch")
    made = EdgeConsortium(tmp_path / "edges")
    yield made
    made.close()


def test_edges_that_are_killed_and_one_that_leaves_a_client_out(consortium: EdgeConsortium) -> None:
    start(consortium)
    first_round(consortium)
    second_round(consortium)
    consortium.wait(lambda state: state.complete)
    check(consortium)


def start(consortium: EdgeConsortium) -> None:
    for name in PARTICIPANTS:
        consortium._start("node", name)
    consortium._start("aggregator", COORDINATOR)
    for edge in CLIENTS:
        consortium.serve(edge)


def first_round(consortium: EdgeConsortium) -> None:
    """A client dies while it trains, an edge after its first receipt: both go on where they were."""
    for client in CLIENTS[HONEST]:
        consortium.follow(client, HONEST, "--rounds", ROUNDS)
    consortium.follow("c", LYING, "--rounds", ROUNDS)
    eventually(lambda: consortium.notes("a", "trains"), "a client trains")
    consortium.clients["a"].kill()
    eventually(lambda: consortium.edge_notes(LYING, "took"), "the edge takes an update")
    consortium.kill_edge(LYING)
    consortium.follow("a", HONEST, "--rounds", ROUNDS, "--network", consortium.local.network_file)
    for client in ("d", LEFT_OUT):
        consortium.follow(client, LYING, "--rounds", ROUNDS)
    consortium.wait(lambda state: len(state.rounds) == ROUNDS)


def second_round(consortium: EdgeConsortium) -> None:
    """An edge forgets an update that it gave a receipt for, and waits in vain for another."""
    folder = consortium._of(LYING).home.folder / "edge" / "rounds" / "1-2"
    receipt = folder / f"{consortium.addresses[LEFT_OUT]}.receipt"
    os.kill(consortium.processes["node", LYING]._process.pid, signal.SIGSTOP)  # type: ignore[attr-defined]
    for client in CLIENTS[LYING]:
        eventually(lambda client=client: len(consortium.notes(client, "receipt")) == ROUNDS, f"{client} has receipts")
    receipt.unlink()
    os.kill(consortium.processes["node", LYING]._process.pid, signal.SIGCONT)  # type: ignore[attr-defined]
    consortium.wait(lambda state: {1, 3} <= state.rounds[2].commitments.keys())
    consortium.pass_time(460)


def check(consortium: EdgeConsortium) -> None:
    """Every round has every member's update, once; all is right; and who was left out convicts its edge."""
    state = consortium.state()
    assert state is not None
    assert [round_.phase for round_ in state.rounds.values()] == [Phase.FINALISED] * ROUNDS
    updates = consortium.updates()
    assert len(updates) == len(set(updates)) == ROUNDS * len(PARTICIPANTS)
    report = consortium.audit()
    assert (report.right.answer, report.lies.answer) == ("yes", "none"), report.to_json().decode()
    assert [one for one in report.open.list if one.check is not Check.SOURCE] == []
    for client in consortium.clients.values():
        assert client.wait(60) == 0, client.tail()
    chain = ("--network", consortium.local.network_file)
    for edge, names in CLIENTS.items():
        for name in names:
            for number in (1, 2):
                lied = (name, number) == (LEFT_OUT, 2)
                done = consortium.prove(name, edge, number, *chain)
                assert done.returncode == (1 if lied else 0), done.stderr
                assert json.loads(done.stdout)["kept"] == ("broken" if lied else "kept")
    proof = consortium.folder / "proof.json"
    consortium.prove("a", HONEST, 1, "--out", proof, *chain)
    for number, code in ((1, 0), (2, 1)):
        done = fedledger("edge", "check", proof, "--round", number, "--json", *chain)
        assert done.returncode == code, done.stderr
        told = json.loads(done.stdout)
        assert (told["party"], told["round"]) == (consortium.addresses["a"], number)
        assert (told["edge"], told["admitted"]) == ((MEMBER[HONEST], True) if number == 1 else (None, None))
    shown = consortium.prove(LEFT_OUT, LYING, 2)
    assert (shown.returncode, json.loads(shown.stdout)["checked"]) == (1, "edge")
