"""Proposals, and the models that they would release, on a terminal."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from ledger.cli.decisions.document import proposal_words
from ledger.cli.decisions.model import ReleasedModel, read_model
from ledger.cli.screen import print_whole, shown
from ledger.cli.tables import print_facts
from ledger.events.actions import ReleaseModel
from ledger.events.proposals import Proposal

if TYPE_CHECKING:
    from ledger.party.connection import Connection
    from ledger.releases.report import Evaluation


def print_proposals(documents: list[dict[str, object]]) -> None:
    """A table with a line for each proposal, from their JSON."""
    table = Table("", "proposal", "state", "for", "against", "abstain", "voted", box=None, header_style="dim")
    for one in documents:
        counts = [str(one[name]) for name in ("for", "against", "abstain")]
        voted = f"{one['voted']} of {one['members']}"
        table.add_row(str(one["proposal"]), shown(str(one["words"])), str(one["state"]), *counts, voted)
    print_whole(Console(highlight=False), table)


def print_proposal(connection: "Connection", proposal: Proposal, now: int) -> None:
    """What a member reads before it votes: the proposal, how it stands, and what speaks for a release."""
    print_facts(proposal_words(connection, proposal, now))
    if isinstance(proposal.action, ReleaseModel):
        print_model(read_model(connection, proposal.action))


def print_model(model: ReleasedModel) -> None:
    """What a release is a release of, and what parties measured."""
    print_facts(model.words())
    if model.report is not None:
        _print_evaluation(model.report)


def _print_evaluation(report: "Evaluation") -> None:
    """A table of parties and their figures, and what follows from their counts."""
    from ledger.releases.report import ROWS

    names = sorted({name for party in report.parties for name in party.metrics})
    table = Table("measured by", "rows", "samples", *names, box=None, header_style="dim")
    for party in report.parties:
        said = (shown(party.party), ROWS[party.rows], str(party.samples))
        table.add_row(*said, *(party.metrics.get(name, "") for name in names))
    if len(report.parties) > 1:
        mean = report.mean
        table.add_row("mean over samples", report.rows, str(report.samples), *(mean.get(name, "") for name in names))
    print_whole(Console(highlight=False), table)
    pooled = report.pooled
    if pooled:
        words = ", ".join(f"{name} {value}" for name, value in pooled.items())
        print_facts({f"all {report.samples:,} rows, from counts": words})
