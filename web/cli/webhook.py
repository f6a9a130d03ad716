"""The options of `fedledger web run` that name a webhook."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from web.notify.hook import Hook


def webhook_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--webhook and --webhook-allow."""
    file = click.option(
        "--webhook",
        type=click.Path(path_type=Path, dir_okay=False),
        help="File (mode 0600) whose first line is a URL and whose second line is a key: news of the ledger are posted "
        "there, signed with it.",
    )
    allow = click.option(
        "--webhook-allow",
        multiple=True,
        metavar="NETWORK",
        help="Network of one's own, such as 10.1.2.0/24, that the webhook may be in. May be repeated.  "
        "[default: public addresses alone]",
    )
    return file(allow(command))


def read_hook(file: Path | None, allow: tuple[str, ...]) -> "Hook | None":
    """The webhook that the options name. Raises UsageError, Unavailable."""
    from web.notify.hook import Hook

    return Hook.read(file, allow) if file is not None else None
