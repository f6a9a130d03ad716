"""What a node needs of a trainer's process, however that was started."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol


class Process(Protocol):
    """What a node needs of a trainer's process."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None:
        """The exit code, minus the signal's number where one ended it; None while it runs."""


Start = Callable[[Path, int], Process]
"""Starts a trainer for the orders in a folder, whose output goes to a file descriptor."""
