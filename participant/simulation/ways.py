"""Which way the clients are trained: as was asked, else by their number and the job's task."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ledger.errors import UsageError
from participant.private.states import keeps
from participant.simulation.clients import SimulatedClient
from participant.simulation.cohort import Together, hindrance
from participant.simulation.training import Alone, Training
from participant.tasks.training import Local

EXACT_UP_TO = 32
"""Clients up to which each is trained as its node would, where nobody asks otherwise."""


class Way(NamedTuple):
    """One by one (`exact`), and why; or together."""

    exact: bool
    why: str = ""


def way_of(asked: bool | None, local: Local, clients: int) -> Way:
    """The way to train so many clients. Raises UsageError where they cannot be trained together as asked."""
    why_not = hindrance(local.task) or ("each adds noise of its own" if local.job.row_noise else "")
    why_not = why_not or ("each keeps something of its own" if keeps(local.job) else "")
    why_not = why_not or ("each is corrected by its own updates" if local.job.server.corrects else "")
    why_not = why_not or ("each begins when it is ready" if local.job.buffered else "")
    if asked is False and why_not:
        raise UsageError(f"these clients cannot be trained together: {why_not}", advice="use --exact")
    if asked:
        return Way(True, "--exact")
    if asked is None and (clients <= EXACT_UP_TO or why_not):
        return Way(True, why_not or f"up to {EXACT_UP_TO} clients are")
    return Way(False)


def training_of(way: Way, local: Local, clients: Sequence[SimulatedClient], scratch: Path) -> Training:
    """What trains the clients that way, in this process."""
    return Alone(local, clients, scratch, way.why) if way.exact else Together(local, clients)
