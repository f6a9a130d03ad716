"""What workers do, and how long they may take."""

from typing import NamedTuple

from ledger.party.workers.frames import LARGEST_ANSWER


class Trade(NamedTuple):
    """What workers of a kind do: `module` has `begun(setup, beat)`, which makes what answers their parts, from bytes to
    bytes, and calls `beat` as it goes on.

    An answer has at most `largest` bytes. With `patient` a part may take any time, and what workers print is shown.
    """

    module: str
    largest: int
    patient: bool = False


ROUNDS = Trade("ledger.party.workers.worker", LARGEST_ANSWER)
"""Checking an audit's rounds."""
