"""`fedledger node`: a participant's commands. torch is imported inside them, after their arguments are checked."""

import click

from participant.cli_models import compare, evaluate, example


@click.group()
def node() -> None:
    """Take part: train on your own data, submit updates, attest global models.

    The data never leaves this machine. Stop or kill a node whenever you like; started again, it goes on where the
    ledger says it stopped.
    """


for command in (compare, evaluate, example):
    node.add_command(command)
