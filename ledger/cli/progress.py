"""Progress of long work, on the error stream. Nothing is drawn, and rich is not loaded, where nobody would see it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TaskID

Advance = Callable[[int], None]
"""Hears how much more is done."""
Unit = Literal["bytes", "steps"]


class Bars:
    """At most one bar at a time: a new one replaces the one before. Without a drawing, there are none."""

    def __init__(self, drawing: "Progress | None") -> None:
        self._drawing = drawing
        self._task: TaskID | None = None

    def meter(self, name: str, size: int | None) -> Advance:
        """Begin a bar up to `size`, or one without an end where that is 0 or None; it is removed when that is done."""
        drawing = self._drawing
        if drawing is None:
            return lambda _: None
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
    """A place to show bars while work is done; `quiet` shows none."""
    if quiet or not sys.stderr.isatty():
        yield Bars(None)
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
