"""Submitting a proposal to the members: sent with the home's key, or only signed, for anyone to send."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.options import home_option, json_option, passphrase_option
from ledger.config import Home
from ledger.formats.text import command

if TYPE_CHECKING:
    from ledger.events.actions import Action
    from ledger.events.proposals import Proposal
    from ledger.keys import Signer
    from ledger.party.connection import Connection

WEEK = 7 * 86_400


@dataclass(frozen=True, slots=True)
class SubmitOptions:
    """Whose key proposes, and how: `sign_only` is the file that the signed proposal goes to, None where it is sent;
    `valid_for` the seconds for which the signature is good, None for a week."""

    home: Home
    passphrase_file: Path | None
    as_json: bool
    sign_only: Path | None
    valid_for: int | None


def submit_options(command: Callable[..., None]) -> Callable[..., None]:
    """--sign-only, --valid-for, --passphrase-file, --home and --json: passes `options`."""

    @wraps(command)
    def with_options(
        *,
        home: Home,
        passphrase_file: Path | None,
        as_json: bool,
        sign_only: Path | None,
        valid_for: int | None,
        **others: Any,
    ) -> None:
        if valid_for and not sign_only:
            raise click.UsageError("--valid-for goes with --sign-only")
        command(options=SubmitOptions(home, passphrase_file, as_json, sign_only, valid_for), **others)

    file = click.option(
        "--sign-only",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Send nothing: write the signed proposal to this file, which anyone may relay.",
    )
    seconds = click.option(
        "--valid-for",
        type=click.IntRange(min=1),
        help="With --sign-only: seconds for which the signature is good.  [default: a week]",
    )
    return file(seconds(passphrase_option(home_option(json_option(with_options)))))


def submit(options: SubmitOptions, action: "Action") -> None:
    """Propose an action, or sign it, and say what the others do next."""
    from ledger.cli.connect import unlocked

    with unlocked(options.home, options.passphrase_file) as (connection, signer):
        submit_over(connection, signer, options, action)


def submit_over(connection: "Connection", signer: "Signer", options: SubmitOptions, action: "Action") -> None:
    """The same, over a connection that is open. Raises ChangesNothing for what is so already."""
    from ledger.history.changes import require_change
    from ledger.party.voting import propose

    require_change(connection.history, action)
    if options.sign_only is None:
        _report(connection, propose(connection, connection.sender(signer), action), options)
    else:
        _sign(connection, signer, options, options.sign_only, action)


def _sign(connection: "Connection", signer: "Signer", options: SubmitOptions, path: Path, action: "Action") -> None:
    """Write the signed proposal to a file, and say how it is sent."""
    from ledger.cli.decisions.describe import describe, signed_text, time_text
    from ledger.cli.screen import say
    from ledger.cli.streams import write_file
    from ledger.errors import plain
    from ledger.party.voting import sign_proposal

    deadline = connection.client.time() + (options.valid_for or WEEK)
    nonce = connection.history.decisions.next_nonce(signer.address)
    click.echo(plain(f"signing {signed_text(signer.address, nonce, action)}"), err=True)
    signed = sign_proposal(connection, signer, action, deadline)
    write_file(path, [signed.encode() + b"\n"])
    text = (
        f"signed, with nonce {signed.nonce}: {plain(describe(connection, action))}\n"
        f"good until {time_text(deadline)}, unless you propose something else first; nothing was sent\n"
        f"anyone may send it: {command('proposal', 'relay', path)}"
    )
    say(options.as_json, text, nonce=signed.nonce, deadline=deadline, file=str(path))


def _report(connection: "Connection", made: "Proposal", options: SubmitOptions) -> None:
    """Say what was proposed, and what the others type."""
    from ledger.cli.decisions.describe import describe, time_text
    from ledger.cli.screen import say
    from ledger.errors import plain
    from ledger.events.actions import kind_word

    text = (
        f"proposal {made.number}: {plain(describe(connection, made.action))}\n"
        f"{made.needed} of {made.members} members must be for it, until {time_text(made.deadline)}; they type:\n"
        f"  {command('proposal', 'vote', made.number, 'for')}  (or against, or abstain)\n"
        f"proposing is not a vote: vote on it yourself, too{_serving(made.action, options.home)}"
    )
    kind = kind_word(made.kind)
    facts = {"proposal": made.number, "id": made.id.hex(), "kind": kind, "deadline": made.deadline}
    say(options.as_json, text, **facts, tx=made.tx.hex())


def _serving(action: "Action", home: Home) -> str:
    """What keeps the model's and the report's files at hand while members decide on a release; of others nothing."""
    from ledger.events.actions import ReleaseModel
    from ledger.party.posts import is_held

    if not isinstance(action, ReleaseModel):
        return ""
    run = home.command("node", "run")
    now = "" if is_held(home.folder, "gateway") else "\nnothing serves this home's files now, so start it"
    return (
        "\nkeep the node running until the vote is over, here and at the other members,\n"
        f"which read the model and its report from each other before they vote:{now}\n  {run}"
    )
