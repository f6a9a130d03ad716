"""What every command says of itself: a sentence that no list cuts, and an example that it would take."""

import shlex
from collections.abc import Iterator

import click
import pytest

from ledger.cli.main import fedledger

NARROW = 80
"""Columns of the terminal on which lists of commands are read."""


def groups(group: click.Group, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Group]]:
    yield words, group
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from groups(command, (*words, name))


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
            if isinstance(one.type, click.types.IntParamType | click.types.FloatParamType | click.Choice):
                one.type_cast_value(context, values.get(one.name or ""))
            assert not one.required or values.get(one.name or "") not in (None, (), click.core.UNSET), one.name


@pytest.mark.parametrize(("words", "command"), ALL)
def test_it_says_what_its_exit_codes_mean(words: tuple[str, ...], command: click.Command) -> None:
    """Once: in its own words, or in those that all commands of its group share."""
    said = command.get_help(click.Context(command, info_name=words[-1]))
    assert said.count("Exit codes:") == 1, said


LISTS = [pytest.param(group, id="-".join(words) or "fedledger") for words, group in groups(fedledger)]


@pytest.mark.parametrize("group", LISTS)
def test_no_list_of_commands_cuts_what_they_do(group: click.Group) -> None:
    said = group.get_help(click.Context(group, terminal_width=NARROW))
    listed = said[said.index("Commands:") :]
    assert [line for line in listed.splitlines() if line.endswith("...")] == []
