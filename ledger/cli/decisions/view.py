"""Proposals, and the models that they would release, on a terminal."""

from typing import TYPE_CHECKING

from ledger.cli.decisions.document import proposal_words
from ledger.cli.decisions.model import ReleasedModel, read_model
from ledger.cli.screen import shown
from ledger.cli.tables import print_facts, print_table
from ledger.events.actions import ReleaseModel
from ledger.events.proposals import Proposal

if TYPE_CHECKING:
    from ledger.party.connection import Connection
    from ledger.releases.report import Evaluation


def print_proposals(documents: list[dict[str, object]]) -> None:
    """A table with a line for each proposal, from their JSON."""
    rows = []
    for one in documents:
        counts = [str(one[name]) for name in ("for", "against", "abstain")]
        voted = f"{one['voted']} of {one['members']}"
        rows.append((str(one["proposal"]), shown(str(one["words"])), str(one["state"]), *counts, voted))
    print_table(("", "proposal", "state", "for", "against", "abstain", "voted"), rows)


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
    rows = [
        (
            shown(party.party),
            ROWS[party.rows],
            str(party.samples),
            *(shown(party.metrics.get(name, "")) for name in names),
        )
        for party in report.parties
    ]
    if len(report.parties) > 1:
        mean = report.mean
        figures = (shown(mean.get(name, "")) for name in names)
        rows.append(("mean over samples", report.rows, str(report.samples), *figures))
    print_table(("measured by", "rows", "samples", *map(shown, names)), rows)
    if report.pooled:
        words = ", ".join(f"{name} {value}" for name, value in report.pooled.items())
        print_facts({f"all {report.samples:,} rows, from counts": words})
