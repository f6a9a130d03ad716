"""`python examples/survival`: see README.md."""

from centres.study import EXAMPLE

from participant.examples.command import command

if __name__ == "__main__":
    command(EXAMPLE)()
