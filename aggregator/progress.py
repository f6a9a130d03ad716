"""Progress bars for long work, on the error stream, and lines above them. Nothing where nobody would see a bar."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from ledger.rounds.outcome import Progress as Advance

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Bars:
    """At most one bar at a time: a new one replaces the one before."""

    def __init__(self, bar: "Progress") -> None:
        self._bar = bar
        self._task: TaskID | None = None

    def meter(self, name: str, size: int) -> Advance:
        """Begin a bar over `size` bytes; what it returns is told of bytes done."""
        self._drop()
        task = self._task = self._bar.add_task(name, total=size or None)
        done = 0

        def advance(read: int) -> None:
            nonlocal done
            done += read
            self._bar.advance(task, read)
            if done >= size and task == self._task:
                self._drop()

        return advance

    def say(self, line: str) -> None:
        """Print a line above the bar: while a bar is shown, rich takes what is written to the terminal."""
        click.echo(line)

    def _drop(self) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None


@contextmanager
def bars(*, quiet: bool) -> Iterator[Bars]:
    """A place to show bars while work is done; `quiet` shows none."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    shown = Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal)
    with shown:
        yield Bars(shown)
