"""`fedledger trace`: where a global model comes from."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli.options import home_option, job_option, json_option, network_option, rpc_option, wide_option
from ledger.cli.screen import shown
from ledger.cli.tables import brief, print_tree
from ledger.config import Home

if TYPE_CHECKING:
    from rich.tree import Tree

    from ledger.rounds.trace import ModelTrace, Trace, UpdateTrace


@click.command(short_help="Show what a global model was made of.")
@click.argument("model", required=False)
@job_option
@click.option("--dot", is_flag=True, help="Print Graphviz DOT: fedledger trace --dot | dot -Tsvg > trace.svg")
@network_option
@rpc_option
@home_option
@wide_option
@json_option
def trace(
    model: str | None, job: int | None, dot: bool, network_file: Path | None, rpc: str | None, home: Home, as_json: bool
) -> None:
    """Trace a global model back through rounds, updates and parties to the initial model.

    MODEL is a round's number or the start of a model's root; without it, the latest model.
    """
    from ledger.cli.connect import look
    from ledger.rounds.trace import find
    from ledger.rounds.trace import trace as lineage_of

    with look(network_file, home, rpc) as connection:
        connection.refresh()
        state = connection.job(job)
        document, masks = connection.document(state), connection.history.masks.get(state.number)
        lineage = lineage_of(state, document, find(state, model), connection.name, masks=masks)
    if as_json:
        click.echo(lineage.to_json())
    elif dot:
        click.echo(lineage.to_dot(), nl=False)
    else:
        _print(lineage)


def _print(lineage: "Trace") -> None:
    from rich.tree import Tree

    tree = Tree(f"[bold]{shown(lineage.name)}[/] [dim]job {lineage.job}, document {brief(lineage.digest)}[/]")
    for model in lineage.models:
        _add(tree, model)
    print_tree(tree)


def _add(tree: "Tree", model: "ModelTrace") -> None:
    """One model and what went into it; the model it was built on comes next, at the same level."""
    if model.round == 0:
        tree.add(f"[bold]initial model[/] [dim]root {brief(model.root)} {brief(model.cid)}[/]")
        return
    node = tree.add(
        f"[bold]model of round {model.round}[/] by {shown(model.aggregator)}, attested by "
        f"{shown(', '.join(model.attested)) or 'nobody else'} [dim]root {brief(model.root)} {brief(model.cid)}[/]"
    )
    node.add(f"[dim]built on {brief(model.base)}, as of block {model.as_of}, receipts {brief(model.receipts)}[/]")
    if model.summed:
        silent = [one for one in model.summed if one not in model.unmasked]
        rest = f", silent: {', '.join(silent)}" if silent else ""
        took = f"{len(model.unmasked)} of them took their own masks off the sum{shown(rest)}"
        node.add(f"a sum of {len(model.summed)} masked updates, none of which is read alone; {took}")
    if model.against:
        node.add(f"[red]not attested by {shown(', '.join(model.against))}[/]")
    for aggregator in model.failed_before:
        node.add(f"[red]an attempt by {shown(aggregator)} failed[/]")
    for update in model.updates:
        colour = "green" if update.verdict == "admitted" else "red"
        node.add(
            f"update of {shown(update.party)}: [{colour}]{update.verdict}[/], weight {update.weight}{_score(update)} "
            f"[dim]root {brief(update.root)} {brief(update.cid)}[/]"
        )


def _score(update: "UpdateTrace") -> str:
    return "" if update.score is None else f", score {update.score:+,}"
