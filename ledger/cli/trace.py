"""`fedledger trace`: where a global model comes from."""

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.options import home_option, job_option, json_option, network_option, rpc_option, wide_option
from ledger.cli.screen import shown
from ledger.cli.tables import brief, print_tree
from ledger.config import Home
from ledger.errors import Malformed, Unavailable
from ledger.formats.text import plural

if TYPE_CHECKING:
    from rich.tree import Tree

    from ledger.history.state import Aggregate, JobState
    from ledger.jobs.document import Job
    from ledger.party.connection import Connection
    from ledger.rounds.trace import ModelTrace, Trace, UpdateTrace

WHOLE = 1 << 16
"""What a factor is a part of."""


@click.command(short_help="Show what a global model was made of.")
@click.argument("model", required=False)
@job_option
@click.option("--dot", is_flag=True, help="Print Graphviz DOT: fedledger trace --dot | dot -Tsvg > trace.svg")
@click.option(
    "--platforms", is_flag=True, help="Read the updates' headers, and show which platform document each names."
)
@click.option("--children", is_flag=True, help="Read edges' lists, and show whose updates are in each sum.")
@network_option
@rpc_option
@home_option
@wide_option
@json_option
def trace(
    model: str | None,
    job: int | None,
    dot: bool,
    platforms: bool,
    children: bool,
    network_file: Path | None,
    rpc: str | None,
    home: Home,
    as_json: bool,
) -> None:
    """Trace a global model back through rounds, updates and parties to the initial model.

    MODEL is a round's number or the start of a model's root; without it, the latest model.

    \b
    Example:  fedledger trace 7 --dot
    """
    from ledger.cli.connect import look
    from ledger.party.masking.groups import RoundGroups
    from ledger.rounds.trace import find
    from ledger.rounds.trace import trace as lineage_of

    with look(network_file, home, rpc) as connection:
        connection.refresh()
        state = connection.job(job)
        document, masks = connection.document(state), connection.history.masks.get(state.number)
        read, groups = partial(_scalars, connection), RoundGroups(connection, state, document)
        newest, name = find(state, model), connection.name
        lineage = lineage_of(state, document, newest, name, masks=masks, scalars=read, groups=groups)
        if platforms:
            lineage = _with_platforms(connection, state, document, lineage)
        if children:
            lineage = _with_children(connection, state, document, lineage)
    if as_json:
        click.echo(lineage.to_json())
    elif dot:
        click.echo(lineage.to_dot(), nl=False)
    else:
        _print(lineage)


def _with_platforms(connection: "Connection", state: "JobState", job: "Job", lineage: "Trace") -> "Trace":
    """With the digests that updates' headers name; an update whose header cannot be read names none here."""
    from msgspec.structs import replace

    from ledger.party.held_out import round_fetch
    from ledger.rounds.facts import RoundFacts, read_binding

    def named(model: "ModelTrace") -> "ModelTrace":
        facts = RoundFacts.of(connection.place, state, job, state.rounds[model.round])
        fetch, said = round_fetch(connection, state, job, model.round), dict[str, str]()
        for entry in facts.entries:
            with suppress(Malformed, Unavailable):
                said[entry.update.party] = read_binding(job, entry, fetch).platform.hex()
        return replace(model, updates=tuple(replace(one, platform=said.get(one.key, "")) for one in model.updates))

    return replace(lineage, models=tuple(named(one) if one.round else one for one in lineage.models))


def _with_children(connection: "Connection", state: "JobState", job: "Job", lineage: "Trace") -> "Trace":
    """With the children of edges' sums; none of a sum whose header or list cannot be read."""
    from msgspec.structs import replace

    from ledger.formats.cid import RAW, Cid
    from ledger.formats.edges import children
    from ledger.rounds.edges.lists import read_list
    from ledger.rounds.facts import RoundFacts, read_binding
    from ledger.rounds.trace import ChildTrace

    def listed(model: "ModelTrace") -> "ModelTrace":
        facts, found = RoundFacts.of(connection.place, state, job, state.rounds[model.round]), dict[str, Any]()
        for entry in facts.entries if job.hierarchy is not None else ():
            with suppress(Malformed, Unavailable):
                said = read_binding(job, entry, connection.fetch)
                those = children.parse(read_list(said, connection.fetch)).children if said.children else ()
                made = tuple(ChildTrace(key=c.party, weight=c.weight, root=c.root, cid=c.cid) for c in those)
                found[entry.update.party] = {"list": str(Cid(RAW, said.children)) if made else "", "children": made}
        return replace(model, updates=tuple(replace(one, **found.get(one.key, {})) for one in model.updates))

    return replace(lineage, models=tuple(listed(one) if one.round else one for one in lineage.models))


