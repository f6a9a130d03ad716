"""`fedledger scores`: what each party contributed, round by round, and which scorers withheld their scores."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.options import ShownByDefault, home_option, json_option, network_option, rpc_option, wide_option
from ledger.cli.screen import shown
from ledger.cli.tables import print_line, print_table
from ledger.config import Home
from ledger.errors import UsageError
from ledger.formats.text import plural

if TYPE_CHECKING:
    from ledger.history.state import JobState
    from ledger.party.connection import Connection
    from ledger.scores.tables import CoalitionTable, PartyScore, RoundScores, Scores

WIDE = 12
"""Parties up to which rounds are shown beside each other, a column for each."""


@click.group(cls=ShownByDefault, short_help="Show what each party contributed.")
def scores() -> None:
    """Show contribution scores: `fedledger scores [JOB]`. Scores are in parts per million of the job's utility.

    What they mean, and what they do not: docs/scores.md.
    """


@scores.command(short_help="Show a job's scores, by round and cumulated (the default).")
@click.argument("job", type=click.IntRange(min=1), required=False)
@click.option("--round", "round_", type=click.IntRange(min=1), help="This round only, with every scorer's part.")
@click.option("--void", "voids", is_flag=True, help="Read the updates too, to say which are void and why.")
@network_option
@rpc_option
@home_option
@wide_option
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
    """Show the scores of JOB (the latest, if none is named).

    An update is void if it is zero or repeats another: it ranks below every other. A scorer that withholds scores it
    committed to forfeits what its own update won in the round.

    \b
    Example:  fedledger scores show 1
    """
    from ledger.cli.connect import look
    from ledger.scores.tables import scores_of

    with look(network_file, home, rpc) as connection:
        connection.refresh()
        state = connection.job(job)
        fetch = connection.fetch if voids else None
        found = scores_of(state, connection.document(state), connection.name, round_, fetch)
        dated = _dated(connection, state, found) if as_json else {}
    if round_ is not None and found.method == "none":
        raise UsageError(f"job {state.number} makes no scores")
    if round_ is not None and not found.rounds:
        raise UsageError(f"round {round_} of job {state.number} has no finalised model, so no scores")
    if as_json:
        click.echo(json.dumps(dated))
    elif round_ is None:
        _print(found)
    else:
        _print_round(found, found.rounds[0])


def _dated(connection: "Connection", state: "JobState", found: "Scores") -> dict[str, Any]:
    """The scores' JSON, each round with when it was finalised, and its scoring opened and ended."""
    from ledger.party.moments import Moments

    document: dict[str, Any] = json.loads(found.to_json())
    scorings = {one.round: state.scorings.get(one.round) for one in found.rounds}
    blocks = [state.rounds[number].ended_in for number in scorings]
    blocks += [block for one in scorings.values() if one is not None for block in (one.block, one.ended_in)]
    moments = Moments(connection, *blocks)
    for line in document["rounds"]:
        scoring = scorings[line["round"]]
        line["finalised"] = moments.at(state.rounds[line["round"]].ended_in)
        line["opened"] = moments.at(scoring.block) if scoring else None
        line["ended"] = moments.at(scoring.ended_in) if scoring else None
    return document


def _print(found: "Scores") -> None:
    _print_title(found.name, found.job, f"\nscores: {shown(found.how)}")
    if found.method == "none":
        click.echo("this job makes no scores")
    elif not found.rounds:
        click.echo("no finalised round yet")
    elif len(_parties(found)) <= WIDE:
        _print_rounds(found)
    else:
        rows = [(shown(one.party), str(one.rounds), _cell(one.score)) for one in found.cumulated]
        print_table(("party", "rounds", "cumulated"), rows)
    _print_remarks([f"round {round_.round}: {remark}" for round_ in found.rounds for remark in _remarks(round_)])


def _print_title(name: str, job: int, more: str) -> None:
    print_line(f"[bold]{shown(name)}[/] [dim]job {job}[/]{more}")


def _print_remarks(remarks: list[str]) -> None:
    for remark in remarks:
        print_line(remark)


def _parties(found: "Scores") -> dict[int, str]:
    """Everyone who submitted to one of the rounds, by index."""
    named = {update.index: update.party for round_ in found.rounds for update in round_.updates}
    return dict(sorted(named.items()))


def _print_rounds(found: "Scores") -> None:
    parties = _parties(found)
    rows = []
    for round_ in found.rounds:
        cells = {update.index: _cell(update.score, update.why) + _mark(update) for update in round_.updates}
        rows.append((str(round_.round), *(cells.get(index, "") for index in parties), round_.state))
    sums = {one.index: _cell(one.score) for one in found.cumulated}
    rows.append(("[bold]all[/]", *(f"[bold]{sums.get(index, '')}[/]" for index in parties), ""))
    columns = ("round", *map(shown, parties.values()), "state")
    print_table(columns, rows, right=range(1, len(columns) - 1))


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
        remarks.append(f"[yellow]void[/]: {plural(revealed, 'scorer')} revealed, {round_.quorum} had to")
    remarks += [f"* [yellow]void[/]: the update of {shown(u.party)} {u.void}" for u in round_.updates if u.void]
    withheld = [shown(part.scorer) for part in round_.scorers if part.state == "withheld"]
    remarks += [f"[yellow]withheld[/]: {who} committed to scores and never revealed them" for who in withheld]
    forfeited = [shown(update.party) for update in round_.updates if update.forfeited]
    return remarks + [f"* [yellow]forfeited[/]: the score of {who} counts as zero" for who in forfeited]


def _print_round(found: "Scores", round_: "RoundScores") -> None:
    _print_title(found.name, found.job, f", round {round_.round}: {round_.state}\nscores: {shown(found.how)}")
    revealed = [part for part in round_.scorers if part.state == "revealed"]
    columns = ("party", "weight", "score", *(shown(part.scorer) for part in revealed))
    rows, place = [], 0
    for update in round_.updates:
        votes = ["" if update.why else _cell(part.scores[place]) for part in revealed]
        place += not update.why
        score = _cell(update.score, update.why) + _mark(update)
        rows.append((shown(update.party), f"{update.weight:,}", score, *votes))
    print_table(columns, rows, right=range(1, len(columns)))
    _print_remarks(_remarks(round_))


@scores.command(short_help="Show what the model of every coalition of a round is worth.")
@click.argument("job", type=click.IntRange(min=1))
@click.argument("round_", metavar="ROUND", type=click.IntRange(min=1))
@network_option
@rpc_option
@home_option
@wide_option
@json_option
def coalitions(job: int, round_: int, network_file: Path | None, rpc: str | None, home: Home, as_json: bool) -> None:
    """Measure the model of every coalition of ROUND's updates on JOB's committed set; show the exact Shapley values.

    For at most 12 parties, which make 4,096 models. Everyone gets the same integers.

    \b
    Example:  fedledger scores coalitions 1 7
    """
    from ledger.cli.connect import look
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
    _print_title(found.name, found.job, f", round {found.round}")
    columns = (*map(shown, found.parties.values()), found.utility)
    rows = [
        (*("×" if index in one.members else "" for index in found.parties), f"{one.worth:,}")
        for one in found.coalitions
    ]
    print_table(columns, rows, right=range(len(columns)))
    click.echo()
    shares = sorted(found.shapley.items(), key=lambda item: -item[1])
    values = [(shown(found.parties[index]), _cell(share)) for index, share in shares]
    print_table(("party", "Shapley value"), values, right=(1,))
