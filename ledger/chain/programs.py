"""Programs of this machine: those on PATH, and those that set-up put beside this Python."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATH = "PATH"


def find_program(name: str) -> Path | None:
    """Where a program is, if there is one."""
    found = shutil.which(name) or shutil.which(name, path=str(_beside_python()))
    return Path(found) if found else None


@contextmanager
def found_beside_python() -> Iterator[None]:
    """Inside, a program that is started finds those beside this Python too, after those on PATH."""
    before = os.environ.get(PATH, os.defpath)
    os.environ[PATH] = f"{before}{os.pathsep}{_beside_python()}"
    try:
        yield
    finally:
        os.environ[PATH] = before


def _beside_python() -> Path:
    return Path(sys.executable).parent
