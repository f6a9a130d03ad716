"""Training in tests without a node: a machine, and the context of a round."""

from pathlib import Path
from typing import Any

from participant.tasks.machine import Machine


def machine(folder: Path) -> Machine:
    """The CPU, and scratch folders in `folder`."""
    return Machine("cpu", folder / "scratch")


def context(task: Any, model: Any, folder: Path = Path(), *, seed: int = 1, number: int = 1) -> Any:
    """The context of a round that trains `model` as it is now."""
    from participant.tasks.sharing import context_of

    return context_of(task, model, number, seed, "cpu", folder, {})
