"""`fedledger scores`: what each party contributed, round by round, and who did not show what it had committed to."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.options import home_option, json_option, network_option, rpc_option
from ledger.cli.screen import shown
from ledger.config import Home

if TYPE_CHECKING:
    from ledger.scores.tables import CoalitionTable, PartyScore, RoundScores, Scores

WIDE = 12
"""Parties up to which rounds are shown beside each other, a column for each."""


class Showing(click.Group):
    """A group whose command `show` may be left out: `fedledger scores 1` is `fedledger scores show 1`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["show", *args]
        return super().parse_args(ctx, args)


@click.group(cls=Showing, short_help="Show what each party contributed.")
def scores() -> None:
    """Show contribution scores: `fedledger scores [JOB]`. Scores are in parts per million of the job's utility.

    What they mean, and what not: docs/scores.md.
    """


@scores.command(short_help="A job's scores, per round and cumulated (the default).")
@click.argument("job", type=click.IntRange(min=1), required=False)
@click.option("--round", "round_", type=click.IntRange(min=1), help="This round only, with every scorer's part.")
@click.option("--void", "voids", is_flag=True, help="Read the updates too, to say which are void and why.")
@network_option
@rpc_option
@home_option
@json_option
def show(
    job: int | None,
    round_: int | None,
    voids: bool,
    network_file: Path | None,
    rpc: str | None,
    home: Home,
    as_json: bool,
) -> None:
    """Show the scores of JOB (the latest, where none is named).

    An update is void where it is zero, or repeats another: it scores below every other. Who withheld scores that it
    had committed to forfeits what its own update won in the round.
    """
    from ledger.cli.connect import look
    from ledger.errors import UsageError
    from ledger.scores.tables import scores_of

    with look(network_file, home, rpc) as connection:
        connection.refresh()
        state = connection.job(job)
        fetch = connection.fetch if voids else None
        found = scores_of(state, connection.document(state), connection.name, round_, fetch)
    if round_ is not None and not found.rounds:
        raise UsageError(f"round {round_} of job {state.number} has no finalised model, so no scores")
    if as_json:
        click.echo(found.to_json())
    elif round_ is None:
        _print(found)
    else:
        _print_round(found, found.rounds[0])


def _print(found: "Scores") -> None:
    from rich.console import Console

    from ledger.cli.screen import print_whole

    console = Console(highlight=False)
    console.print(f"[bold]{shown(found.name)}[/] [dim]job {found.job}[/]\nscores: {shown(found.how)}", soft_wrap=True)
    if found.rounds:
        print_whole(console, _rounds(found) if len(_parties(found)) <= WIDE else _ranked(found))
    for round_ in found.rounds:
        for remark in _remarks(round_):
            console.print(f"round {round_.round}: {remark}", soft_wrap=True)
    if not found.rounds:
        console.print("no finalised round yet")


def _parties(found: "Scores") -> dict[int, str]:
    """Everyone who submitted to one of the rounds, by index."""
    named = {update.index: update.party for round_ in found.rounds for update in round_.updates}
    return dict(sorted(named.items()))


def _rounds(found: "Scores") -> Any:
    from rich.table import Table

    parties = _parties(found)
    table = Table("round", *map(shown, parties.values()), "state", box=None, header_style="dim")
    for column in table.columns[1:-1]:
        column.justify = "right"
    for round_ in found.rounds:
        cells = {update.index: _cell(update.score, update.why) + _mark(update) for update in round_.updates}
        table.add_row(str(round_.round), *(cells.get(index, "") for index in parties), round_.state)
    sums = {one.index: _cell(one.score) for one in found.cumulated}
    table.add_row("[bold]all[/]", *(f"[bold]{sums.get(index, '')}[/]" for index in parties), "")
    return table


def _ranked(found: "Scores") -> Any:
    from rich.table import Table

    table = Table("party", "rounds", "cumulated", box=None, header_style="dim")
    for one in found.cumulated:
        table.add_row(shown(one.party), str(one.rounds), _cell(one.score))
    return table


def _mark(update: "PartyScore") -> str:
    return "[yellow]*[/]" if update.void or update.forfeited else ""


