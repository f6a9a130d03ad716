"""What a simulation puts on record: one root a round, on a chain of its own that runs beside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

from ledger import keys
from ledger.chain.rpc import Rpc
from ledger.chain.transactions import Transactor
from ledger.config import LOCAL_CHAIN
from ledger.errors import UsageError

DOMAIN = b"fedledger/simulated-round/1"
STATE = "chain.json"


class Registrar(Protocol):
    """Registers rounds."""

    def register(self, number: int, root: bytes) -> str:
        """Put the root over a round's updates on record; the hash of the transaction, empty where there is none."""


class Unregistered:
    """Nothing goes on record."""

    def register(self, number: int, root: bytes) -> str:
        return ""


class ChainRegistrar:
    """One transaction a round, to the sender itself, whose data are `registration`."""

    def __init__(self, transactor: Transactor, address: str) -> None:
        self._transactor, self._address = transactor, address

    def register(self, number: int, root: bytes) -> str:
        return self._transactor.send(self._address, "0x" + registration(number, root).hex()).tx.hex()


def registration(number: int, root: bytes) -> bytes:
    """A transaction's data: the domain's name, the round in four bytes, the root over its updates."""
    return DOMAIN + number.to_bytes(4, "big") + root


@contextmanager
def chain_registrar(folder: Path) -> Iterator[ChainRegistrar]:
    """A registrar on a local chain, whose state is kept in the folder and gone on with.

    Raises UsageError where no local chain is installed, Unavailable where it does not come up.
    """
    with local_chain(folder / STATE) as chain:
        rpc = Rpc(chain.url)
        try:
            signer = keys.ephemeral()
            yield ChainRegistrar(Transactor(rpc, LOCAL_CHAIN, signer, folder / "outbox"), signer.address)
        finally:
            rpc.close()


def local_chain(state: Path) -> Any:
    """A local chain with the chain id `LOCAL_CHAIN` and a `url`, a context manager. Who has one offers it as the entry
    point `local` of the group `fedledger.chains`. Raises as `chain_registrar`.
    """
    found = entry_points(group="fedledger.chains", name="local")
    if not found:
        raise UsageError("no local chain is installed", advice="simulate with --ledger none")
    return next(iter(found)).load().start(state=state)
