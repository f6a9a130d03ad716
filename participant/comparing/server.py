"""What a server optimiser makes of mean updates, and how it corrects parties' steps, in memory: the ledger's own
arithmetic (`ledger.rounds.optimisers`), and a party's half as its node works it out (`participant.node.drift`).
"""

from collections.abc import Mapping

import numpy as np

from ledger.formats.artifact import Layout
from ledger.jobs.server import Server
from ledger.rounds.optimisers import Turnout, stepped
from ledger.rounds.rules.arithmetic import Sums
from participant.integers.fixed_point import Stream
from participant.integers.tensors import State
from participant.tasks.correction import Correction, control_of, correcting, drift_of, went_of

FRACTION_BITS = 24
"""Of every tensor of a federation without a job."""


class ServerSide:
    """The state of a server optimiser from round to round, and how far each party's own updates went, in all."""

    def __init__(self, server: Server, layout: Layout, parties: int) -> None:
        self.server, self.layout, self.parties = server, layout, parties
        self._state = tuple(np.zeros(layout.values, np.int64) for _ in server.streams)
        self._went: dict[int, Sums] = {}

    def correction(self, party: int, like: State) -> Correction | None:
        """What corrects a party's steps of the next round; `like` are the shared tensors. None where nothing does."""
        if not self.server.corrects:
            return None
        drift = drift_of(self._went.get(party, 0), self._control())
        return correcting(self.server, self.layout, drift, like)

    def stepped(self, updates: Mapping[int, Stream], mean: Sums) -> Sums:
        """What is added to the model after a round, from its mean update and each party's own."""
        if self.server.corrects:
            control = self._control()
            for party, update in updates.items():
                self._went[party] = self._went.get(party, 0) + went_of(update, control)
        turnout = Turnout(len(updates), self.parties)
        change, self._state = stepped(self.server, mean, self._state, turnout, FRACTION_BITS)
        return change

    def _control(self) -> Sums:
        return control_of(self.server, self._state, self.layout.values)
