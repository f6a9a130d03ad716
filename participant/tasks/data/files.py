"""Which of a party's files a job's data are in: one for all jobs, or by job and task (`[data]` in node.toml)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from ledger.config import Home
from ledger.errors import UsageError
from participant.tasks.data.version import file_version

DEFAULT = "default"
Kind = Literal["data", "validation"]
Version = tuple[int, int]


@dataclass
class DataFiles:
    """The files of a home, its settings read again when they change; `given` on the command line holds for all jobs."""

    home: Home
    kind: Kind = "data"
    given: Path | None = None
    _named: str | Mapping[str, str] = ""
    _read: Version | None = field(default=None)

    @classmethod
    def at(cls, path: Path, kind: Kind = "data") -> Self:
        """One file for all jobs."""
        return cls(Home(path.parent), kind, path)

    def of(self, job: int, task: str) -> Path | None:
        """The file for a job of a task: named by the job's number, else by the task's name, else for all; None where
        none is. Raises Malformed or Unavailable for the home's settings.
        """
        if self.given is not None:
            return self.given
        named = self._settings()
        if isinstance(named, str):
            return self._placed(named)
        return self._placed(named.get(str(job)) or named.get(task) or named.get(DEFAULT) or "")

    def found(self, job: int, task: str) -> Path:
        """The same. Raises UsageError where none is named, or it is not there."""
        path = self.of(job, task)
        if path is None:
            raise self._missing("no file is named for the data of this job", job=job, task=task)
        if not path.is_file():
            raise self._missing("no such data file", job=job, task=task, file=str(path))
        return path

    def check(self) -> None:
        """Raise UsageError where no file is named for any job, or one that is named is not there."""
        named = self.named()
        if not named:
            raise self._missing(f"no {self.kind} file is named yet")
        for path in named:
            if not path.is_file():
                raise self._missing("no such data file", file=str(path))

    def named(self) -> list[Path]:
        """Every file that is named. Raises Malformed or Unavailable for the home's settings."""
        if self.given is not None:
            return [self.given]
        named = self._settings()
        names = [named] if isinstance(named, str) else list(named.values())
        return [path for name in names if (path := self._placed(name)) is not None]

    def _missing(self, message: str, **facts: object) -> UsageError:
        advice = self.home.command("node", "data", facts.get("job", DEFAULT), "FILE")
        if not facts:
            advice += f", or for one job alone: {self.home.command('node', 'data', 'JOB', 'FILE')}"
        if self.kind == "validation":
            advice = "name it as `validation` in the home's node.toml"
        return UsageError(message, advice=advice, **facts)

    def _settings(self) -> str | Mapping[str, str]:
        version = file_version(self.home.settings_file)
        if version != self._read:
            settings = self.home.settings()
            self._named = settings.data if self.kind == "data" else settings.validation
            self._read = version
        return self._named

    def _placed(self, name: str) -> Path | None:
        """A relative path begins at the home."""
        return self.home.folder / Path(name).expanduser() if name else None
