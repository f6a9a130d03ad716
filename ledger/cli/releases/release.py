"""`fedledger release`: finalised models under a name, by the members' vote."""

import click

from ledger.cli.decisions.vote import vote
from ledger.cli.releases.files import fetch, report, verify
from ledger.cli.releases.lists import list_, show
from ledger.cli.releases.propose import propose, revoke, rollback
from ledger.cli.releases.provenance import provenance


@click.group()
def release() -> None:
    """Release models by vote, and fetch what was released.

    \b
    fedledger node evaluate --report report.json             # each party adds its figures
    fedledger release propose 10 cardio 1.0.0 --report report.json
    fedledger release vote 1 for                             # every member
    fedledger proposal close 1; fedledger proposal execute 1 # anyone
    fedledger release fetch cardio                           # anyone
    """


for command in (propose, list_, show, vote, revoke, rollback, fetch, report, verify, provenance):
    release.add_command(command)
