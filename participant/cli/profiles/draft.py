"""`fedledger job draft`: from several parties' shared profiles to the draft of a job."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli.options import json_option, wide_option
from ledger.cli.screen import print_json
from ledger.cli.statistics.draft import print_undone
from ledger.cli.tables import print_facts
from ledger.formats.text import command, listed, plural
from participant.cli.profiles.share import split_names

if TYPE_CHECKING:
    from ledger.profiles.merging import Merged

FILE = click.Path(path_type=Path, dir_okay=False)
DISAGREED = 2


@click.command(short_help="Make a job's draft from several parties' shared profiles.")
@click.option("--profiles", type=FILE, multiple=True, help="The parties' shared profiles: FILE FILE …")
@click.argument("more", type=FILE, nargs=-1, metavar="[FILE]...")
@click.option("--output", type=FILE, help="Where to write the draft.  [default: show what would be in it]")
@click.option(
    "--target",
    "--label",
    "label",
    default="",
    metavar="COLUMN",
    help="The column that is learnt.  [default: what all profiles say]",
)
@click.option(
    "--predict",
    type=click.Choice(["class", "number", "time"]),
    help="As what.  [default: a number where there are many different ones, else classes]",
)
@click.option("--target-range", default="", metavar="LOW:HIGH", help="Of a number: the range that all scale it by.")
@click.option("--time", default="", metavar="COLUMN", help="Learn times until an event: this column has them.")
@click.option("--event", default="", metavar="COLUMN", help="This one says whether the event was seen.")
@click.option("--bins", default="", callback=split_names, metavar="A,B,…", help="Of times: where each bin ends.")
@click.option("--label-map", default="", metavar="MAP", help='What its words stand for: "0=no,1,2,3,4=yes".')
@click.option("--classes", default="", callback=split_names, metavar="A,B,…", help="The classes, in order.")
@click.option("--name", default="", help="The job's name.")
@click.option(
    "--task",
    type=click.Choice(["tabular", "regression", "survival", "sklearn"]),
    help="Which task.  [default: tabular of classes, regression of a number, survival of times]",
)
@click.option("--drop", multiple=True, metavar="COLUMN", help="Leave this column out.")
@click.option("--accept", multiple=True, metavar="COLUMN", help="Take this column as it is, though parties differ.")
@click.option("--category", multiple=True, metavar="COLUMN", help="Take this column's numbers as words.")
@click.option("--rounds", type=click.IntRange(1, 10_000), help="Rounds of training.")
@click.option("--window", type=click.IntRange(30, 604_800), help="Seconds that a party has to train in a round.")
@click.option("--purpose", default="", help="Permitted use: what the model is for.")
@click.option("--legal-basis", default="", help="Permitted use: what allows it.")
@click.option("--licence", default="", help="Permitted use: the released model's licence.")
@click.option("--expires", default="", metavar="DATE", help="Permitted use: its last day, such as 2027-12-31.")
@wide_option
@json_option
def draft(
    profiles: tuple[Path, ...], more: tuple[Path, ...], output: Path | None, label: str, predict: str | None,
    target_range: str, time: str, event: str, bins: tuple[str, ...], label_map: str, classes: tuple[str, ...],
    name: str, task: str | None, drop: tuple[str, ...], accept: tuple[str, ...], category: tuple[str, ...],
    rounds: int | None, window: int | None, purpose: str, legal_basis: str, licence: str, expires: str, as_json: bool,
) -> None:  # fmt: skip
    """Merge shared profiles into the draft of a job: common columns, ranges, words, classes, and what each party does.

    Where parties differ in what would pass unseen, such as units and codes, all of it is shown side by side, and there
    is no draft until a person decides. The draft is whole: fedledger job create takes it as it is. What is learnt
    follows from its column: words are classes, many different numbers a number, --time with --event a time.

    Exit codes: 0 a draft; 2 wrong usage, or something to decide first; 3 unavailable.

    Example: fedledger job draft --profiles a.json b.json --label ill --label-map "0=no,1,2=yes" --output draft.toml
    """
    from ledger.profiles.differences import Choices
    from ledger.profiles.files import named_after, read_profile, require_profiles
    from ledger.profiles.labels import parse_label_map
    from ledger.profiles.merging import merge

    choices = Choices(
        name=name, label=label, classes=classes, label_map=parse_label_map(label_map) if label_map else {}, drop=drop,
        accept=accept, category=category, rounds=rounds, window=window, purpose=purpose, legal_basis=legal_basis,
        licence=licence, expires=expires, task=task or "", predict=predict or "", target_range=target_range,
        time=time, event=event, bins=bins,
    )  # fmt: skip
    read = [named_after(path, read_profile(path)) for path in require_profiles(profiles, more)]
    merged = merge(read, choices)
    if not as_json and (asked := _asked(merged)):
        merged = merge(read, replace(choices, label_map=asked))
    if not merged.disagreements and output is not None:
        _write(merged, output)
    if as_json:
        from ledger.profiles.documents import document

        print_json(document(merged) | {"output": str(output) if output and not merged.disagreements else None})
    else:
        _show(merged, output)
    if merged.disagreements:
        click.get_current_context().exit(DISAGREED)


def _asked(merged: "Merged") -> dict[str, str]:
    """What the label's words stand for, asked for on a terminal where that is open."""
    from ledger.profiles.labels import STAND_IN, parse_label_map

    undecided = next((one for one in merged.disagreements if one.proposal), None)
    if undecided is None or not sys.stdin.isatty():
        return {}
    print_facts(
        {f"label {undecided.column}": undecided.message} | {f"  {party}": words for party, words in undecided.sides}
    )
    proposed = "" if STAND_IN in undecided.proposal else undecided.proposal
    asked = f"What do its words stand for{'' if proposed else f' ({undecided.proposal})'}?"
    return parse_label_map(click.prompt(asked, default=proposed or None))


