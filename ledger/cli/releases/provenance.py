"""`fedledger release provenance`: a release for strangers, in the formats that their tools check."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli.options import home_option, json_option, network_option, passphrase_option, rpc_option
from ledger.cli.releases.title import release_argument
from ledger.config import Home
from ledger.formats.text import command as words

if TYPE_CHECKING:
    from ledger.party.exports.check import Exports

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)
_MARKS = {"yes": "✓", "no": "✗", "unknown": "?"}


@click.group(short_help="Hand a release to strangers, in formats that their tools check.")
def provenance() -> None:
    """Say of a release how it came about, in formats that strangers' tools check: an in-toto statement, a model
    signature, a bill of materials (CycloneDX), and its lineage (PROV). See docs/exports.md.

    \b
    fedledger release provenance key                                # once, at a member's home
    fedledger release provenance write cardio --output cardio-1.0.0
    fedledger release provenance check cardio-1.0.0 --network network.toml
    """


@provenance.command(short_help="Make the export key, tied to this member.")
@passphrase_option
@click.option(
    "--new-passphrase-file",
    "new_file",
    type=FILE,
    help="File, mode 0600, with the export key's passphrase.  [default: ask]",
)
@home_option
@json_option
def key(passphrase_file: Path | None, new_file: Path | None, home: Home, as_json: bool) -> None:
    """Make the home's export key, of P-256, in a file of its own, and say under the member's key that it is the
    member's. Others' tools refuse the curve of the ledger's keys.

    A key that is there stays; after a rotation of the member's key the same command signs for it again.

    \b
    Example:  fedledger release provenance key
    """
    from ledger.cli.connect import unlocked
    from ledger.cli.screen import say
    from ledger.exports.p256 import key_id
    from ledger.keys import read_passphrase
    from ledger.party.exports.keys import make

    with unlocked(home, passphrase_file) as (connection, signer):
        option, what = "--new-passphrase-file", "Export key's passphrase"
        new = read_passphrase(new_file, confirm=not home.export_key.exists(), what=what, option=option)
        made = make(connection, home, signer, new)
    named = key_id(bytes.fromhex(made.public))
    text = f"the export key {named[:16]}… is tied to {made.member}\n"
    text += f"Next: {home.command('release', 'provenance', 'write', 'NAME', '--output', 'FOLDER')}"
    files = {"file": str(home.export_key), "statement": str(home.export_statement)}
    say(as_json, text, key=named, public=made.public, member=made.member, **files)


@provenance.command(short_help="Write a release's files with all that is said of them.")
@release_argument()
@click.option("--output", type=FOLDER, required=True, help="Folder for the files.")
@click.option("--bundle", "evidence", type=FILE, help="File of evidence that goes with them: its SHA-256 is said.")
@click.option(
    "--passphrase-file",
    type=FILE,
    help="File, mode 0600, whose first line is the export key's passphrase.  [default: ask]",
)
@home_option
@json_option
def write(
    release: str, output: Path, evidence: Path | None, passphrase_file: Path | None, home: Home, as_json: bool
) -> None:
    """Write NAME@VERSION (or NAME VERSION), or the current one of NAME, into a folder: its files in `release/`, and
    beside them what is said of them, signed by the home's export key.

    The same release makes the same bytes. A revoked one is refused.

    \b
    Example:  fedledger release provenance write cardio@1.0.0 --output cardio-1.0.0
    """
    from ledger.cli.screen import say
    from ledger.keys import read_passphrase
    from ledger.party.connection import Connection
    from ledger.party.exports.files import write as write_files
    from ledger.party.exports.keys import unlocked

    with Connection.open(home) as connection:
        connection.refresh()
        secret, said = unlocked(connection, home, read_passphrase(passphrase_file, what="Export key's passphrase"))
        files = write_files(connection, secret, said, release, output, evidence)
    named = ("--bundle", evidence) if evidence else ()
    after = words("release", "provenance", "check", output, "--network", "network.toml", *named)
    lines = [*map(str, files), f"Next: {after}"]
    say(as_json, "\n".join(lines), folder=str(output), files=[str(path) for path in files], member=said.member)


@provenance.command(short_help="Make all of it again from the ledger, and compare.")
@click.argument("folder", type=FOLDER)
@click.option("--bundle", "evidence", type=FILE, help="The file of evidence that the statement names.")
@network_option
@rpc_option
@home_option
@json_option
def check(
    folder: Path, evidence: Path | None, network_file: Path | None, rpc: str | None, home: Home, as_json: bool
) -> None:
    """Make what is in FOLDER again from ledger and content store, and compare it byte by byte: the release's files,
    each export, and whose key signed them. Nobody's word is taken.

    \b
    Exit codes: 0  all of it holds
                1  something is false
                2  the folder is none of exports, is another ledger's, or its release was revoked
                3  unknown: something could not be checked

    \b
    Example:  fedledger release provenance check cardio-1.0.0 --network network.toml
    """
    from ledger.cli.connect import look
    from ledger.cli.screen import print_json
    from ledger.party.exports.check import check as check_exports

    with look(network_file, home, rpc) as connection:
        connection.refresh()
        found = check_exports(connection, folder, evidence)
    if as_json:
        rows = [{"what": one.what, "holds": one.holds, "why": one.why} for one in found.checked]
        told = {"release": found.title, "signed_by": found.member, "exit": found.exit, "checked": rows}
        print_json(told | {"beside": list(found.beside)})
    else:
        _print(found)
    click.get_current_context().exit(found.exit)


def _print(found: "Exports") -> None:
    from rich.console import Console

    from ledger.cli.screen import shown

    console = Console(highlight=False, soft_wrap=True)
    for one in found.checked:
        console.print(f"{_MARKS[one.holds]} {shown(one.what)}")
        for line in one.why.splitlines():
            console.print(f"    {shown(line)}")
    if found.beside:
        console.print(f"not of the exports, nothing was checked of it: {shown(', '.join(found.beside))}")
    held = sum(one.holds == "yes" for one in found.checked)
    console.print(f"{shown(found.title)}, said by {shown(found.member)}: {held} of {len(found.checked)} hold")
