"""The machine that a party's models run on, as far as training depends on it."""

from dataclasses import dataclass
from pathlib import Path

from ledger.config import Home


@dataclass(frozen=True, slots=True)
class Machine:
    """`device` is as written (`participant.tasks.devices.choose`); `scratch` holds the jobs' scratch folders;
    `launcher` is what training is started by, empty for a process of Python's own.
    """

    device: str
    scratch: Path
    launcher: tuple[str, ...] = ()

    @classmethod
    def of(cls, home: Home, device: str | None = None) -> "Machine":
        """A home's machine: the device as given, else as in the home's settings."""
        settings = home.settings()
        return cls(device or settings.device, home.scratch, settings.train.launcher)

    @property
    def work(self) -> Path:
        """Where a node and its trainers exchange files, beside the scratch folders."""
        return self.scratch.with_name("work")

    @property
    def head(self) -> Path:
        """The file of the home's own settings of tasks."""
        return self.scratch.with_name("head.toml")

    @property
    def rows(self) -> Path:
        """Where the home keeps its salts, and the leaves that its updates were made from."""
        return self.scratch.with_name("rows")
