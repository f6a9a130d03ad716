"""`python examples/heart`: see README.md."""

from hospitals.study import EXAMPLE

from participant.examples.command import command

if __name__ == "__main__":
    command(EXAMPLE)()
