"""How a release is named to a command: NAME@VERSION or NAME VERSION, or NAME alone where the current one will do."""

from collections.abc import Callable
from typing import Any

import click


def release_argument(*, exact: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The argument that names a release: passes `release`, as NAME@VERSION, or NAME unless it must be `exact`."""
    return click.argument(
        "release",
        nargs=-1,
        required=True,
        metavar="NAME@VERSION" if exact else "NAME[@VERSION]",
        callback=lambda _context, _parameter, words: title(words, exact=exact),
    )


def title(words: tuple[str, ...], *, exact: bool = False) -> str:
    """One or two words as NAME@VERSION, or NAME. Raises click's UsageError for other words."""
    name, marked, version = words[0].partition("@")
    if len(words) == 2 and not marked:
        marked, version = "@", words[1]
    elif len(words) > 1:
        raise click.UsageError(f"name one release, as NAME@VERSION or NAME VERSION: {' '.join(words)!r} is not one")
    if exact and not marked:
        raise click.UsageError("name the version too: NAME@VERSION, or NAME VERSION")
    return f"{name}{marked}{version}"
