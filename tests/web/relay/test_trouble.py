"""A relayer without money, without a chain, on a chain that changes its mind, and killed at every point where something
takes effect: nothing is lost, and nothing is sent twice."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from support.command import fedledger
from support.crashing.relayer import KILLED, POINTS, run
from support.passphrases import write_passphrase
from support.web.relay import House, Site, post, relaying
from support.web.server import get, until

from demo.anvil import Anvil
from ledger.chain.sender import Sender
from ledger.errors import Rejected
from ledger.events.actions import ChangeRoles
from ledger.events.records import Choice
from ledger.keys import create, ephemeral

Found = Callable[[Path], AbstractContextManager[House]]
GWEI = 10**9


@pytest.fixture
def house(tmp_path: Path, found_house: Found) -> Iterator[House]:
    with found_house(tmp_path / "house") as house:
        yield house


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, found_house: Found) -> Iterator[House]:
    with found_house(tmp_path_factory.mktemp("crashes") / "house") as house:
        yield house


def reason(site: Site, answer: httpx.Response) -> str:
    return str(site.status(answer)["reason"])


def test_a_relayer_out_of_money_says_so_and_goes_on_once_it_has_some(house: House, tmp_path: Path) -> None:
    proposal = house.propose()
    call = house.client.rpc.call
    call("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
    call("evm_mine")
    chain = msgspec.structs.replace(house.network.chain, gas_price="market")
    with relaying(house, tmp_path, network=msgspec.structs.replace(house.network, chain=chain)) as site:
        answers = [site.post(house.vote(index, proposal)) for index in (0, 1)]
        until(lambda: reason(site, answers[0]) == "OutOfMoney")
        status = site.status(answers[1])
        assert status["status"] == "queued"
        assert site.relayer.address in status["advice"]
        assert "fedledger_relayer_up 0.0" in site.get("/metrics").text
        assert site.get("/ready").status_code == 200
        call("anvil_setBalance", site.relayer.address, hex(10**18))
        assert [site.settled(answer)["status"] for answer in answers] == ["done", "done"]
        assert 0 < site.relayer.balance <= 10**18
    assert house.votes(proposal) == {0: Choice.FOR, 1: Choice.FOR}


def test_while_the_chain_is_down_messages_wait_and_say_why(house: House, tmp_path: Path) -> None:
    proposal = house.propose()
    port, state = house.local.anvil.port, house.local.folder / "chain.json"
    with relaying(house, tmp_path) as site:
        site.read()
        house.local.anvil.stop()
        answer = post(site.url + "/relay.json", json=house.vote(0, proposal))
        assert answer.status_code == 202
        until(lambda: reason(site, answer) == "Unavailable")
        assert site.status(answer)["status"] == "queued"
        assert site.status(answer)["advice"]
        house.local.anvil = Anvil.start(port, state)
        assert site.settled(answer)["status"] == "done"
    assert house.votes(proposal) == {0: Choice.FOR}


def test_a_vote_that_a_reorganisation_took_away_is_sent_again(house: House, tmp_path: Path) -> None:
    proposal = house.propose()
    with relaying(house, tmp_path) as site:
        first = site.post(house.vote(0, proposal))
        shown = site.settled(first)
        assert shown["status"] == "done"
        before = _receipt(house, shown["tx"])["blockHash"]
        house.client.rpc.call("anvil_reorg", 1, [])
        until(lambda: house.votes(proposal))
        until(lambda: site.status(first)["status"] == "done")
        assert _receipt(house, site.status(first)["tx"])["blockHash"] != before
        site.read()
        assert site.post(house.vote(0, proposal, "against")).json()["error"] == "AlreadyVoted"
    assert house.votes(proposal) == {0: Choice.FOR}
    assert house.transactions(site.relayer.address) == 1


def test_a_proposal_and_the_votes_on_it_come_back_after_a_reorganisation(house: House, tmp_path: Path) -> None:
    with relaying(house, tmp_path) as site:
        made = site.post(house.proposal(0, 1, ChangeRoles(3, 7)))
        went = site.settled(made)
        proposal = house.decisions.proposal(1)
        votes = [site.post(house.vote(index, proposal)) for index in (0, 1)]
        assert {site.settled(vote)["status"] for vote in votes} == {"done"}
        deep = house.client.latest().number - _block(house, went["tx"]) + 1
        house.client.rpc.call("anvil_reorg", deep, [])
        assert house.client.view("ballots", "proposals") == [0]
        until(lambda: len(_votes(house)) == 2)
        until(lambda: {site.status(one)["status"] for one in (made, *votes)} == {"done"})
    assert _votes(house) == {0: Choice.FOR, 1: Choice.FOR}
    assert house.decisions.proposal(1).id == proposal.id


def test_a_transaction_that_falls_out_of_the_chain_refuses_nothing(
    shared: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposal, real, lost = shared.propose(3), Sender.send, []

    def send(sender: Sender, *arguments: Any) -> Any:
        if not lost:
            lost.append(arguments)
            raise Rejected("the transaction fell out of the chain: nonce too low", tx="0x" + "0f" * 32)
        return real(sender, *arguments)

    with relaying(shared, tmp_path, started=False) as site:
        answer = site.post(shared.vote(0, proposal))
        monkeypatch.setattr(Sender, "send", send)
        with site.relayer:
            assert site.settled(answer)["status"] == "done"
    assert shared.votes(proposal) == {0: Choice.FOR}


def _receipt(house: House, tx: str) -> dict[str, str]:
    found: dict[str, str] = house.client.rpc.call("eth_getTransactionReceipt", "0x" + tx)
    return found


def _block(house: House, tx: str) -> int:
    return int(_receipt(house, tx)["blockNumber"], 16)


def _votes(house: House) -> dict[int, Choice]:
    made = house.decisions.proposal(1)
    return made.votes if made else {}


def test_a_vote_that_a_reorganisation_replaced_by_another_is_refused(house: House, tmp_path: Path) -> None:
    """The member voted otherwise, directly, on the chain that won."""
    proposal = house.propose()
    with relaying(house, tmp_path) as site:
        answer = site.post(house.vote(0, proposal))
        site.settled(answer)
    house.client.rpc.call("anvil_reorg", 1, [])
    house.send(0, "vote", proposal.id, 2)
    with relaying(house, tmp_path, payer=ephemeral()) as site:
        until(lambda: site.status(answer)["status"] == "refused")
        assert reason(site, answer) == "ALREADY_VOTED"
    assert house.votes(proposal) == {0: Choice.AGAINST}


@pytest.mark.parametrize("point", POINTS)
def test_killed_and_resumed(shared: House, tmp_path: Path, point: str) -> None:
    """A signed proposal, votes that go together and one alone; killed there, and started again."""
    payer = ephemeral()
    key = bytes(payer._account.key)
    two, one = shared.propose(1), shared.propose(2)
    number = one.number + 1
    with relaying(shared, tmp_path, payer=payer, started=False) as site:
        bodies = [
            shared.proposal(0, shared.next_nonce(0), ChangeRoles(3, 7)),
            *(shared.vote(index, two) for index in (0, 1, 2)),
            shared.vote(3, one, "against"),
        ]
        names = [site.post(body).json()["id"] for body in bodies]
        network_file = shared.local.network_file
        assert run(network_file, tmp_path, key, point) == KILLED
        assert run(network_file, tmp_path, key) == 0
        entries = [site.relayer.queue.entry(name) for name in names]
    assert [entry.status for entry in entries] == ["done"] * 5
    assert shared.votes(two) == {0: Choice.FOR, 1: Choice.FOR, 2: Choice.FOR}
    assert shared.votes(one) == {3: Choice.AGAINST}
    assert len(shared.decisions.proposals) == number
    used = {entry.tx for entry in entries}
    assert len(used) == shared.transactions(payer.address) == 3, "nothing was sent twice"


def test_killed_again_and_again(shared: House, tmp_path: Path) -> None:
    payer = ephemeral()
    key = bytes(payer._account.key)
    proposal = shared.propose()
    with relaying(shared, tmp_path, payer=payer, started=False) as site:
        name = site.post(shared.vote(0, proposal)).json()["id"]
        for point in POINTS:
            run(shared.local.network_file, tmp_path, key, point)
        assert run(shared.local.network_file, tmp_path, key) == 0
        entry = site.relayer.queue.entry(name)
        assert entry is not None
        assert entry.status == "done"
    assert shared.transactions(payer.address) == 1


class Command:
    """`fedledger web run` with a relayer, in a process of its own."""

    def __init__(self, house: House, home: Path, *options: Any) -> None:
        arguments = ["web", "run", "--network", house.local.network_file, "--home", home, "--port", 0, "--no-source"]
        arguments += ["--json", "--access-log", home / "access.jsonl", *options]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ledger.cli.main", *map(str, arguments)], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.url = json.loads(self.process.stdout.readline())["url"]
        until(lambda: get(self.url + "/ready").status_code == 200)

    def end(self, number: int = signal.SIGINT) -> None:
        self.process.send_signal(number)
        self.process.wait(60)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A server's home, with a relayer's key."""
    home, secret = tmp_path / "home", tmp_path / "secret"
    home.mkdir()
    write_passphrase(secret, "correct horse")
    made = fedledger("web", "relayer", "--light", "--home", home, "--passphrase-file", secret, "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["keystore"] == str(home / "relayer.json")
    return home


def test_what_was_taken_survives_a_kill_of_the_server(house: House, home: Path, tmp_path: Path) -> None:
    proposal = house.propose()
    paying = ("--relayer", home, "--relayer-passphrase-file", tmp_path / "secret")
    server = Command(house, home, *paying)
    try:
        house.client.rpc.call("evm_setAutomine", False)
        answer = post(server.url + "/relay.json", json=house.vote(0, proposal))
        assert answer.status_code == 202
        until(lambda: get(server.url + answer.json()["url"]).json()["status"] == "sent")
        server.end(signal.SIGKILL)
        later = house.vote(1, proposal)
        house.client.rpc.call("evm_setAutomine", True)
        house.client.rpc.call("evm_mine")
        server = Command(house, home, *paying)
        second = post(server.url + "/relay.json", json=later)
        for one in (answer, second):
            until(lambda one=one: get(server.url + one.json()["url"]).json()["status"] == "done")
    finally:
        server.end()
    assert house.votes(proposal) == {0: Choice.FOR, 1: Choice.FOR}
    payer = json.loads((home / "relayer.json").read_text())["address"]
    assert house.transactions("0x" + payer.removeprefix("0x")) == 2


def test_the_command_refuses_a_key_that_a_member_has_or_had(house: House, tmp_path: Path) -> None:
    resident = next(iter(house.local.residents.values()))
    secret = resident.passphrase_file
    options = ("--relayer", resident.home.keystore, "--relayer-passphrase-file", secret)
    run_it = ("web", "run", "--network", house.local.network_file, "--home", tmp_path / "home", "--port", 0)
    fresh = create(tmp_path / "fresh.json", "correct horse", light=True)
    for _ in range(2):
        done = fedledger(*run_it, *options, "--json")
        assert done.returncode == 2
        assert json.loads(done.stderr)["error"] == "RelayersKey"
        assert "fedledger web relayer" in json.loads(done.stderr)["advice"]
        if house.signers[0] is not fresh:
            house.send(0, "rotateKey", fresh.address, contract="consortium")
            house.signers[0] = fresh
