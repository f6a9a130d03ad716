"""A member that announces its gateways in a process of its own, which kills itself (SIGKILL) at a named point."""

from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from support.crashing import children
from support.crashing.aggregator import FLAVOURS
from support.crashing.children import die

from ledger.chain.client import Client
from ledger.chain.outbox import Outbox
from ledger.chain.rpc import Rpc
from ledger.chain.sender import Sender
from ledger.config import Home, load_network
from ledger.keys import unlock

GATEWAY = "http://gateway.example"
PRELOADED = ["web3", "support.crashing.sender"]


def start(member: Any, point: str = "", gateways: Sequence[str] = (GATEWAY,)) -> BaseProcess:
    """Begin to announce as a member."""
    return children.started(PRELOADED, _announce, member.home.folder, point, gateways)


def run(member: Any, point: str) -> int:
    """Announce as a member; the exit code, minus the signal's number where it was killed."""
    return children.ended(start(member, point))


def _announce(folder: Path, point: str, gateways: Sequence[str]) -> None:
    if point:
        POINTS[point]()
    home = Home(folder)
    with Client.connect(load_network(home.network_file)) as client:
        sender = Sender(client, unlock(home.keystore, "correct horse"), home.outbox, timeout=60)
        for gateway in gateways:
            sender.send("consortium", "announce", gateway)


def _arm(flavour: str, owner: Any, name: str) -> None:
    setattr(owner, name, FLAVOURS[flavour](getattr(owner, name)))


def _arm_sending() -> None:
    """Die once a transaction was sent."""
    call = Rpc.call

    def dying(rpc: Rpc, method: str, *params: Any) -> Any:
        result = call(rpc, method, *params)
        if method == "eth_sendRawTransaction":
            die()
        return result

    Rpc.call = dying  # type: ignore[method-assign]


POINTS: dict[str, Callable[[], None]] = {
    "before persist": lambda: _arm("before", Outbox, "add"),
    "after persist": lambda: _arm("after", Outbox, "add"),
    "after send": _arm_sending,
    "before removal": lambda: _arm("before", Outbox, "remove"),
}
