"""`fedledger doctor`: what would keep a home from taking part, each with what to do."""

from typing import TYPE_CHECKING

import click

from ledger.cli.options import home_option, json_option
from ledger.config import Home
from ledger.formats.text import json_text, plural

if TYPE_CHECKING:
    from participant.doctor.findings import Observation

SIGNS = {"well": ("green", "✓"), "note": ("cyan", "·"), "unknown": ("yellow", "?"), "trouble": ("red", "✗")}


@click.command(short_help="Find what would keep this home from taking part, and what to do.")
@click.option("--no-data", is_flag=True, help="Do not read the data of open jobs: it takes seconds.")
@home_option
@json_option
def doctor(no_data: bool, home: Home, as_json: bool) -> None:
    """Look at this home's key, chain nodes, clock, gateways, tasks, data and disk, and say what to do.

    It sends nothing and needs no passphrase. It dials the gateways that other members announced: so ask one of them to
    run it, to learn whether yours can be dialled.

    \b
    Example: fedledger doctor --no-data

    Exit codes: 0 nothing is wrong, 1 something is, 3 something could not be looked at.
    """
    from participant.doctor.examining import examine
    from participant.doctor.findings import Observation, worst

    found: list[Observation] = []
    for one in examine(home, read=not no_data):
        found.append(one)
        if not as_json:
            _say(one)
    state = worst(found)
    if as_json:
        lines = [{"thing": one.thing, "state": one.state, "said": one.said, "advice": one.advice} for one in found]
        click.echo(json_text({"state": state, "findings": lines}))
    else:
        click.echo(_summary(found))
    click.get_current_context().exit(state.exit_code)


def _say(one: "Observation") -> None:
    colour, sign = SIGNS[one.state]
    click.echo(f"{click.style(sign, fg=colour)} {click.style(one.thing, bold=True)}: {one.said}")
    if one.advice:
        click.echo(f"    try: {one.advice}")


def _summary(found: "list[Observation]") -> str:
    count = {state: sum(one.state == state for one in found) for state in SIGNS}
    if not count["trouble"] and not count["unknown"]:
        return "nothing is wrong"
    parts = [plural(count["trouble"], "trouble")] if count["trouble"] else []
    parts += [f"{plural(count['unknown'], 'thing')} that could not be looked at"] if count["unknown"] else []
    return " and ".join(parts)
