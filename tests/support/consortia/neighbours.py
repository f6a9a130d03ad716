"""Members of a consortium in memory with real stores, gateways and HTTP between them; the chain alone is a list."""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from eth_account import Account
from support.worlds.chain import ADDRESSES, CHAIN, FOUNDING_BLOCK, block_hash
from support.worlds.world import World

from ledger.chain.node import Block
from ledger.config import (
    Chain,
    Contract,
    Contracts,
    Founding,
    GatewaySettings,
    HolderSettings,
    HomeSettings,
    Network,
    StoreSettings,
)
from ledger.events import records
from ledger.formats.digest import keccak
from ledger.keys import LocalSigner
from ledger.party.gateway import Serving, serve_and_announce
from ledger.party.pins import update_pin
from ledger.party.sharing.pushing import Sharing
from ledger.store.embedded import Embedded
from ledger.store.holders import Holders


def signer_of(member: int) -> LocalSigner:
    """The key that `World` gives a member."""
    return LocalSigner(Account.from_key(keccak(b"member %d, key 0" % member)))


def network(allow: tuple[str, ...] = ()) -> Network:
    """A network file on the local chain, where loopback and these networks may be dialled."""
    contracts = {name: Contract(address=address, code_hash="0x" + "00" * 32) for name, address in ADDRESSES.items()}
    return Network(
        fedledger="network/1",
        name="neighbours",
        chain=Chain(id=CHAIN, rpc="http://127.0.0.1:1"),
        founding=Founding(block=FOUNDING_BLOCK, hash="0x" + block_hash(FOUNDING_BLOCK).hex(), members=()),
        contracts=Contracts(**contracts),
        holders=HolderSettings(allow=allow),
    )


class Neighbour:
    """A member at home: what of `Connection` its gateway and its pushes need, and both of them."""

    def __init__(
        self,
        world: World,
        index: int,
        folder: Path,
        *,
        reachable: bool = True,
        allow: tuple[str, ...] = (),
        **gateway: Any,
    ) -> None:
        self.world, self.index, self.folder = world, index, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.signer, self.address = signer_of(index), world.keys[index]
        self.network, self.place = network(allow), world.place
        self.store = Embedded(folder / "store", create=True)
        self.holders = Holders(self.store)
        self.client = SimpleNamespace(block=self.block, blocks=self.blocks)
        self.nudged = threading.Event()
        self.settings = HomeSettings(store=StoreSettings(reachable=reachable), gateway=GatewaySettings(**gateway))
        self.serving: Serving = serve_and_announce(self, self, self.settings, self.signer)  # type: ignore[arg-type]
        self.sharing = Sharing(self, self.signer, self.settings, later=0.0)  # type: ignore[arg-type]

    @property
    def history(self) -> Any:
        return self.world.history

    @property
    def follower(self) -> Any:
        return SimpleNamespace(tip=self.block(len(self.world.events)), nudge=self.nudged.set)

    def block(self, number: int) -> Block | None:
        """Ten seconds pass with each."""
        if number > len(self.world.events):
            return None
        return Block(number, number.to_bytes(32, "big"), (number - 1).to_bytes(32, "big"), 10 * number)

    def blocks(self, numbers: Sequence[int]) -> list[Block | None]:
        return [self.client.block(number) for number in numbers]

    @property
    def documents(self) -> Any:
        return SimpleNamespace(get=lambda state, seconds: self.document(state))

    def document(self, state: object) -> Any:
        return self.world.job

    def refresh(self) -> Any:
        return self.world.history

    def send(self, contract: str, function: str, *arguments: Any) -> None:
        """As `Sender.send`, for an announcement."""
        assert (contract, function) == ("consortium", "announce")
        self.world.emit(records.Announced, index=self.index, gateway=arguments[0])

    def own(self) -> None:
        """Store and register this member's update."""
        sent = self.world.submit(self.index)
        self.store.put([self.world.files.files[sent.cid]], update_pin(1, 1, self.index))

    def held(self) -> list[int]:
        """The members whose updates are in the own store."""
        return [entry.update.index for entry in self.world.facts.entries if self.store.has(entry.cid)]

    def look(self) -> None:
        """What a worker does in each look."""
        facts = self.world.facts
        self.serving.check()
        self.sharing.offer(facts)
        self.sharing.said(facts, self.held())

    def close(self) -> None:
        self.sharing.close()
        self.serving.close()
        self.store.close()


def until(true: Callable[[], bool], *neighbours: Neighbour, seconds: float = 150.0) -> None:
    """Let neighbours work until something is so."""
    end = time.monotonic() + seconds
    while not true():
        for one in neighbours:
            one.look()
            one.sharing.settle(0.05)
        if time.monotonic() > end:
            raise AssertionError({one.index: one.sharing.failed() for one in neighbours})
