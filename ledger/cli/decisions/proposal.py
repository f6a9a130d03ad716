"""`fedledger proposal`: what members decide together, from the proposal to its execution."""

from pathlib import Path

import click

from ledger.cli.decisions.propose import propose
from ledger.cli.decisions.relay import relay
from ledger.cli.decisions.vote import vote
from ledger.cli.options import (
    home_option,
    json_option,
    network_option,
    passphrase_option,
    payer_options,
    rpc_option,
    wide_option,
)
from ledger.cli.screen import print_json
from ledger.config import Home

NUMBER = click.argument("number", type=click.IntRange(min=1))


@click.group()
def proposal() -> None:
    """Propose, vote, and carry out what the members decided.

    Admissions, removals, roles, rules, the closing and the rewinding of a job, releases and their end, a successor: one
    ballot for all. How it counts: docs/spec/ballot.md. Keys stay here; votes and proposals may be signed here and sent
    by anyone.
    """


for command in (propose, vote, relay):
    proposal.add_command(command)


@proposal.command("list")
@network_option
@rpc_option
@home_option
@wide_option
@json_option
def list_(network_file: Path | None, rpc: str | None, home: Home, as_json: bool) -> None:
    """List all proposals.

    \b
    Example:  fedledger proposal list
    """
    from ledger.cli.connect import look
    from ledger.cli.decisions.document import proposal_document

    with look(network_file, home, rpc) as connection:
        made = connection.refresh().decisions.proposals.values()
        now = connection.client.time()
        documents = [proposal_document(connection, one, now) for one in made]
    if as_json:
        print_json(documents)
    elif not documents:
        click.echo("no proposal yet")
    else:
        from ledger.cli.decisions.view import print_proposals

        print_proposals(documents)


@proposal.command()
@NUMBER
@network_option
@rpc_option
@home_option
@wide_option
@json_option
def show(number: int, network_file: Path | None, rpc: str | None, home: Home, as_json: bool) -> None:
    """Show proposal NUMBER, how the vote stands, and what can be done next.

    \b
    Example:  fedledger proposal show 3
    """
    from ledger.cli.connect import look
    from ledger.cli.decisions.document import proposal_document
    from ledger.cli.decisions.model import read_model
    from ledger.cli.decisions.view import print_proposal
    from ledger.events.actions import ReleaseModel
    from ledger.party.voting import proposal as find

    with look(network_file, home, rpc) as connection:
        connection.refresh()
        found, now = find(connection, number), connection.client.time()
        if not as_json:
            print_proposal(connection, found, now)
            return
        document = proposal_document(connection, found, now)
        if isinstance(found.action, ReleaseModel):
            document |= read_model(connection, found.action).document()
        print_json(document)


@proposal.command()
@NUMBER
@payer_options
@json_option
def close(
    number: int,
    network_file: Path | None,
    keystore: Path | None,
    passphrase_file: Path | None,
    home: Home,
    as_json: bool,
) -> None:
    """End the vote on proposal NUMBER, where it passes. Anyone may do so.

    \b
    Example:  fedledger proposal close 3
    """
    from ledger.cli.connect import pay
    from ledger.cli.decisions.describe import time_text
    from ledger.cli.screen import say
    from ledger.party.voting import close as send
    from ledger.party.voting import proposal as find

    with pay(network_file, home, keystore, passphrase_file) as (connection, sender):
        receipt = send(connection, sender, find(connection, number))
        found = find(connection, number)
    text = f"the vote on proposal {number} is closed; it can be carried out from {time_text(found.executable_from)}"
    say(as_json, text, proposal=number, executable_from=found.executable_from, tx=receipt.tx.hex())


@proposal.command()
@NUMBER
@payer_options
@json_option
def execute(
    number: int,
    network_file: Path | None,
    keystore: Path | None,
    passphrase_file: Path | None,
    home: Home,
    as_json: bool,
) -> None:
    """Carry out proposal NUMBER, which passed. Anyone may do so.

    \b
    Example:  fedledger proposal execute 3
    """
    from ledger.cli.connect import pay
    from ledger.cli.decisions.describe import describe
    from ledger.cli.screen import say
    from ledger.errors import plain
    from ledger.party.voting import execute as send
    from ledger.party.voting import proposal as find

    with pay(network_file, home, keystore, passphrase_file) as (connection, sender):
        found = find(connection, number)
        words = describe(connection, found.action)
        receipt = send(connection, sender, found)
    say(as_json, f"proposal {number} is carried out: {plain(words)}", proposal=number, tx=receipt.tx.hex())


@proposal.command()
@NUMBER
@passphrase_option
@home_option
@json_option
def cancel(number: int, passphrase_file: Path | None, home: Home, as_json: bool) -> None:
    """Withdraw your own proposal NUMBER, on which nobody has voted.

    \b
    Example:  fedledger proposal cancel 3
    """
    from ledger.cli.connect import act
    from ledger.cli.screen import say
    from ledger.party.voting import cancel as send
    from ledger.party.voting import proposal as find

    with act(home, passphrase_file) as (connection, sender):
        receipt = send(connection, sender, find(connection, number))
    say(as_json, f"proposal {number} is cancelled", proposal=number, tx=receipt.tx.hex())
