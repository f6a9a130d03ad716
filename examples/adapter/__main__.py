"""`python examples/adapter`: see README.md."""

from desks.study import EXAMPLE

from participant.examples.command import command

if __name__ == "__main__":
    command(EXAMPLE)()
