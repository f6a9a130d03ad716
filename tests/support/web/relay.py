"""A real consortium behind a server that relays, and members who sign with real keys."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec
from eth_account.messages import encode_defunct
from support.web.server import _CONTEXT, PATIENCE, get, served, until

from ledger.chain.client import Client
from ledger.chain.sender import Sender
from ledger.config import Network
from ledger.events.actions import Action
from ledger.events.contents import proposal_to_sign
from ledger.events.proposals import Proposal, vote_to_sign
from ledger.events.records import Choice
from ledger.keys import ephemeral
from ledger.party.connection import Connection
from web.reading.background import Live
from web.reading.latest import Latest
from web.reading.library import Library
from web.relay.relayer import Relayer
from web.view import View

FAR = int(time.time()) + 30 * 86_400


@dataclass
class House:
    """A consortium on a chain of its own, and what its members do there directly."""

    local: Any
    client: Client = field(init=False)
    signers: list[Any] = field(init=False)

    def __post_init__(self) -> None:
        self.client = Client.connect(self.local.network)
        self.signers = [resident.signer for resident in self.local.residents.values()]
        self._senders: dict[int, Sender] = {}
        self._made = 0

    @property
    def network(self) -> Network:
        return self.local.network

    @property
    def ballots(self) -> str:
        return self.network.contracts.ballots.address

    def send(self, index: int, function: str, *arguments: Any, contract: Any = "ballots") -> Any:
        if index not in self._senders:
            outbox = list(self.local.residents.values())[index].home.outbox
            self._senders[index] = Sender(self.client, self.signers[index], outbox, timeout=60)
        return self._senders[index].send(contract, function, *arguments)

    def pass_time(self, seconds: int) -> None:
        self.client.rpc.call("evm_increaseTime", seconds)
        self.client.rpc.call("evm_mine")

    def propose(self, index: int | None = None) -> Proposal:
        """A proposal of little consequence: more time to execute. By default each member in turn makes one."""
        index = self._made % len(self.signers) if index is None else index
        self._made += 1
        *rules, execute = self.client.view("ballots", "rules")[0]
        self.send(index, "proposeRules", (*rules, execute + self._made))
        return self.decisions.proposal(int(self.client.view("ballots", "proposals")[0]))

    def propose_removal(self, member: int) -> Proposal:
        self.send(1, "proposeRemoval", member)
        return self.decisions.proposal(int(self.client.view("ballots", "proposals")[0]))

    @property
    def decisions(self) -> Any:
        from ledger.history.fold import History
        from ledger.history.foundation import foundation_of

        first, last = self.network.founding.block, self.client.latest().number
        events = [event for logs in self.client.read(first, last) for event in logs.events]
        return History(foundation_of(self.network), events).decisions

    def votes(self, proposal: Proposal) -> dict[int, Choice]:
        found: dict[int, Choice] = self.decisions.proposals[proposal.id].votes
        return found

    def vote(self, index: int, proposal: Proposal, choice: str = "for", deadline: int = FAR) -> dict[str, Any]:
        """A signed vote, as it is submitted."""
        signer = self.signers[index]
        parts = vote_to_sign(
            self.network.chain.id, self.ballots, proposal, signer.address, Choice[choice.upper()], deadline
        )
        signature = "0x" + signer.sign_typed_data(*parts).hex()
        content = {"proposal": proposal.id.hex(), "member": signer.address, "choice": choice, "deadline": deadline}
        return {"kind": "ballot", **content, "signature": signature}

    def next_nonce(self, index: int) -> int:
        """The nonce of a member's next proposal."""
        return self.decisions.next_nonce(self.signers[index].address)

    def proposal(self, index: int, nonce: int, action: Action, deadline: int = FAR) -> dict[str, Any]:
        """A signed proposal, as it is submitted."""
        signer = self.signers[index]
        parts = proposal_to_sign(self.network.chain.id, self.ballots, nonce, signer.address, action, deadline)
        signature = "0x" + signer.sign_typed_data(*parts).hex()
        wanted = msgspec.to_builtins(action)
        content = {"nonce": nonce, "member": signer.address, "action": wanted, "deadline": deadline}
        return {"kind": "proposal", **content, "signature": signature}

    def transactions(self, sender: str) -> int:
        """How many transactions of a key are in blocks."""
        return int(self.client.rpc.call("eth_getTransactionCount", sender, "latest"), 16)


