"""What every command says of itself: a sentence that no list cuts, and an example that it would take."""

import shlex
from collections.abc import Iterator

import click
import pytest

from ledger.cli.main import fedledger

LISTED = 80
"""Characters that a list of commands has for what each does, on a terminal of 100."""


def commands(group: click.Command, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if not isinstance(group, click.Group):
        yield words, group
        return
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        yield from commands(command, (*words, name))


ALL = [pytest.param(words, command, id="-".join(words)) for words, command in commands(fedledger)]


def examples(words: tuple[str, ...], command: click.Command) -> list[list[str]]:
    """The command's own examples in its help, as what follows its name."""
    text = f"{command.help}\n{command.epilog}".replace("\\\n", " ")
    name = " ".join(("fedledger", *words))
    lines = [line.strip().removeprefix("Example:").strip() for line in text.splitlines()]
    return [shlex.split(line.removeprefix(name)) for line in lines if line == name or line.startswith(f"{name} ")]


@pytest.mark.parametrize(("words", "command"), ALL)
def test_it_has_an_example_that_it_takes(words: tuple[str, ...], command: click.Command) -> None:
    found = examples(words, command)
    assert found, "no example"
    for given in found:
        context = click.Context(command, info_name=words[-1])
        values, left, _ = command.make_parser(context).parse_args(args=list(given))
        assert left == []
        for one in command.params:
            assert not one.required or values.get(one.name or "") not in (None, (), click.core.UNSET), one.name


@pytest.mark.parametrize(("words", "command"), ALL)
def test_it_says_what_its_exit_codes_mean(words: tuple[str, ...], command: click.Command) -> None:
    """Once: in its own words, or in those that all commands of its group share."""
    said = command.get_help(click.Context(command, info_name=words[-1]))
    assert said.count("Exit codes:") == 1, said


@pytest.mark.parametrize(("words", "command"), ALL)
def test_what_it_does_fits_into_the_list(words: tuple[str, ...], command: click.Command) -> None:
    assert not command.get_short_help_str(LISTED).endswith("..."), command.get_short_help_str(LISTED)
