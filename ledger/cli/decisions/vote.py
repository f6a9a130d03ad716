"""`vote`: a member's vote, sent directly or signed here and sent by anyone."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli.options import home_option, json_option, passphrase_option
from ledger.cli.screen import require_yes
from ledger.config import Home
from ledger.formats.text import command

if TYPE_CHECKING:
    from ledger.chain.sender import Sender
    from ledger.events.proposals import Proposal
    from ledger.keys import Signer
    from ledger.party.connection import Connection

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(short_help="Vote on a proposal, or sign a vote for anyone to send.")
@click.argument("number", type=click.IntRange(min=1))
@click.argument("choice", type=click.Choice(["for", "against", "abstain"]))
@click.option("--yes", is_flag=True, help="Vote without being asked.")
@click.option(
    "--sign-only", type=FILE, help="Send nothing: write the signed vote to this file, which anyone may relay."
)
@click.option(
    "--valid-for",
    type=click.IntRange(min=1),
    help="With --sign-only: seconds for which the signature is good.  [default: as long as one can vote]",
)
@passphrase_option
@home_option
@json_option
def vote(
    number: int,
    choice: str,
    yes: bool,
    sign_only: Path | None,
    valid_for: int | None,
    passphrase_file: Path | None,
    home: Home,
    as_json: bool,
) -> None:
    """Vote on proposal NUMBER, after reading it. A vote is final.

    With --sign-only the vote is signed and written to a file, and nothing is sent. `fedledger proposal relay FILE`
    sends it with anyone's key, `curl --json @FILE https://…/relay.json` with a server's.

    \b
    Example:  fedledger proposal vote 3 for

    \b
    Example:  fedledger release vote 3 for
    """
    from ledger.cli.connect import unlocked
    from ledger.cli.decisions.model import keep_report, require_report
    from ledger.cli.decisions.view import print_proposal
    from ledger.party.voting import proposal as find

    if valid_for and not sign_only:
        raise click.UsageError("--valid-for goes with --sign-only")
    with unlocked(home, passphrase_file) as (connection, signer):
        found, now = find(connection, number), connection.client.time()
        keep_report(connection, found.action)
        note = require_report(connection, found.action) if choice == "for" else ""
        if note:
            click.echo(f"note: {note}", err=True)
        if not yes:
            print_proposal(connection, found, now)
            require_yes(f"Vote {choice}?")
        if sign_only is None:
            _send(connection, connection.sender(signer), found, choice, as_json)
        else:
            deadline = now + valid_for if valid_for else found.deadline
            _sign(connection, signer, found, choice, deadline, sign_only, as_json)


def _send(connection: "Connection", sender: "Sender", found: "Proposal", choice: str, as_json: bool) -> None:
    from ledger.cli.decisions.describe import tally_text
    from ledger.cli.screen import say
    from ledger.events.signed import CHOICES
    from ledger.party.voting import proposal as find
    from ledger.party.voting import vote as send

    receipt = send(connection, sender, found, CHOICES[choice])
    found = find(connection, found.number)
    text = f"voted {choice} on proposal {found.number}: {tally_text(found)}"
    if found.passes:
        text += f"\nit passes; anyone may end the vote: {command('proposal', 'close', found.number)}"
    say(as_json, text, proposal=found.number, choice=choice, passes=found.passes, tx=receipt.tx.hex())


def _sign(
    connection: "Connection",
    signer: "Signer",
    found: "Proposal",
    choice: str,
    deadline: int,
    path: Path,
    as_json: bool,
) -> None:
    from ledger.cli.decisions.describe import time_text
    from ledger.cli.screen import say
    from ledger.cli.streams import write_file
    from ledger.events.signed import CHOICES
    from ledger.party.voting import require_open, sign

    require_open(connection, found, signer.address)
    ballot = sign(connection, signer, found, CHOICES[choice], deadline)
    write_file(path, [ballot.encode() + b"\n"])
    text = (
        f"signed: {choice} on proposal {found.number}, good until {time_text(deadline)}; nothing was sent\n"
        f"anyone may send it: {command('proposal', 'relay', path)}"
    )
    say(as_json, text, proposal=found.number, choice=choice, deadline=deadline, file=str(path))
