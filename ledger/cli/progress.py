"""Progress of long work, on the error stream: a bar on a terminal, and a line every few seconds in a file or pipe.

For lines, rich is not loaded.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TaskID

Advance = Callable[[int], None]
"""Hears how much more is done."""
Unit = Literal["bytes", "steps"]


LINES = 5.0
"""Seconds between two lines."""


class Lines:
    """A line every few seconds, of work that takes as long. `clock` is in seconds."""

    def __init__(self, unit: Unit, clock: Callable[[], float] = time.monotonic) -> None:
        self._unit, self._clock = unit, clock

    def meter(self, name: str, size: int | None) -> Advance:
        """Begin to count, up to `size` if that is known."""
        begun = said = self._clock()
        done = 0

        def advance(more: int) -> None:
            nonlocal said, done
            done += more
            now = self._clock()
            if now - said >= LINES:
                said = now
                click.echo(self._line(name, done, size, now - begun), err=True)

        return advance

    def _line(self, name: str, done: int, size: int | None, seconds: float) -> str:
        if self._unit == "steps":
            return f"{name}: {done} of {size} steps" if size else f"{name}: {done} steps"
        part = f"{min(100, 100 * done // size)} % of {size / 1e6:.0f} MB" if size else f"{done / 1e6:.0f} MB"
        return f"{name}: {part}, {done / 1e6 / seconds:.0f} MB/s"


class Bars:
    """At most one bar at a time: a new one replaces the one before. Without a drawing there are lines, or nothing."""

    def __init__(self, drawing: "Progress | None", lines: Lines | None = None) -> None:
        self._drawing, self._lines = drawing, lines
        self._task: TaskID | None = None

    def meter(self, name: str, size: int | None) -> Advance:
        """Begin a bar up to `size`, or one without an end where that is 0 or None; it is removed when that is done."""
        drawing = self._drawing
        if drawing is None:
            return self._lines.meter(name, size) if self._lines else lambda _: None
        self._drop(drawing)
        task = self._task = drawing.add_task(name, total=size or None)
        done = 0

        def advance(more: int) -> None:
            nonlocal done
            done += more
            if task != self._task:
                return
            drawing.advance(task, more)
            if size and done >= size:
                self._drop(drawing)

        return advance

    def say(self, line: str) -> None:
        """Print a line above the bar: while a bar is shown, rich takes what is written to the terminal."""
        click.echo(line)

    def _drop(self, drawing: "Progress") -> None:
        if self._task is not None:
            drawing.remove_task(self._task)
            self._task = None


@contextmanager
def bars(*, quiet: bool = False, unit: Unit = "bytes") -> Iterator[Bars]:
    """A place to show bars while work is done, or lines where no terminal is; `quiet` shows none."""
    if quiet or not sys.stderr.isatty():
        yield Bars(None, None if quiet else Lines(unit))
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(*_columns(unit), console=Console(stderr=True), transient=True) as drawing:
        yield Bars(drawing)


@contextmanager
def bar(name: str, size: int | None, *, quiet: bool = False, unit: Unit = "bytes") -> Iterator[Advance]:
    """One bar, as `Bars.meter` begins it."""
    with bars(quiet=quiet, unit=unit) as shown:
        yield shown.meter(name, size)


def _columns(unit: Unit) -> "tuple[ProgressColumn, ...]":
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    if unit == "steps":
        return Progress.get_default_columns()
    return (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