@dataclass
class Site:
    """A server of the house's, at `url`."""

    house: House
    url: str
    latest: Latest
    relayer: Relayer
    readers: ExitStack

    def reader(self) -> httpx.Client:
        """A client with cookies of its own."""
        return self.readers.enter_context(httpx.Client(base_url=self.url, verify=_CONTEXT, timeout=60))

    def post(self, body: Any, path: str = "/relay.json", reader: httpx.Client | None = None) -> httpx.Response:
        self.read()
        if reader is not None:
            return reader.post(path, json=body)
        return post(self.url + path, json=body)

    def get(self, path: str) -> httpx.Response:
        return get(self.url + path)

    def read(self) -> None:
        """Wait until the server has read the ledger up to now; if the chain does not respond, do not wait."""
        from ledger.errors import Unavailable

        try:
            head = self.house.client.latest().number
        except Unavailable:
            return
        until(lambda: self.latest.state.snapshot is not None and self.latest.state.snapshot.block >= head)

    def status(self, answer: httpx.Response, reader: httpx.Client | None = None) -> dict[str, Any]:
        """The status of a submitted message."""
        url = answer.json()["url"]
        found: dict[str, Any] = (reader.get(url) if reader else self.get(url)).json()
        return found

    def settled(self, answer: httpx.Response, seconds: float = PATIENCE) -> dict[str, Any]:
        """The status of a message once it is done or refused."""
        return self.settled_by(None, answer, seconds)

    def settled_by(
        self, reader: httpx.Client | None, answer: httpx.Response, seconds: float = PATIENCE
    ) -> dict[str, Any]:
        """The same, read by a member."""
        assert answer.status_code == 202, answer.text
        until(lambda: self.status(answer, reader)["status"] in {"done", "refused"}, seconds)
        return self.status(answer, reader)

    def sign_in(self, index: int, reader: httpx.Client | None = None) -> httpx.Client:
        """A member's browser, signed in."""
        reader = reader or self.reader()
        signer = self.house.signers[index]
        self.read()
        message = reader.get("/sign-in.json", params={"address": signer.address}).json()["message"]
        answer = reader.post("/sign-in.json", json={"message": message, "signature": sign_text(signer, message)})
        assert answer.status_code == 200, answer.text
        return reader


def post(url: str, **options: Any) -> httpx.Response:
    """Submit something without a session."""
    return httpx.post(url, verify=_CONTEXT, timeout=60, **options)


def sign_text(signer: Any, text: str) -> str:
    """What a wallet signs (EIP-191)."""
    return "0x" + bytes(signer._account.sign_message(encode_defunct(text=text)).signature).hex()


def signed_text(url: str, signer: Any) -> dict[str, str]:
    """A text of a server to sign in with, and its signature."""
    message = get(url + "/sign-in.json", params={"address": signer.address}).json()["message"]
    return {"message": message, "signature": sign_text(signer, message)}


def link_to_sign_in(url: str, signer: Any) -> str:
    """A link that signs a browser in, as the command gets it."""
    answer = post(url + "/sign-in-link.json", json=signed_text(url, signer))
    assert answer.status_code == 200, answer.text
    assert "set-cookie" not in answer.headers
    return url + str(answer.json()["url"])


@contextmanager
def relaying(
    house: House,
    folder: Path,
    *,
    network: Network | None = None,
    payer: Any = None,
    started: bool = True,
    **settings: Any,
) -> Iterator[Site]:
    """A server that relays. `network` is what it takes for the consortium's, `started` False sends nothing."""
    network = network or house.network
    latest = Latest()

    def visit() -> Connection:
        return Connection.visit(network, folder / "visitor")

    relayer = Relayer(network, latest, payer or ephemeral(), folder / "relay")
    library = Library(latest, network, public=settings.get("read") == "public")
    hosts = settings.pop("hosts", ("127.0.0.1",))
    view = View(network, latest, library, rate=settings.pop("rate", 0), hosts=hosts, relayer=relayer, **settings)
    with ExitStack() as stack:
        stack.enter_context(Live(latest, library, visit, visit, source=False))
        if started:
            stack.enter_context(relayer)
        url = stack.enter_context(served(view, settings.pop("log", None)))
        yield Site(house, url, latest, relayer, stack)


def soon(seconds: int = 600) -> int:
    return int(time.time()) + seconds
