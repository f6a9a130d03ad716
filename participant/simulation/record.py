"""What is recorded of a simulation: what was asked, and a row for each round."""

from collections.abc import Sequence

import msgspec

from ledger.formats.strict import Strict

COLUMNS = ("round", "admitted", "training_loss", "model_root", "why", "updates_root", "tx")


BUFFERED = ("time", "staleness")
"""Further columns, of a buffered job."""


class SimulationRequest(Strict, frozen=True):
    """What a simulation's results follow from; files are told by the SHA-256 of their bytes."""

    job: str
    data: tuple[str, ...]
    test: str
    clients: int
    partition: str
    ledger: str
    seed: int
    exact: bool
    device: str
    slow: str = ""


class Row(Strict, frozen=True):
    """One round. Without a model `why` says why; `updates_root` and `tx` are empty where nothing is registered.
    `state` are the roots of the server optimiser's streams, in their order. Of a buffered job: `time` is when the next
    round collects, in typical trainings, and `staleness` that of the stalest update that was admitted.
    """

    round: int
    admitted: int
    training_loss: float | None
    model_root: str
    why: str = ""
    updates_root: str = ""
    tx: str = ""
    state: tuple[str, ...] = ()
    time: float | None = None
    staleness: int | None = None
    figures: dict[str, float | None] = msgspec.field(default_factory=dict)


def figure_names(rows: Sequence[Row]) -> list[str]:
    """The names of all figures, as they first appear."""
    return list(dict.fromkeys(name for row in rows for name in row.figures))
