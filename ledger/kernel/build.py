"""Builds the native kernel beside its source, where a C compiler stands.

Beside it goes its digest: a file that was cut short or changed is not loaded. Needs nothing but Python.
"""

import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
LIBRARY, DIGEST = "kernel.so", "kernel.sha256"
_FLAGS = ["-std=c11", "-O3", "-fPIC", "-shared", "-fvisibility=hidden"]
_SECONDS = 120


class NotBuilt(Exception):
    """There is no compiler, or it failed."""


def build(folder: Path = FOLDER, *, flags: tuple[str, ...] = ()) -> str:
    """Build the kernel into a folder, in place of any that is there; returns the compiler.

    Raises NotBuilt: what was there stays.
    """
    compiler = _compiler()
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        library = Path(scratch) / LIBRARY
        _compile([*compiler, *_FLAGS, *_for_processor(), *flags, "-o", str(library), str(FOLDER / "kernel.c")])
        library.chmod(0o755)
        digest = library.with_name(DIGEST)
        digest.write_text(sha256(library.read_bytes()).hexdigest() + "\n")
        for made in (library, digest):
            made.replace(folder / made.name)
    return shlex.join(compiler)


def _compiler() -> list[str]:
    """$CC where it is set, else the first there is."""
    named = shlex.split(os.environ.get("CC", ""))
    for command in [named] if named else [["cc"], ["clang"], ["gcc"]]:
        if shutil.which(command[0]):
            return command
    raise NotBuilt(f"no C compiler ({shlex.join(named) or 'cc, clang or gcc'}) is on the path")


def _for_processor() -> list[str]:
    """What only some processors need: $ARCHFLAGS on macOS; ARM's SHA-256, which the kernel asks for at run time."""
    if sys.platform == "darwin":
        return shlex.split(os.environ.get("ARCHFLAGS", ""))
    return ["-march=armv8-a+crypto"] if platform.machine() == "aarch64" else []


def _compile(command: list[str]) -> None:
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, errors="replace", timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotBuilt(f"{command[0]}: {error}") from error
    if done.returncode or not Path(command[command.index("-o") + 1]).is_file():
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no output"]
        why = next((line for line in lines if "error" in line), lines[0])[:200]
        raise NotBuilt(f"{command[0]} failed with code {done.returncode}: {why}")
