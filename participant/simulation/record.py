"""What is recorded of a simulation: what was asked, and a row for each round."""

from collections.abc import Sequence

import msgspec

from ledger.formats.strict import Strict

COLUMNS = ("round", "admitted", "training_loss", "model_root", "why", "updates_root", "tx")


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


class Row(Strict, frozen=True):
    """One round. Without a model `why` says why; `updates_root` and `tx` are empty where nothing is registered."""

    round: int
    admitted: int
    training_loss: float | None
    model_root: str
    why: str = ""
    updates_root: str = ""
    tx: str = ""
    figures: dict[str, float | None] = msgspec.field(default_factory=dict)


def figure_names(rows: Sequence[Row]) -> list[str]:
    """The names of all figures, as they first appear."""
    return list(dict.fromkeys(name for row in rows for name in row.figures))