def _cell(score: int | None, why: str = "") -> str:
    if score is None:
        return "[red]✗[/]" if why else "[dim]–[/]"
    return f"{score:+,}"


def _remarks(round_: "RoundScores") -> list[str]:
    """What a table of numbers does not say."""
    revealed = sum(part.state == "revealed" for part in round_.scorers)
    remarks = [f"the update of {shown(u.party)} has no score: {shown(u.why)}" for u in round_.updates if u.why]
    if round_.state == "Void":
        remarks.append(f"[yellow]void[/]: {revealed} scorers revealed, {round_.quorum} had to")
    remarks += [f"* [yellow]void[/]: the update of {shown(u.party)} {u.void}" for u in round_.updates if u.void]
    withheld = [shown(part.scorer) for part in round_.scorers if part.state == "withheld"]
    remarks += [f"[yellow]withheld[/]: {who} committed to scores and never revealed them" for who in withheld]
    forfeited = [shown(update.party) for update in round_.updates if update.forfeited]
    return remarks + [f"* [yellow]forfeited[/]: the score of {who} counts as zero" for who in forfeited]


def _print_round(found: "Scores", round_: "RoundScores") -> None:
    from rich.console import Console
    from rich.table import Table

    from ledger.cli.screen import print_whole

    console = Console(highlight=False)
    title = f"[bold]{shown(found.name)}[/] [dim]job {found.job}[/], round {round_.round}: {round_.state}"
    console.print(f"{title}\nscores: {shown(found.how)}", soft_wrap=True)
    revealed = [part for part in round_.scorers if part.state == "revealed"]
    table = Table("party", "weight", "score", *(shown(p.scorer) for p in revealed), box=None, header_style="dim")
    for column in table.columns[1:]:
        column.justify = "right"
    place = 0
    for update in round_.updates:
        votes = ["" if update.why else _cell(part.scores[place]) for part in revealed]
        place += not update.why
        score = _cell(update.score, update.why) + _mark(update)
        table.add_row(shown(update.party), f"{update.weight:,}", score, *votes)
    print_whole(console, table)
    for remark in _remarks(round_):
        console.print(remark, soft_wrap=True)


@scores.command(short_help="What the model of every coalition of a round is worth.")
@click.argument("job", type=click.IntRange(min=1))
@click.argument("round_", metavar="ROUND", type=click.IntRange(min=1))
@network_option
@rpc_option
@home_option
@json_option
def coalitions(job: int, round_: int, network_file: Path | None, rpc: str | None, home: Home, as_json: bool) -> None:
    """Measure the model of every coalition of ROUND's updates on JOB's committed set; show the exact Shapley values.

    For at most 12 parties, which make 4,096 models. Anyone gets the same integers.
    """
    from ledger.cli.connect import look
    from ledger.errors import UsageError
    from ledger.scores.tables import coalitions_of

    with look(network_file, home, rpc) as connection:
        connection.refresh()
        state = connection.job(job)
        if round_ not in state.rounds or state.rounds[round_].final is None:
            raise UsageError(f"round {round_} of job {job} has no finalised model, so no coalitions")
        document = connection.document(state)
        found = coalitions_of(state, document, round_, connection.name, connection.fetch)
    if as_json:
        click.echo(found.to_json())
    else:
        _print_coalitions(found)


def _print_coalitions(found: "CoalitionTable") -> None:
    from rich.console import Console
    from rich.table import Table

    from ledger.cli.screen import print_whole

    console = Console(highlight=False)
    console.print(f"[bold]{shown(found.name)}[/] [dim]job {found.job}[/], round {found.round}", soft_wrap=True)
    table = Table(*map(shown, found.parties.values()), found.utility, box=None, header_style="dim")
    for column in table.columns:
        column.justify = "right"
    for one in found.coalitions:
        table.add_row(*("×" if index in one.members else "" for index in found.parties), f"{one.worth:,}")
    print_whole(console, table)
    values = Table("party", "Shapley value", box=None, header_style="dim")
    values.columns[1].justify = "right"
    for index, share in sorted(found.shapley.items(), key=lambda item: -item[1]):
        values.add_row(shown(found.parties[index]), _cell(share))
    console.print()
    print_whole(console, values)
