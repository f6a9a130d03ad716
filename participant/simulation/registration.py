"""What a simulation puts on record: one root a round, on a chain of its own that runs beside it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

from ledger import keys
from ledger.chain.rpc import Rpc
from ledger.chain.transactions import Transactor
from ledger.config import LOCAL_CHAIN, Home
from ledger.errors import Unavailable, UsageError
from ledger.jobs.document import Job
from participant.integers.fixed_point import Stream
from participant.simulation.clients import SimulatedClient
from participant.simulation.drifts import WentSoFar
from participant.simulation.record import Row
from participant.simulation.rounds import RoundTally, SimulatedRound
from participant.simulation.state import State
from participant.simulation.training import Batch

DOMAIN = b"fedledger/simulated-round/1"


class Tally(Protocol):
    """Takes the updates of a round, and says what comes of them."""

    def drift(self, client: int, state: State) -> Stream | None:
        """What corrects a client's training of the round; None where the job corrects none. `state` is the server
        optimiser's, where no ledger has it. Raises as the ledger's store.
        """

    def take(self, batch: Batch) -> None:
        """Judge a further batch of updates."""

    def finish(self, base: Stream, state: State, before: Stream | None) -> SimulatedRound:
        """The round's outcome, from the model that it builds on, the state beside it, and the model before, if there is
        one.
        """


class Registrar(Protocol):
    """What a simulation keeps its rounds by."""

    def tally(self, number: int, clients: list[SimulatedClient]) -> Tally:
        """What takes the updates of round `number`."""

    def register(self, number: int, made: SimulatedRound) -> str:
        """Put a round on record; the hash of the transaction, empty where there is none."""


@dataclass(frozen=True, slots=True)
class Unregistered:
    """Nothing goes on record. `went` and `age` as in `RoundTally`."""

    job: Job
    went: WentSoFar
    age: Callable[[bytes], int]

    def tally(self, number: int, clients: list[SimulatedClient]) -> RoundTally:
        return RoundTally(self.job, number, clients, roots=False, went=self.went, age=self.age)

    def register(self, number: int, made: SimulatedRound) -> str:
        return ""


@dataclass(frozen=True, slots=True)
class RootRegistrar:
    """One transaction a round, to the sender itself, whose data are `registration`. `unregistered` makes its rounds."""

    unregistered: Unregistered
    transactor: Transactor
    address: str

    def tally(self, number: int, clients: list[SimulatedClient]) -> Tally:
        return replace(self.unregistered.tally(number, clients), roots=True)

    def register(self, number: int, made: SimulatedRound) -> str:
        return self.transactor.send(self.address, "0x" + registration(number, made.updates_root).hex()).tx.hex()


def registration(number: int, root: bytes) -> bytes:
    """A transaction's data: the domain's name, the round in four bytes, the root over its updates."""
    return DOMAIN + number.to_bytes(4, "big") + root


@contextmanager
def root_registrar(home: Home, unregistered: Unregistered, rows: Sequence[Row]) -> Iterator[RootRegistrar]:
    """A registrar on a local chain, whose state is kept in the folder and gone on with.

    Raises UsageError where no local chain is installed, Unavailable where it does not come up, or does not have the
    latest of the rows.
    """
    with local_chain(chain_state(home)) as chain:
        rpc = Rpc(chain.url)
        try:
            if rows and rpc.call("eth_getTransactionReceipt", "0x" + rows[-1].tx) is None:
                raise Unavailable(
                    "the chain does not have the latest round of the results",
                    advice="simulate in another --folder",
                    tx=rows[-1].tx,
                )
            signer = keys.ephemeral()
            yield RootRegistrar(unregistered, Transactor(rpc, LOCAL_CHAIN, signer, home.outbox), signer.address)
        finally:
            rpc.close()


def chain_state(home: Home) -> Path:
    """Where `fedledger up` looks for the state of a home's chain; its folder is made."""
    state = home.folder / "chain" / "state.json"
    state.parent.mkdir(parents=True, exist_ok=True)
    return state


def local_chain(state: Path) -> Any:
    """A local chain with the chain id `LOCAL_CHAIN` and a `url`, a context manager. Who has one offers it as the entry
    point `local` of the group `fedledger.chains`. Raises as `root_registrar`.
    """
    found = entry_points(group="fedledger.chains", name="local")
    if not found:
        raise UsageError("no local chain is installed", advice="simulate with --ledger none")
    return next(iter(found)).load().start(state=state)
