"""`fedledger data share`: a profile of a table that may leave the house."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec import to_builtins

from ledger.cli.options import json_option, wide_option
from ledger.cli.screen import print_json, require_yes, shown
from ledger.cli.tables import print_facts, print_line, print_table
from ledger.formats.text import command, plural

if TYPE_CHECKING:
    from ledger.profiles.shared import SharedProfile
    from participant.profile.sharing.sharing import ShareProposal

FILE = click.Path(path_type=Path, dir_okay=False)
NAMES = "Names of the columns, with commas between them, for a table without header."


def split_names(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, ...]:
    """A list with commas as names."""
    return tuple(name.strip() for name in value.split(",")) if value.strip() else ()


names_option = click.option("--names", default="", callback=split_names, metavar="A,B,…", help=NAMES)


@click.command(short_help="Write a profile of a table that may leave the house.")
@click.argument("file", type=FILE, required=False)
@click.option("--output", type=FILE, help="Where to write the profile.")
@click.option("--check", "checked", type=FILE, help="Read another party's profile strictly, and show it.")
@click.option("--columns", type=FILE, help="The table's columns file.  [default: FILE.columns.toml]")
@names_option
@click.option("--label", default="", help="The column that is to be learnt.")
@click.option("--floor", default=10, show_default=True, help="No cell with fewer rows is told, nor follows.")
@click.option("--noise", default="", metavar="EPSILON", help="Geometric noise on every count, such as 1 or 0.5.")
@click.option("--leave-out", multiple=True, metavar="COLUMN", help="Keep this column at home.")
@click.option("--share-anyway", multiple=True, metavar="COLUMN", help="Share it though it may tell who somebody is.")
@click.option("--name", default="", help="What others call you.")
@click.option("--url-file", default="", help="For a query (.sql): the file, mode 0600, with the database's URL.")
@click.option("--yes", is_flag=True, help="Write it without asking.")
@wide_option
@json_option
def share(
    file: Path | None, output: Path | None, checked: Path | None, columns: Path | None, names: tuple[str, ...],
    label: str, floor: int, noise: str, leave_out: tuple[str, ...], share_anyway: tuple[str, ...], name: str,
    url_file: str, yes: bool, as_json: bool,
) -> None:  # fmt: skip
    """Show what of FILE would leave the house, ask, and write it: a profile for the other parties of a job.

    It tells of columns, never of rows: counts in steps of --floor, ranges in round numbers, no value that fewer rows
    have. Columns that may tell who somebody is stay at home. Then: fedledger job draft --profiles.

    Exit codes: 0 written, or valid; 2 wrong usage, faults in the table, or not confirmed; 3 unavailable.

    Example: fedledger data share patients.csv --label ill --name "Clinic A" --output a.shared.json
    """
    if checked is not None:
        if file is not None or output is not None:
            raise click.UsageError("--check reads another party's profile: leave FILE and --output out.")
        _check(checked, as_json)
        return
    if as_json and not yes:
        raise click.UsageError("--json shows nothing before it writes: pass --yes with it.")
    if file is None or output is None:
        raise click.UsageError("say which FILE to share, and --output, where to write its profile; or --check a file.")
    from participant.profile.profile import ProfileRequest
    from participant.profile.sharing.sharing import ShareRequest, share

    if noise:
        from participant.profile.sharing.noise import epsilon

        noise = epsilon(noise)
    table = ProfileRequest(file, columns, False, label, url_file, names)
    sharing = share(ShareRequest(table, name.strip(), floor, noise, leave_out, share_anyway))
    if sharing.examined.profile.made:
        from participant.profile.keeping import keep
        from participant.tasks.data.sources.columns_file import encode

        keep(table.columns_file, encode(sharing.examined.found, file.name))
    if not as_json:
        _show_sharing(sharing, file, table.columns_file)
    if not yes:
        require_yes("Write this?", "no profile was written")
    _write(sharing, output)
    _say(sharing, output, as_json)


def _write(sharing: "ShareProposal", output: Path) -> None:
    from ledger.profiles.shared import encode
    from ledger.store import disk

    if sharing.noise is not None:
        sharing.noise.keep()
    disk.write_whole(output, [encode(sharing.profile)])


def _say(sharing: "ShareProposal", output: Path, as_json: bool) -> None:
    if as_json:
        facts: dict[str, Any] = {
            "output": str(output),
            "profile": to_builtins(sharing.profile),
            "at_home": [{"column": column, "why": why} for column, why in sharing.at_home],
            "warnings": [{"kind": one.kind, "column": one.column, "message": one.message} for one in sharing.warnings],
        }
        print_json(facts)
        return
    click.echo(f"written: {output}. Send it to who drafts the job.")
    learnt = () if sharing.profile.label else ("--label", "COLUMN")
    others = command("job", "draft", "--profiles", output, "OTHERS.shared.json", *learnt, "--output", "draft.toml")
    click.echo(f"Next: {others}")


def _check(path: Path, as_json: bool) -> None:
    from ledger.profiles.files import read_profile

    profile = read_profile(path)
    if as_json:
        print_json(to_builtins(profile))
        return
    _show(profile)
    click.echo("valid: what it says is its author's word; nobody else can check it.")


def _show_sharing(sharing: "ShareProposal", file: Path, columns_file: Path) -> None:
    profile = sharing.profile
    if sharing.examined.profile.made:
        click.echo(f"{columns_file} was made: it says how {file.name} is read.")
    click.echo(f"Of {file} this would leave the house:\n")
    _show(profile)
    if sharing.at_home:
        click.echo("\nThese columns stay at home, names and all:")
        print_table(("column", "why"), [(shown(column), shown(why)) for column, why in sharing.at_home])
    if sharing.noise is not None:
        spent = sharing.noise.spent
        print_line(
            f"\nnoise: epsilon {profile.noise} of each count; with all that was shared of this file {float(spent):g}. "
            "A row is in one count of every column. The secret, for the same noise next time: "
            f"{shown(sharing.noise.path.name)}. Which cells are told has no noise."
        )
    if sharing.warnings:
        click.echo(f"\nLook at these first; {columns_file.name} is the place to say what they mean:")
        rows = [(f"[yellow]{one.kind}[/]", shown(one.column), shown(one.message)) for one in sharing.warnings]
        print_table(("warning", "column", "what"), rows)
    click.echo()


def _show(profile: "SharedProfile") -> None:
    from ledger.profiles.told import described

    print_facts(
        {
            "party": profile.name or "not said",
            "rows": f"about {profile.rows:,}",
            "counts": f"in steps of {profile.floor:,}: what fewer rows have is not told",
            "noise": f"epsilon {profile.noise} of each count" if profile.noise else "none",
            "label": profile.label or "not said",
            "columns": plural(len(profile.columns), "column"),
        }
    )
    click.echo()
    rows = [
        (shown(one.name), one.kind, shown(one.unit), f"{one.missing:,}" if one.missing else "", shown(described(one)))
        for one in profile.columns
    ]
    print_table(("column", "kind", "unit", "missing", "values and about how many rows"), rows, right=(3,))
