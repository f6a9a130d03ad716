"""What commands print: an outcome, and foreign text, which is shown as text and does nothing else."""

import click

from ledger.errors import UsageError, plain
from ledger.formats.text import json_text


def say(as_json: bool, message: str, **facts: object) -> None:
    """What a command did: a sentence for people, facts for programs."""
    click.echo(json_text(facts) if as_json else message)


def print_json(document: object) -> None:
    """One JSON document on one line of standard output."""
    click.echo(json_text(document))


def require_yes(question: str, undone: str = "nothing was sent") -> None:
    """Ask, and return where the answer is yes. Raises UsageError for a no, and where nobody is there to answer: then
    what is `undone` is said.
    """
    try:
        agreed = click.confirm(question)
    except click.Abort as error:
        if not isinstance(error.__context__, EOFError):
            raise  # somebody interrupted
        raise UsageError(
            f"nobody answered: the input ended; {undone}", advice="read what is asked, then pass --yes"
        ) from error
    if not agreed:
        raise UsageError(f"not confirmed: {undone}")


def shown(text: str) -> str:
    """For rich's console: one line, no markup, no control characters. A newline could feign a line of ours."""
    from rich.markup import escape

    return escape(plain(text).replace("\n", "\\n"))
