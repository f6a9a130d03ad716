"""A progress bar for long work, on the error stream; nothing where nobody would see it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def bar(name: str, total: int, *, quiet: bool) -> Iterator[Callable[[], None]]:
    """A bar of `total` steps; yields the function to call after each."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=quiet or not console.is_terminal) as shown:
        line = shown.add_task(name, total=total)
        yield lambda: shown.advance(line)
