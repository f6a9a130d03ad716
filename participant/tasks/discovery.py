"""Finding tasks: by the entry-point group `fedledger.tasks`, run only if the job names version and code digest."""

import inspect
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import invalidate_caches
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from ledger.errors import UsageError
from ledger.formats.alike import hint
from ledger.jobs.document import JobTask, Setting
from ledger.jobs.preparation import Preparation
from participant.tasks.code import code_digest
from participant.tasks.protocol import Task
from participant.tasks.seam import GuardedTask, call

GROUP = "fedledger.tasks"


@dataclass(frozen=True, slots=True)
class Installed:
    """A task as it is installed on this machine; what `create` makes of it is called through the seam."""

    name: str
    version: str
    code: str
    kind: type[Task]

    def create(self, settings: Mapping[str, Setting], preparation: Preparation | None = None) -> Task:
        """Raises Malformed for settings that the task does not take, or that do not go with the preparation, and for a
        task that takes no prepared tables; TaskFailed where its own code fails.
        """
        return GuardedTask(self.kind, settings, preparation)

    def modules(self, settings: Mapping[str, Setting]) -> tuple[str, ...]:
        """The modules and packages whose code a job with these settings covers. Raises as `create`."""
        named = call(self.name, "covers", lambda: self.kind.covers(settings))
        _require_modules(self.name, named)
        return (*_modules(self.kind), *named)

    def code_for(self, settings: Mapping[str, Setting]) -> str:
        """The digest of that code. Raises as `modules`, and UsageError where a module's source cannot be found."""
        named = self.modules(settings)
        return self.code if named == _modules(self.kind) else code_digest(named)


def names() -> list[str]:
    """Names of the tasks that are installed; none is imported."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})


def find(name: str) -> Installed:
    """The installed task of that name. Raises UsageError where there is none, more than one, or it does not load."""
    entries = [entry for entry in entry_points(group=GROUP) if entry.name == name]
    targets = sorted({entry.value for entry in entries})
    if not targets:
        raise UsageError(
            f"no task {name!r} is installed here",
            advice=hint(name, names()) or "install its package; docs/tasks.md tells how to write one",
            installed=", ".join(names()) or "none",
        )
    if len(targets) > 1:
        raise UsageError(f"more than one task {name!r} is installed here", candidates=", ".join(targets))
    return load(entries[0])


def in_package(folder: Path) -> Installed:
    """The one task that a package's folder announces in its pyproject.toml, whether it is installed or not.

    Raises UsageError where it announces none, or more than one; its code is imported from the folder, or from `src`.
    """
    file = folder / "pyproject.toml"
    try:
        project = tomllib.loads(file.read_text("utf-8")).get("project", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"cannot read the package: {error}", file=str(file)) from error
    announced = project.get("entry-points", {}).get(GROUP, {})
    if len(announced) != 1:
        raise UsageError(
            "a package to check announces one task", file=str(file), entry_points=", ".join(announced) or "none"
        )
    source = str((folder / "src" if (folder / "src").is_dir() else folder).resolve())
    if source not in sys.path:
        sys.path.insert(0, source)
    invalidate_caches()
    ((name, target),) = announced.items()
    return load(EntryPoint(name, target, GROUP))


def load(entry: EntryPoint) -> Installed:
    """The task that an entry point names. Raises UsageError where it does not load, or is not a task."""
    kind = _kind(entry)
    return Installed(entry.name, kind.version, code_digest(_modules(kind)), kind)


def _modules(kind: type[Task]) -> tuple[str, ...]:
    """The task's own module and its sources. Those that it inherits from a task of another package are that package's,
    which the digest does not cover.
    """
    own = kind.__module__.partition(".")[0]
    says_it = "sources" in vars(kind)
    return (kind.__module__, *(one for one in kind.sources if says_it or one.partition(".")[0] == own))


def require(wanted: JobTask) -> Installed:
    """The installed task that a job asks for: same name, same version, same code. Raises UsageError otherwise."""
    installed = find(wanted.name)
    for what, expected, actual in (
        ("version", wanted.version, installed.version),
        ("code", wanted.code, installed.code_for(wanted.settings)),
    ):
        if expected != actual:
            raise UsageError(
                f"task {wanted.name!r} is installed here with another {what} than the job approved",
                advice="install the release of the task that the members approved",
                expected=expected,
                actual=actual,
            )
    return installed


def _kind(entry: EntryPoint) -> type[Task]:
    kind = call(entry.name, "import", lambda: _imported(entry), target=entry.value)
    if not (inspect.isclass(kind) and issubclass(kind, Task)):
        raise UsageError(
            f"task {entry.name!r} is not a task",
            advice="derive its class from participant.tasks.protocol.Task",
            target=entry.value,
        )
    missing = [name for name in ("name", "version") if not hasattr(kind, name)] + sorted(kind.__abstractmethods__)
    if missing:
        raise UsageError(f"task {entry.name!r} is not whole", target=entry.value, missing=", ".join(missing))
    if kind.name != entry.name:
        raise UsageError(
            f"task {entry.name!r} has another name than its entry point", expected=entry.name, actual=kind.name
        )
    _require_modules(kind.name, kind.sources)
    return kind


def _imported(entry: EntryPoint) -> object:
    """What the entry point names, its module imported."""
    try:
        return entry.load()
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise UsageError(f"task {entry.name!r} does not load: {error}", target=entry.value) from error
        raise UsageError("training needs PyTorch", advice='install "fedledger[node]"', task=entry.name) from error
    except (ImportError, AttributeError, SyntaxError) as error:
        raise UsageError(f"task {entry.name!r} does not load: {error}", target=entry.value) from error


def _require_modules(task: str, named: object) -> None:
    if not isinstance(named, list | tuple) or not all(isinstance(name, str) for name in named):
        raise UsageError(
            f"task {task!r} has sources that are not names of modules",
            advice='write sources = ("package.module",), with the comma',
            expected="a tuple of texts",
            actual=repr(named)[:200],
        )
