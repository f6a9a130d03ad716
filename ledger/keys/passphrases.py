"""A passphrase: from a file's first line or the terminal, whole or not at all."""

import codecs
import getpass
import os
import shlex
import stat
import unicodedata
import warnings
from collections.abc import Callable
from pathlib import Path

from ledger.errors import Unavailable, UsageError

MAXIMUM_PASSPHRASE = 1 << 12
PRIVATE = (0o600, 0o400)
"""The modes that a passphrase file may have."""
_OTHER_ENCODINGS = {
    "UTF-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
    "UTF-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
}


def read_passphrase(
    file: Path | None,
    *,
    confirm: bool = False,
    prompt: Callable[[str], str] = getpass.getpass,
    what: str = "Passphrase",
    option: str = "--passphrase-file",
) -> str:
    """A passphrase from the first line of a file, else from the terminal (asked twice with `confirm`).

    Never from arguments or the environment, which other processes may read, nor from a file that others may read.
    Raises UsageError.
    """
    if file is not None:
        return _first_line(file)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)  # no terminal: it would read aloud from a pipe
            passphrase = prompt(f"{what}: ")
            if confirm and prompt("Again: ") != passphrase:
                raise UsageError("the two passphrases differ")
    except getpass.GetPassWarning as error:
        raise UsageError("there is no terminal to ask for the passphrase", advice=f"use {option}") from error
    except EOFError as error:
        raise UsageError("no passphrase was typed: the input ended", advice=f"type it, or use {option}") from error
    return passphrase


def forms(passphrase: str) -> list[str]:
    """The forms in which keyboards and programs may have meant a passphrase: as it is, then Unicode's others."""
    return list(
        dict.fromkeys([passphrase, *(unicodedata.normalize(form, passphrase) for form in ("NFC", "NFKC", "NFD"))])
    )


def _first_line(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            _check_private(file, os.fstat(stream.fileno()))
            content = stream.read(MAXIMUM_PASSPHRASE + 1)
    except FileNotFoundError as error:
        raise UsageError("there is no such passphrase file", file=str(file)) from error
    except OSError as error:
        raise Unavailable(f"the passphrase file cannot be read: {error}", file=str(file)) from error
    first, ended, _ = content.replace(b"\r", b"\n").partition(b"\n")
    if not ended and len(content) > MAXIMUM_PASSPHRASE:
        raise UsageError("the passphrase file's first line is too long", file=str(file), maximum=MAXIMUM_PASSPHRASE)
    passphrase = _text(file, content, first)
    if not passphrase:
        raise UsageError("the passphrase file's first line is empty", file=str(file))
    return passphrase


def _check_private(file: Path, found: os.stat_result) -> None:
    """Refuse a file that others may read or change, or that another user owns. Raises UsageError.

    Not looked at: pipes and terminals, which keep nothing for others to find; and Windows, where a mode says nothing of
    who may read. A mounted file system that keeps no modes shows every file as open to all, and is refused.
    """
    if not stat.S_ISREG(found.st_mode) or os.name == "nt":
        return
    mode = stat.S_IMODE(found.st_mode)
    if found.st_uid != os.geteuid():
        raise UsageError(
            "the passphrase file belongs to another user",
            advice="copy it to a file of your own, mode 0600",
            file=str(file),
            expected=os.geteuid(),
            actual=found.st_uid,
        )
    if mode not in PRIVATE:
        raise UsageError(
            f"the passphrase file has mode {mode:04o}: others may read or change it",
            advice=f"chmod 600 {shlex.quote(str(file))}",
            file=str(file),
            expected=" or ".join(f"{allowed:04o}" for allowed in PRIVATE),
            actual=f"{mode:04o}",
        )


def _text(file: Path, content: bytes, line: bytes) -> str:
    """The line as UTF-8, without the byte order mark that some editors put first. Raises UsageError for any other."""
    advice = "save it as UTF-8, in one line"
    for encoding, marks in _OTHER_ENCODINGS.items():
        if content.startswith(marks):
            raise UsageError(f"the passphrase file is {encoding}, not UTF-8", advice=advice, file=str(file))
    line = line.removeprefix(codecs.BOM_UTF8)
    for place, sign in enumerate(line):
        if (sign < 0x20 and sign != 0x09) or sign == 0x7F:
            what = "UTF-16 or binary" if sign == 0 else "not plain text"
            raise UsageError(
                f"the passphrase file is {what}: a control character at byte {place}", advice=advice, file=str(file)
            )
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise UsageError(
            f"the passphrase file is not UTF-8: {error.reason} at byte {error.start}", advice=advice, file=str(file)
        ) from error
