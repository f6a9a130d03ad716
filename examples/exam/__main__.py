"""`python examples/exam`: see README.md."""

from clinics.study import EXAMPLE

from participant.examples.command import command

if __name__ == "__main__":
    command(EXAMPLE)()
