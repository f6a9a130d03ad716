"""Options that several of a participant's commands have."""

import click

DEVICES = "Where to train and evaluate: cpu, cuda, cuda:N, mps, or auto, the best there is."
device_option = click.option(
    "--device", metavar="DEVICE", help=f"{DEVICES}  [default: that of the home's settings, else auto]"
)
