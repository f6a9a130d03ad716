"""The machine that a party's models run on, as far as training depends on it."""

from dataclasses import dataclass
from pathlib import Path

from ledger.config import Home


@dataclass(frozen=True, slots=True)
class Machine:
    """`device` is as written (`participant.tasks.devices.choose`); `scratch` holds the jobs' scratch folders."""

    device: str
    scratch: Path

    @classmethod
    def of(cls, home: Home, device: str | None = None) -> "Machine":
        """A home's machine: the device as given, else as in the home's settings."""
        return cls(device or home.settings().device, home.scratch)
