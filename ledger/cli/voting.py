"""`vote` and `relay`: a member's vote, sent directly or signed here and sent by anyone."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli.options import home_option, json_option, passphrase_option, payer_options
from ledger.config import Home

if TYPE_CHECKING:
    from ledger.accounts import LocalSigner
    from ledger.chain.sender import Sender
    from ledger.connection import Connection
    from ledger.proposal import Proposal
    from ledger.records import Refusal
    from ledger.signed import SignedBallot

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
    """Vote on proposal NUMBER, after reading what it wants. A vote is final.

    With --sign-only the vote is signed and written to a file, and nothing is sent. `fedledger proposal relay FILE`
    sends it with anyone's key, `curl --json @FILE https://…/relay.json` with a server's.
    """
    from ledger.cli.opening import unlocked
    from ledger.cli.showing import keep_report, print_proposal
    from ledger.voting import proposal as find

    if valid_for and not sign_only:
        raise click.UsageError("--valid-for goes with --sign-only")
    with unlocked(home, passphrase_file) as (connection, signer):
        found, now = find(connection, number), connection.client.time()
        keep_report(connection, found)
        if not yes:
            print_proposal(connection, found, now)
            click.confirm(f"Vote {choice}?", abort=True)
        if sign_only is None:
            _send(connection, connection.sender(signer), found, choice, as_json)
        else:
            deadline = now + valid_for if valid_for else found.deadline + found.rules.extension_seconds
            _write(connection, signer, found, choice, deadline, sign_only, as_json)


def _send(connection: "Connection", sender: "Sender", found: "Proposal", choice: str, as_json: bool) -> None:
    from ledger.cli.words import say, tally
    from ledger.signed import CHOICES
    from ledger.voting import proposal as find
    from ledger.voting import vote as send

    receipt = send(connection, sender, found, CHOICES[choice])
    found = find(connection, found.number)
    text = f"voted {choice} on proposal {found.number}: {tally(found)}"
    if found.certain:
        text += f"\nit is certain to pass; anyone may end the vote: fedledger proposal close {found.number}"
    say(as_json, text, proposal=found.number, choice=choice, certain=found.certain, tx=receipt.tx.hex())


def _write(
    connection: "Connection",
    signer: "LocalSigner",
    found: "Proposal",
    choice: str,
    deadline: int,
    path: Path,
    as_json: bool,
) -> None:
    from ledger.cli.streams import write_file
    from ledger.cli.words import say, when
    from ledger.signed import CHOICES
    from ledger.voting import require_open, sign

    require_open(connection, found, signer.address)
    ballot = sign(connection, signer, found, CHOICES[choice], deadline)
    write_file(path, [ballot.encode() + b"\n"])
    text = (
        f"signed: {choice} on proposal {found.number}, good until {when(deadline)}; nothing was sent\n"
        f"anyone may send it: fedledger proposal relay {path}"
    )
    say(as_json, text, proposal=found.number, choice=choice, deadline=deadline, file=str(path))


@click.command(short_help="Send votes that members signed.")
@click.argument("files", type=FILE, nargs=-1, required=True)
@payer_options
@json_option
def relay(
    files: tuple[Path, ...],
    network_file: Path | None,
    keystore: Path | None,
    passphrase_file: Path | None,
    home: Home,
    as_json: bool,
) -> None:
    """Send the signed votes in FILES, with any key that can pay. Several for one proposal go in one transaction.

    A vote that does not count is passed over and named; the exit code is 4 then.
    """
    import json

    from ledger.chain.advice import advice_on_vote
    from ledger.cli.opening import pay
    from ledger.errors import Rejected
    from ledger.records import Refusal
    from ledger.voting import relay as send
    from ledger.voting import require_here

    signed = {path: _read(path) for path in files}
    with pay(network_file, home, keystore, passphrase_file) as (connection, sender):
        batches: dict[int, list[Path]] = {}
        for path, ballot in signed.items():
            batches.setdefault(require_here(connection, ballot).number, []).append(path)
        outcomes: dict[Path, Refusal] = {}
        for paths in batches.values():
            refusals = send(connection, sender, [signed[path] for path in paths])
            outcomes.update(zip(paths, refusals, strict=True))
    lines = [_outcome(path, signed[path], refusal) for path, refusal in outcomes.items()]
    if as_json:
        click.echo(json.dumps(lines))
    else:
        for line in lines:
            click.echo(f"{line['file']}: {line['choice']} by {line['member']}, {line['outcome']}")
    refused = next((refusal for refusal in outcomes.values() if refusal is not Refusal.NONE), None)
    if refused is not None:
        bad = sum(refusal is not Refusal.NONE for refusal in outcomes.values())
        raise Rejected(
            f"{bad} of {len(outcomes)} votes do not count", advice=advice_on_vote(refused.name), reason=refused.name
        )


def _outcome(path: Path, ballot: "SignedBallot", refusal: "Refusal") -> dict[str, str]:
    word = refusal.name if refusal else "counted"
    return {"file": str(path), "member": ballot.member, "choice": ballot.choice, "outcome": word}


def _read(path: Path) -> "SignedBallot":
    from ledger.errors import Unavailable, UsageError
    from ledger.signed import MAX_SIZE, parse

    try:
        with path.open("rb") as file:
            return parse(file.read(MAX_SIZE + 1))
    except FileNotFoundError as error:
        raise UsageError("no such file", file=str(path)) from error
    except OSError as error:
        raise Unavailable(f"cannot read the file: {error.strerror}", file=str(path)) from error
