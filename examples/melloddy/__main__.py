"""`python examples/melloddy`: see README.md."""

from partners.study import EXAMPLE

from participant.examples.command import command

if __name__ == "__main__":
    command(EXAMPLE)()
