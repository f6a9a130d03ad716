"""Tasks: the code that trains. Found by the entry-point group `fedledger.tasks`, run only if the job names its digest.

Nothing that comes over the ledger is ever executed: a job names code that each participant installed itself, and the
digest says whether it is the code that the members approved. How to write one: docs/tasks.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from ledger.errors import UsageError
from ledger.formats.digest import encode, sha256
from ledger.jobs import document
from ledger.jobs.document import Setting

if TYPE_CHECKING:
    import torch

GROUP = "fedledger.tasks"


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What one round's local training was: samples the update stands for, mean loss of the last epoch, and more."""

    samples: int
    loss: float
    metrics: Mapping[str, float] = field(default_factory=dict)


class Task(Protocol):
    """What a node needs of a task. `data` is whatever `load_data` returns; nobody else looks inside.

    The class may also have
    - `sources: ClassVar[tuple[str, ...]]`: further modules and packages whose code the digest shall cover;
    - `join(parts: Sequence[data]) -> data`: used only by `fedledger node compare`, to train on pooled data.
    """

    name: ClassVar[str]
    version: ClassVar[str]

    def __init__(self, settings: Mapping[str, Setting]) -> None:
        """Raises Malformed for a setting that is unknown, missing or not valid."""

    def build_model(self, seed: int) -> "torch.nn.Module":
        """A model with initial weights that depend on `seed` and the settings alone."""
        ...

    def load_data(self, path: Path) -> Any:
        """Read private data. Raises UsageError, naming file and place, for data that cannot be trained on."""
        ...

    def train(
        self, model: "torch.nn.Module", data: Any, *, seed: int, base: "Mapping[str, torch.Tensor]"
    ) -> TrainResult:
        """Train `model` in place, from the round's base model, whose state `base` is a copy of.

        Must give the same weights for the same arguments: after a crash a node trains again.
        """
        ...

    def evaluate(self, model: "torch.nn.Module", data: Any) -> dict[str, float]:
        """How good a model is on `data`: figures by name, among them `accuracy` where that makes sense."""
        ...


@dataclass(frozen=True, slots=True)
class Installed:
    """A task as it is installed on this machine."""

    name: str
    version: str
    code: str
    kind: type[Task]

    def create(self, settings: Mapping[str, Setting]) -> Task:
        """Raises Malformed for settings that the task does not take."""
        return self.kind(settings)


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
            advice="install the package that has it; docs/tasks.md tells how to write one",
            installed=", ".join(names()) or "none",
        )
    if len(targets) > 1:
        raise UsageError(f"more than one task {name!r} is installed here", candidates=", ".join(targets))
    kind = _load(entries[0])
    sources = (kind.__module__, *getattr(kind, "sources", ()))
    return Installed(name, kind.version, code_digest(sources), kind)


def require(wanted: document.JobTask) -> Installed:
    """The installed task that a job asks for: same name, same version, same code. Raises UsageError otherwise."""
    installed = find(wanted.name)
    for what, expected, actual in (
        ("version", wanted.version, installed.version),
        ("code", wanted.code, installed.code),
    ):
        if expected != actual:
            raise UsageError(
                f"task {wanted.name!r} is installed here with another {what} than the job approved",
                advice="install the release of the task that the members approved",
                expected=expected,
                actual=actual,
            )
    return installed


def code_digest(modules: Sequence[str]) -> str:
    """SHA-256, in hexadecimal, over the source files of modules and packages.

    Over the canonical JSON of {"package/module.py": SHA-256 of the file, …}: names are those in the package, so the
    digest is the same wherever it is installed. A package stands for all .py files in it, at any depth.
    """
    files = {name: sha256(path.read_bytes()).hex() for module in modules for name, path in _files(module)}
    return sha256(encode(files)).hex()


def _files(module: str) -> list[tuple[str, Path]]:
    spec = find_spec(module)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        raise UsageError(f"the source of module {module!r} cannot be found", origin=str(spec and spec.origin))
    folder, parts = Path(spec.origin).parent, module.split(".")
    if spec.submodule_search_locations is None:
        return [("/".join(parts) + ".py", Path(spec.origin))]
    found = sorted(folder.rglob("*.py"))
    return [("/".join([*parts, *path.relative_to(folder).parts]), path) for path in found]


def _load(entry: EntryPoint) -> type[Task]:
    try:
        kind = entry.load()
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise UsageError(f"task {entry.name!r} does not load: {error}", target=entry.value) from error
        raise UsageError("training needs PyTorch", advice='install "fedledger[node]"', task=entry.name) from error
    except (ImportError, AttributeError, SyntaxError) as error:
        raise UsageError(f"task {entry.name!r} does not load: {error}", target=entry.value) from error
    methods = ("build_model", "load_data", "train", "evaluate")
    missing = [name for name in ("name", "version", *methods) if not hasattr(kind, name)]
    if not isinstance(kind, type) or missing:
        raise UsageError(f"task {entry.name!r} is not a task", target=entry.value, missing=", ".join(missing))
    if kind.name != entry.name:  # type: ignore[attr-defined]
        raise UsageError(
            f"task {entry.name!r} calls itself otherwise",
            expected=entry.name,
            actual=kind.name,  # type: ignore[attr-defined]
        )
    return kind
