"""A package for a task of one's own, written from the files in `participant/tasks/template`."""

import keyword
import re
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from string import Template

from ledger.errors import Unavailable, UsageError
from participant.tasks.discovery import names

FILES = {
    "README.md": "README.md",
    "pyproject.toml": "pyproject.toml",
    "job.toml": "job.toml",
    "example.csv": "example.csv",
    "task.py": "{module}.py",
    "test_task.py": "tests/test_{module}.py",
}
"""Templates, without their ending, and where each goes in the package."""


def write(name: str, folder: Path) -> list[Path]:
    """Write the package of a task called `name`; the files written.

    Raises UsageError for a name that cannot be a task's and a module's, or is taken, or a folder with files in it.
    """
    module = _module(name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError("the folder is not empty", advice="name another with --folder", folder=str(folder))
    kind = "".join(part.capitalize() for part in module.split("_"))
    words = {"name": name, "module": module, "kind": kind}
    return [_write(folder / to.format(module=module), source, words) for source, to in FILES.items()]


def _module(name: str) -> str:
    module = name.replace("-", "_")
    if not re.fullmatch("[a-z][a-z0-9]*([-_][a-z0-9]+)*", name) or keyword.iskeyword(module):
        raise UsageError(
            "this name cannot be a task's and a Python module's",
            advice="use small letters, digits and single hyphens, a letter first: my-task",
            name=name,
        )
    if name in names() or find_spec(module) is not None:
        raise UsageError("there is a task or a Python module with this name already", name=name)
    return module


def _write(path: Path, source: str, words: dict[str, str]) -> Path:
    text = files("participant.tasks").joinpath("template", f"{source}.template").read_text("utf-8")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(Template(text).substitute(words), "utf-8")
    except OSError as error:
        raise Unavailable(f"cannot write the package: {error.strerror}", file=str(path)) from error
    return path
