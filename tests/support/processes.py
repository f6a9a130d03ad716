"""Processes as the operating system sees them: whether one lives, those that still use a folder, and closed streams."""

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def is_alive(process: int) -> bool:
    """Whether a process of that id exists."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def gone(process: int, seconds: float = 150.0) -> bool:
    """Whether it ends in time."""
    until = time.monotonic() + seconds
    while is_alive(process) and time.monotonic() < until:
        time.sleep(0.02)
    return not is_alive(process)


def of_folder(folder: Path) -> dict[int, str]:
    """Every process, but this one, that names the folder in its command line or holds a file in it open."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        number = int(entry.name)
        if number == os.getpid():
            continue
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            held = [str(link.readlink()) for link in (entry / "fd").iterdir()]
        except OSError:
            continue  # it has ended, or is another user's
        if str(folder) in line or any(Path(path).is_relative_to(folder) for path in held):
            found[number] = line
    return found


def open_in(folder: Path) -> list[Path]:
    """The files of a folder that this process has open, where Linux says it."""
    there = Path("/proc/self/fd")
    found = [path.resolve() for path in there.iterdir()] if there.is_dir() else []
    return [path for path in found if path.is_relative_to(folder)]


def left(folder: Path, seconds: float = 150.0) -> dict[int, str]:
    """Those that are still there after some time to end in."""
    end = time.monotonic() + seconds
    while (found := of_folder(folder)) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def closing(stream: int, words: Sequence[Any]) -> "subprocess.CompletedProcess[bytes]":
    """A run of a program to which its standard stream 0, 1 or 2 is closed."""
    shell = ["sh", "-c", f'exec "$@" {stream}{"<" if stream == 0 else ">"}&-', "sh"]
    return subprocess.run([*shell, *map(str, words)], capture_output=True, check=False, timeout=240)
