"""`python examples/fraud`: see README.md."""

from banks.study import EXAMPLE

from participant.examples.command import command

if __name__ == "__main__":
    command(EXAMPLE)()
