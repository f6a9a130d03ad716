"""A package for a task of one's own, written from the files in `participant/tasks/template`."""

import ast
import builtins
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
LONGEST = 100
"""Characters of a name: files are called after it, and a file's name has at most 255 bytes."""


def write(name: str, folder: Path) -> list[Path]:
    """Write the package of a task called `name`; the files written.

    Raises UsageError for a name that cannot be a task's and a module's, or is too long or taken, or a folder with files
    in it.
    """
    module = _module(name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError("the folder is not empty", advice="name another with --folder", folder=str(folder))
    words = {"name": name, "module": module, "kind": _kind(module)}
    return [_write(folder / to.format(module=module), source, words) for source, to in FILES.items()]


def _kind(module: str) -> str:
    """The class of the task: the module's words, with `Task` after them where the templates mean another thing."""
    kind = "".join(part.capitalize() for part in module.split("_"))
    taken = keyword.iskeyword(kind) or hasattr(builtins, kind) or kind in _bound()
    return kind + "Task" if taken else kind


def _bound() -> set[str]:
    """Names that the templates of Python give a meaning to."""
    names = set[str]()
    for source in (source for source, to in FILES.items() if to.endswith(".py")):
        text = Template(_template(source)).safe_substitute(name="_", module="_", kind="_")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.alias):
                names.add((node.asname or node.name).split(".")[0])
            elif isinstance(node, ast.Name):
                names.add(node.id)
    return names


def _module(name: str) -> str:
    module = name.replace("-", "_")
    if not re.fullmatch("[a-z][a-z0-9]*([-_][a-z0-9]+)*", name) or keyword.iskeyword(module):
        raise UsageError(
            "this name cannot be a task's and a Python module's",
            advice="use small letters, digits and single hyphens, a letter first: my-task",
            name=name,
        )
    if len(name) > LONGEST:
        raise UsageError("this name is too long", expected=f"at most {LONGEST} characters", actual=len(name))
    if name in names() or find_spec(module) is not None:
        raise UsageError("there is a task or a Python module with this name already", name=name)
    return module


def _template(source: str) -> str:
    return files("participant.tasks").joinpath("template", f"{source}.template").read_text("utf-8")


def _write(path: Path, source: str, words: dict[str, str]) -> Path:
    text = _template(source)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(Template(text).substitute(words), "utf-8")
    except OSError as error:
        raise Unavailable(f"cannot write the package: {error.strerror}", file=str(path)) from error
    return path
