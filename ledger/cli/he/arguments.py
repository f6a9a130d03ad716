"""What the commands of encrypted sums share: plans, values and contributions as they are given."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from ledger.errors import FedledgerError, Malformed, UsageError
from ledger.files.foreign import open_foreign, read_foreign

if TYPE_CHECKING:
    from ledger.homomorphic.plan import SumPlan
    from ledger.rounds.rules.arithmetic import Sums

F = TypeVar("F", bound=Callable[..., Any])
ADVICE = "ask for the file again where it came from; docs/spec/encrypted-sums.md says what is in it"
FILE = click.Path(path_type=Path, dir_okay=False)
_INTEGER = re.compile(rb"-?[0-9]{1,16}")
_LINE = 19
"""Bytes of a line of values, at most."""
_PIECE = 1 << 20


def advised(function: F) -> F:
    """Errors of the command that name no way out name the file's author; a file that cannot be opened is the user's."""

    @wraps(function)
    def command(*arguments: Any, **options: Any) -> Any:
        with _advice():
            return function(*arguments, **options)

    return cast(F, command)


@contextmanager
def _advice() -> Iterator[None]:
    try:
        yield
    except FedledgerError as error:
        error.advice = error.advice or ADVICE
        raise
    except OSError as error:
        if error.filename is None:
            raise
        advice = "name a file that is there, in a folder that is"
        raise UsageError(
            f"a file cannot be opened: {error.strerror}", advice=advice, file=str(error.filename)
        ) from error


def plan_argument(function: F) -> F:
    """PLAN: passes `plan`."""
    return click.argument("plan", type=FILE, callback=lambda _context, _parameter, value: _plan(value))(function)


def require_new(*outputs: Path) -> None:
    """Raises UsageError where a file to be written is there already, or two are one: a name that was left out of a
    command makes others' files its outputs.
    """
    for place, output in enumerate(outputs):
        if os.path.lexists(output) or output in outputs[:place]:
            problem = "nothing is written over a file that is there, or was just named"
            raise UsageError(problem, advice="name another file, or move that one away", file=str(output))


def read_values(path: Path, plan: "SumPlan") -> "Sums":
    """A file of one integer a line, as many as the plan says. Raises Malformed for any other."""
    import numpy as np

    data = read_foreign(path, "the file of values", plan.values * _LINE)
    lines = data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    if len(lines) != plan.values:
        advice = "write one integer a line, as many as the plan says"
        raise Malformed(
            "the file has another number of values", advice=advice, file=path, expected=plan.values, actual=len(lines)
        )
    for number, line in enumerate(lines, 1):
        if not _INTEGER.fullmatch(line):
            advice = "write one integer of at most 16 digits a line"
            raise Malformed("a line is not an integer", advice=advice, file=path, line=number, actual=ascii(line[:40]))
    return np.array([int(line) for line in lines], np.int64)


def values_text(values: "Sums") -> Iterator[bytes]:
    """Values as a file of one integer a line."""
    for start in range(0, len(values), _PIECE):
        yield b"".join(b"%d\n" % value for value in values[start : start + _PIECE].tolist())


def sources(files: Sequence[Path]) -> list[Iterator[bytes]]:
    """Contributions, each in pieces. Links and pipes are refused once they are read (Malformed)."""
    return [_pieces(file) for file in files]


def _pieces(path: Path) -> Iterator[bytes]:
    try:
        with open_foreign(path, "a contribution") as file:
            while piece := file.read(_PIECE):
                yield piece
    except OSError as error:
        raise Malformed(f"a contribution cannot be read: {error.strerror}", file=path) from error


def _plan(path: Path) -> "SumPlan":
    from ledger.homomorphic.plan import LARGEST, parse_plan

    with _advice():
        try:
            return parse_plan(read_foreign(path, "the plan of a sum", LARGEST))
        except OSError as error:
            raise click.BadParameter(f"cannot be read: {error.strerror}") from error
