"""`proposal relay`: votes and proposals that members signed at home, sent by anyone."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli.options import json_option, payer_options
from ledger.config import Home

if TYPE_CHECKING:
    from ledger.chain.sender import Sender
    from ledger.events.records import Refusal
    from ledger.events.signed import SignedBallot, SignedProposal
    from ledger.party.connection import Connection

FILE = click.Path(path_type=Path, dir_okay=False)
Line = dict[str, object]


@click.command(short_help="Send votes and proposals that members signed.")
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
    """Send the signed votes and proposals in FILES, with any key that can pay.

    Proposals go first, by their numbers; the first that is refused ends it. Several votes on one proposal go in one
    transaction; one that does not count is passed over and named, and the exit code is 4 then.
    """
    import json

    from ledger.chain.advice import advice_on_vote
    from ledger.cli.connect import pay
    from ledger.errors import Rejected
    from ledger.events.records import Refusal
    from ledger.events.signed import SignedBallot, SignedProposal
    from ledger.party.voting import require_here, require_place

    signed = {path: _read(path) for path in files}
    proposals = {path: one for path, one in signed.items() if isinstance(one, SignedProposal)}
    votes = {path: one for path, one in signed.items() if isinstance(one, SignedBallot)}
    lines: list[Line] = []
    refusals: list[Refusal] = []
    with pay(network_file, home, keystore, passphrase_file) as (connection, sender):
        for proposal in proposals.values():
            require_place(connection, proposal)
        for vote in votes.values():
            require_here(connection, vote)
        try:
            lines.extend(_propose(connection, sender, proposals))
            for path, refusal in _vote(connection, sender, votes):
                refusals.append(refusal)
                lines.append(_outcome(path, votes[path], refusal))
        finally:
            if as_json and lines:
                click.echo(json.dumps(lines))
            for line in () if as_json else lines:
                click.echo(f"{line['file']}: {line.get('choice', 'proposed')} by {line['member']}, {line['outcome']}")
    bad = [refusal for refusal in refusals if refusal is not Refusal.NONE]
    if bad:
        message = f"{len(bad)} of {len(refusals)} votes do not count"
        raise Rejected(message, advice=advice_on_vote(bad[0].name), reason=bad[0].name)


def _propose(connection: "Connection", sender: "Sender", proposals: "dict[Path, SignedProposal]") -> Iterator[Line]:
    """One line for each proposal as it is made."""
    from ledger.party.voting import relay_proposal

    for path, one in sorted(proposals.items(), key=lambda item: item[1].number):
        made = relay_proposal(connection, sender, one)
        yield {"file": str(path), "member": one.member, "proposal": made.number, "outcome": f"proposal {made.number}"}


def _vote(
    connection: "Connection", sender: "Sender", votes: "dict[Path, SignedBallot]"
) -> "Iterator[tuple[Path, Refusal]]":
    """What became of each vote, proposal by proposal."""
    from ledger.party.voting import relay as send

    batches: dict[str, list[Path]] = {}
    for path, vote in votes.items():
        batches.setdefault(vote.proposal, []).append(path)
    for paths in batches.values():
        yield from zip(paths, send(connection, sender, [votes[path] for path in paths]), strict=True)


def _outcome(path: Path, ballot: "SignedBallot", refusal: "Refusal") -> Line:
    word = refusal.name if refusal else "counted"
    return {"file": str(path), "member": ballot.member, "choice": ballot.choice, "outcome": word}


def _read(path: Path) -> "SignedBallot | SignedProposal":
    from ledger.errors import Unavailable, UsageError
    from ledger.events.signed import MAX_SIZE, parse

    try:
        with path.open("rb") as file:
            return parse(file.read(MAX_SIZE + 1))
    except FileNotFoundError as error:
        raise UsageError("no such file", file=str(path)) from error
    except OSError as error:
        raise Unavailable(f"cannot read the file: {error.strerror}", file=str(path)) from error
