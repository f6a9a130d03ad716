"""`fedledger data mock`: a made-up table of the same columns, for code that is written elsewhere."""

from pathlib import Path

import click

from ledger.cli.options import json_option
from ledger.cli.screen import say
from ledger.formats.text import plural

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(short_help="Make up a table with the columns of a shared profile.")
@click.argument("profile", type=FILE)
@click.option("--output", type=FILE, required=True, help="Where to write the table, a CSV.")
@click.option("--rows", type=click.IntRange(1, 1_000_000), default=100, show_default=True, help="How many.")
@click.option("--seed", type=int, default=1, show_default=True, help="Other rows for another number.")
@json_option
def mock(profile: Path, output: Path, rows: int, seed: int, as_json: bool) -> None:
    """Make up rows with the columns of PROFILE, a shared profile, for people who write code and may not see the table.

    Each column is drawn by itself from the counts in PROFILE: the rows are nobody's, and how columns hang together is
    not in them. They show whether code reads such a table, not what a model would learn of it.

    \b
    Example:  fedledger data mock a.shared.json --rows 200 --output mock.csv
    """
    from ledger.cli.streams import write_file
    from ledger.profiles.files import read_profile
    from participant.profile.mocking import mock as made_up

    read = read_profile(profile)
    write_file(output, [made_up(read, rows, seed).encode()])
    text = f"{plural(rows, 'made-up row')} of {plural(len(read.columns), 'column')} in {output}"
    say(as_json, text, file=str(output), rows=rows, columns=[one.name for one in read.columns])