def _write(merged: "Merged", output: Path) -> None:
    from ledger.profiles.writing import draft_text
    from ledger.store import disk

    disk.write_whole(output, [draft_text(merged).encode()])


def _show(merged: "Merged", output: Path | None) -> None:
    rows = ", ".join(f"{party} about {rows:,}" for party, rows in merged.rows.items())
    facts = {"parties": rows, "columns": listed(column.name for column in merged.columns)}
    facts |= _target(merged)
    print_facts(facts)
    print_undone(merged)
    if merged.disagreements:
        _show_disagreements(merged)
        return
    click.echo()
    if output is None:
        click.echo("nothing was written: say --output draft.toml")
        return
    click.echo(f"written: {output}")
    click.echo(f"Next: {command('job', 'create', output)}")


def _target(merged: "Merged") -> dict[str, str]:
    from ledger.profiles.labels import MergedLabel
    from ledger.profiles.numbers import text
    from ledger.profiles.proposals import task_of
    from ledger.profiles.targets import NumberTarget, TimeTarget

    target = merged.target
    if target is None:
        return {}
    facts = {"task": task_of(merged), "why": target.why}
    match target:
        case MergedLabel(group=group, counts=counts):
            facts["label"] = group.name
            facts["classes"] = ", ".join(f"{name} about {count:,}" for name, count in counts.items())
        case NumberTarget(group=group, low=low, high=high):
            facts["target"] = f"{group.name} from {text(low)} to {text(high)}; rows outside are refused"
        case TimeTarget(time=time, event=event, bins=bins):
            facts["target"] = f"{time.name} until {event.name}, in bins that end at {', '.join(bins)}"
    return facts


def _show_disagreements(merged: "Merged") -> None:
    for one in merged.disagreements:
        click.echo()
        where = f"{one.column}: " if one.column else ""
        print_facts({one.kind: f"{where}{one.message}"} | {f"  {party}": words for party, words in one.sides})
        print_facts({"  try": one.advice})
    count = plural(len(merged.disagreements), "thing")
    click.echo(f"\nno draft was written: {count} to decide, or to correct and share again")
