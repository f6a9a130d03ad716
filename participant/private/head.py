"""A member's own settings of a task, which no job's digest covers: the file `head.toml` in its home.

    [multitask]                          # by the task's name
    tasks = ["cyp3a4", "herg"]

They may change tensors that stay at home, and no others: the shapes of shared tensors are the job's, and a job without
private tensors takes none of them.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ledger.errors import Malformed, Unavailable
from ledger.jobs.document import Setting

MAX_BYTES = 1 << 20


def read_head(path: Path, task: str) -> dict[str, Setting]:
    """A task's settings in the file; empty where there is no file. Raises Malformed where it is not in its form, naming
    file and setting, Unavailable where it cannot be read.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise Unavailable(f"cannot read a member's own settings: {error.strerror}", file=str(path)) from error
    try:
        if len(data) > MAX_BYTES:
            raise ValueError("it is too long")
        written = tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise Malformed(f"a member's own settings are not TOML: {error}", file=str(path)) from error
    return _settings(written.get(task, {}), path, task)


def _settings(table: Any, path: Path, task: str) -> dict[str, Setting]:
    if not isinstance(table, Mapping):
        raise Malformed(
            f"a member's own settings of the task {task!r} are no table",
            advice=f"begin them with a line [{task}]",
            file=str(path),
        )
    for name, value in table.items():
        texts = isinstance(value, list) and all(isinstance(item, str) for item in value)
        if not isinstance(value, str | int | bool) and not texts:
            raise Malformed(
                f"a member's own setting {name!r} is not valid",
                expected="a text, an integer, true or false, or a list of texts",
                actual=repr(value)[:200],
                file=str(path),
            )
    return dict(table)
