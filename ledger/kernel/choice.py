"""Which functions the process uses: native ones that are trusted, current, and equal to the pure ones; else those."""

import logging
import os
from hashlib import sha256
from pathlib import Path
from stat import S_ISREG

from ledger.kernel.build import DIGEST, FOLDER, LIBRARY
from ledger.kernel.native import VERSION, Native
from ledger.kernel.table import Kernel, native_kernel, pure_kernel
from ledger.kernel.vectors import vectors


class Unusable(Exception):
    """Why a native kernel is not used."""


def choose(folder: Path = FOLDER) -> Kernel:
    """The functions of this process. A native kernel that is there but not used is said in the log."""
    if os.environ.get("FEDLEDGER_KERNEL") == "pure":
        return pure_kernel("FEDLEDGER_KERNEL asks for it")
    if not (folder / LIBRARY).exists():
        return pure_kernel("no native kernel was built")
    try:
        kernel = native_kernel(load(folder))
        check(kernel)
    except Unusable as error:
        logging.getLogger(__name__).warning("fedledger: the native kernel is not used: %s", error)
        return pure_kernel(str(error))
    return kernel


def load(folder: Path) -> Native:
    """The kernel built in a folder. Raises Unusable for a foreign, a damaged or another one."""
    file = folder / LIBRARY
    try:
        _check_owner(file)
        digest = (folder / DIGEST).read_text(errors="replace").strip()
        if sha256(file.read_bytes()).hexdigest() != digest:
            raise Unusable(f"{file} is damaged: run make setup again")
        native = Native(file)
    except OSError as error:
        raise Unusable(f"{file} cannot be loaded: {error}") from error
    except AttributeError as error:
        raise Unusable(f"{file} lacks a function: {error}") from error
    if native.version != VERSION:
        raise Unusable(f"{file} is version {native.version}, not {VERSION}: run make setup again")
    return native


def check(kernel: Kernel) -> None:
    """Raise Unusable where a function fails, or its results are not those of its pure twin, at the borders where they
    may err.
    """
    for name, results in vectors():
        expected = results(pure_kernel(""))
        try:
            found = results(kernel)
        except Exception as error:
            raise Unusable(f"its {name} fails the self-check: {type(error).__name__}: {error}") from error
        if found != expected:
            raise Unusable(f"its {name} fails the self-check")


def _check_owner(file: Path) -> None:
    """Raise Unusable for a file that others may write or have put there: its group is others, too."""
    found, own = file.lstat(), Path(__file__).lstat()
    if not S_ISREG(found.st_mode) or found.st_mode & 0o022 or found.st_uid not in {own.st_uid, os.getuid()}:
        raise Unusable(f"{file} is not a file that its owner alone can write")
