"""`python examples/digits`: see README.md."""

from writers.study import DIRICHLET, EXAMPLE

from participant.examples.command import command

if __name__ == "__main__":
    command(EXAMPLE, DIRICHLET)()
