"""What commands print: one sentence or its JSON, and names with their values below each other."""

import json

import click


def say(as_json: bool, message: str, **facts: object) -> None:
    """What a command did: words for people, facts for programs."""
    click.echo(json.dumps(facts) if as_json else message)


def print_facts(facts: dict[str, str]) -> None:
    """Names and values below each other; the values may be foreign text."""
    from rich.console import Console
    from rich.table import Table

    from ledger.cli.screen import shown

    table = Table(box=None, show_header=False)
    for name, value in facts.items():
        table.add_row(f"[dim]{name}[/]", shown(value))
    Console(highlight=False, soft_wrap=True).print(table)
