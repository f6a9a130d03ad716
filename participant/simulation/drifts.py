"""How far each client's own updates went, as FedDyn and SCAFFOLD need it, in a simulation that has no ledger to work it
out from: by the functions that a node uses (`participant.node.drift`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
import numpy as np

from ledger.errors import Malformed
from ledger.jobs.document import Job
from ledger.rounds.rules.arithmetic import Ints, Sums
from participant.integers.fixed_point import Stream
from participant.simulation.state import State
from participant.tasks.correction import control_of, drift_of, went_of


@dataclass(slots=True)
class WentSoFar:
    """What each client's updates add up to: int64, of all values of the model."""

    job: Job
    _totals: dict[int, Sums] = field(default_factory=dict)

    def drift(self, client: int, state: State) -> Stream | None:
        """What corrects a client's next training, `state` being the server's; None where the job corrects none."""
        if not self.job.server.corrects:
            return None
        return drift_of(self._totals.get(client, 0), control_of(self.job.server, state, self.job.layout.values))

    def count(self, updates: Mapping[int, Ints], state: State) -> None:
        """Add updates that a round with a model counted, as it counted them; `state` is that which it built on."""
        control = control_of(self.job.server, state, self.job.layout.values)
        for client, update in updates.items():
            self._totals[client] = self._totals.get(client, 0) + went_of(update, control)

    def encode(self) -> bytes:
        """All of it, to go on from later; nothing where there is nothing."""
        totals = {client: total.astype("<i8").tobytes() for client, total in self._totals.items()}
        return msgspec.msgpack.encode(totals) if totals else b""

    def restore(self, data: bytes) -> None:
        """Go on from what was encoded. Raises Malformed for other bytes."""
        if not data:
            return
        try:
            totals = msgspec.msgpack.decode(data, type=dict[int, bytes])
            self._totals = {client: np.frombuffer(total, "<i8").astype(np.int64) for client, total in totals.items()}
        except (msgspec.DecodeError, ValueError) as error:
            raise Malformed("what the clients' updates add up to cannot be read", error=str(error)) from error
        if any(len(total) != self.job.layout.values for total in self._totals.values()):
            raise Malformed("what the clients' updates add up to is of another model", values=self.job.layout.values)