def _scalars(connection: "Connection", aggregate: "Aggregate") -> tuple[int, ...]:
    """What an aggregate says that its updates counted; nothing where its file cannot be had, or is none."""
    from ledger.rounds.server_state import read_carried

    with suppress(Malformed, Unavailable):
        return read_carried(aggregate.carried, connection.fetch).scalars
    return ()


def _print(lineage: "Trace") -> None:
    from rich.tree import Tree

    tree = Tree(f"[bold]{shown(lineage.name)}[/] [dim]job {lineage.job}, document {brief(lineage.digest)}[/]")
    if lineage.private:
        tree.add(f"[dim]not in these models, but at each party's home: {shown(', '.join(lineage.private))}[/]")
    if lineage.compression:
        tree.add(f"[dim]updates are compressed {shown(lineage.compression)}[/]")
    if lineage.analysis:
        tree.add(f"[dim]no model, but the mean of answers to an analysis: {shown(lineage.analysis)}[/]")
    for model in lineage.models:
        _add(tree, model)
    print_tree(tree)


def _add(tree: "Tree", model: "ModelTrace") -> None:
    """One model and what went into it; the model it was built on comes next, at the same level."""
    if model.round == 0:
        tree.add(f"[bold]initial model[/] [dim]root {brief(model.root)} {brief(model.cid)}[/]")
        return
    names = f"[dim]root {brief(model.root)} {brief(model.cid)}[/]"
    if model.convicted:
        names += " [red]convicted by the court, or built on such a model[/]"
    node = tree.add(
        f"[bold]model of round {model.round}[/] by {shown(model.aggregator)}, attested by "
        f"{shown(', '.join(model.attested)) or 'nobody else'} {names}"
    )
    carried = f", carries {brief(model.carried)}" if model.carried else ""
    node.add(
        f"[dim]built on {brief(model.base)}, as of block {model.as_of}, receipts {brief(model.receipts)}{carried}[/]"
    )
    if model.summed:
        silent = [one for one in model.summed if one not in model.unmasked]
        rest = f", silent: {', '.join(silent)}" if silent else ""
        took = f"{len(model.unmasked)} of them took their own masks off the sum{shown(rest)}"
        node.add(f"a sum of {len(model.summed)} masked updates, none of which is read alone; {took}")
    for number, group in enumerate(model.groups, 1):
        if group:
            node.add(f"[dim]group {number}, with a sum of its own: {shown(', '.join(group))}[/]")
    if model.against:
        node.add(f"[red]not attested by {shown(', '.join(model.against))}[/]")
    for aggregator in model.failed_before:
        node.add(f"[red]an attempt by {shown(aggregator)} failed[/]")
    for update in model.updates:
        colour = "green" if update.verdict == "admitted" else "red"
        leaf = node.add(
            f"{'sum' if update.edge else 'update'} of {shown(update.party)}: [{colour}]{update.verdict}[/], weight "
            f"{update.weight}{_counted(update)}{_score(update)} "
            f"[dim]root {brief(update.root)} {brief(update.cid)}{_platform(update)}[/]"
        )
        if update.children:
            leaf.add(f"[dim]{plural(len(update.children), 'child', 'children')}, list {brief(update.list)}[/]")
        for child in update.children:
            leaf.add(f"child {child.key}: weight {child.weight} [dim]root {brief(child.root)} {brief(child.cid)}[/]")


def _platform(update: "UpdateTrace") -> str:
    return f" platform {brief(update.platform)}" if update.platform else ""


def _score(update: "UpdateTrace") -> str:
    return "" if update.score is None else f", score {update.score:+,}"


def _counted(update: "UpdateTrace") -> str:
    """How far it was cut, its share, and its staleness."""
    cut = "" if update.factor in (None, WHOLE) else f", cut to {100 * (update.factor or 0) / WHOLE:.3g} %"
    old = "" if update.staleness is None else f", staleness {update.staleness}"
    return cut + (f", share {100 * (update.share or 0) / update.whole:.3g} %" if update.whole else "") + old
