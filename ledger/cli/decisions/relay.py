"""`proposal relay`: votes and proposals that members signed at home, sent by anyone."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from ledger.cli.options import json_option, payer_options
from ledger.cli.screen import print_json
from ledger.config import Home

if TYPE_CHECKING:
    from ledger.chain.sender import Sender
    from ledger.events.ballots import Refusal
    from ledger.events.signed import SignedBallot, SignedProposal
    from ledger.party.connection import Connection

    Signed = dict[Path, SignedBallot | SignedProposal]

FILE = click.Path(path_type=Path, dir_okay=False)


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

    Proposals go first, by their nonces; the first that is refused ends it. Several votes on one proposal go
    in one transaction; one that does not count is skipped and listed, and the exit code is 4 then.

    \b
    Example:  fedledger proposal relay signed-vote.json
    """
    from ledger.cli.connect import pay

    signed = {path: _read(path) for path in files}
    outcomes: list[RelayedFile] = []
    with pay(network_file, home, keystore, passphrase_file) as (connection, sender):
        _require_place(connection, signed.values())
        try:
            outcomes.extend(_send(connection, sender, signed))
        finally:
            _print_outcomes(outcomes, as_json)
    _require_counted(outcomes)


class RelayedFile(NamedTuple):
    """What became of one file: `proposal` is the number that a proposal got, `refusal` why a vote does not count."""

    path: Path
    signed: "SignedBallot | SignedProposal"
    proposal: int | None = None
    refusal: "Refusal | None" = None

    def document(self) -> dict[str, object]:
        """The same as JSON has it."""
        line: dict[str, object] = {"file": str(self.path), "member": self.signed.member}
        if self.proposal is not None:
            return line | {"proposal": self.proposal, "outcome": f"proposal {self.proposal}"}
        word = self.refusal.name if self.refusal else "counted"
        return line | {"choice": getattr(self.signed, "choice", ""), "outcome": word}


def _require_place(connection: "Connection", signed: "Iterable[SignedBallot | SignedProposal]") -> None:
    """Raises UsageError before anything is sent, where a file is for another consortium."""
    from ledger.events.signed import SignedBallot
    from ledger.party.voting import require_here, require_place

    for one in signed:
        if isinstance(one, SignedBallot):
            require_here(connection, one)
        else:
            require_place(connection, one)


def _send(connection: "Connection", sender: "Sender", signed: "Signed") -> "Iterator[RelayedFile]":
    """Send all, proposals first; one outcome for each as it is known."""
    from ledger.events.signed import SignedBallot, SignedProposal
    from ledger.party.voting import relay as send
    from ledger.party.voting import relay_proposal

    proposals = [(path, one) for path, one in signed.items() if isinstance(one, SignedProposal)]
    for path, proposal in sorted(proposals, key=lambda item: item[1].nonce):
        yield RelayedFile(path, proposal, proposal=relay_proposal(connection, sender, proposal).number)
    batches: dict[str, list[tuple[Path, SignedBallot]]] = {}
    for path, one in signed.items():
        if isinstance(one, SignedBallot):
            batches.setdefault(one.proposal, []).append((path, one))
    for batch in batches.values():
        refusals = send(connection, sender, [ballot for _, ballot in batch])
        for (path, ballot), refusal in zip(batch, refusals, strict=True):
            yield RelayedFile(path, ballot, refusal=refusal)


def _print_outcomes(outcomes: "list[RelayedFile]", as_json: bool) -> None:
    lines = [outcome.document() for outcome in outcomes]
    if as_json and lines:
        print_json(lines)
    for line in () if as_json else lines:
        click.echo(f"{line['file']}: {line.get('choice', 'proposed')} by {line['member']}, {line['outcome']}")


def _require_counted(outcomes: "list[RelayedFile]") -> None:
    """Raises Rejected where a vote does not count."""
    from ledger.chain.advice import advice_on_vote
    from ledger.errors import Rejected

    votes = [outcome for outcome in outcomes if outcome.refusal is not None]
    reasons = [outcome.refusal.name for outcome in votes if outcome.refusal]
    if reasons:
        do = "does" if len(reasons) == 1 else "do"
        message = f"{len(reasons)} of {len(votes)} votes {do} not count"
        raise Rejected(message, advice=advice_on_vote(reasons[0]), reason=reasons[0])


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
