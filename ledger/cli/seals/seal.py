"""`fedledger seal`: read keys, slips, and what is in sealed files."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.options import home_option, json_option
from ledger.cli.screen import print_json, say, shown
from ledger.cli.seals.arguments import FILE, loaded, read_key_option, round_options
from ledger.cli.seals.readers import erase, grant, revoke
from ledger.config import Home
from ledger.errors import Refuted, Unavailable, UsageError
from ledger.formats.text import plural

if TYPE_CHECKING:
    from ledger.masks.secret import Secret
    from ledger.seals.erasure import Erasure
    from ledger.seals.slips import Slips

BAD = 1
LARGEST = 1 << 28
"""Bytes of a file to import, at most."""


@click.group()
def seal() -> None:
    """Sealed updates: who can read them, and what is in them (docs/spec/seals.md).

    A reader is named by its read key's public part, age1…; `age-keygen` makes such keys, too.
    """


@seal.command()
@click.argument("file", type=FILE)
@json_option
def key(file: Path, as_json: bool) -> None:
    """Make a read key in FILE, mode 0600, and print the reader's name, age1….

    \b
    Example:  fedledger seal key read.key
    """
    from ledger.masks.keys import point_of
    from ledger.party.seals.read_key_files import create_read_key
    from ledger.seals.read_keys import show_point

    reader = show_point(point_of(create_read_key(file)))
    say(as_json, reader, reader=reader, file=str(file))


@seal.command("import")
@click.argument("files", nargs=-1, required=True, type=FILE)
@home_option
@json_option
def import_files(files: tuple[Path, ...], home: Home, as_json: bool) -> None:
    """Keep FILES that others exported: slips, and statements of erasure.

    Slips of what was erased are deleted.

    \b
    Example:  fedledger seal import slips.json
    """
    from ledger.party.seals.drawer import Drawer
    from ledger.seals import erasure
    from ledger.seals.bundles import split_bundle

    drawer, slips, erasures = Drawer(home.folder), 0, 0
    for file in files:
        for data in split_bundle(_read(file)):
            if data.startswith(erasure.MAGIC):
                drawer.erase(data)
                erasures += 1
            else:
                drawer.take(data)
                slips += 1
    text = f"{plural(slips, 'file')} of slips kept, {plural(erasures, 'erasure')}"
    say(as_json, text, slips=slips, erasures=erasures)


@seal.command()
@click.argument("output", type=FILE)
@round_options
@home_option
@json_option
def export(output: Path, job: int | None, number: int | None, home: Home, as_json: bool) -> None:
    """Write this home's slips and erasures into OUTPUT, for others to import. They are no secrets.

    \b
    Example:  fedledger seal export slips.json --round 7
    """
    from ledger.cli.streams import write_file
    from ledger.party.seals.drawer import Drawer

    size = write_file(output, Drawer(home.folder).files(job, number))
    say(as_json, f"{plural(size, 'byte')} written", file=str(output), size=size)


@seal.command()
@read_key_option
@round_options
@home_option
@json_option
def show(read_keys: tuple[Path, ...], job: int | None, number: int | None, home: Home, as_json: bool) -> None:
    """List this home's slips: of which update, by whom, for how many. With --read-key, whether they open and are right.

    \b
    Exit codes: 0  nothing is wrong with them
                1  slips are not what their key makes: their author signed garbage

    \b
    Example:  fedledger seal show
    """
    from ledger.party.seals.drawer import Drawer

    drawer, keys = Drawer(home.folder), loaded(read_keys, home)
    rows = [_row(kept.slips, kept.author, keys) for kept in drawer.all(job, number)]
    gone = [_erased(said) for said in drawer.erasures(job, number)]
    if as_json:
        print_json({"slips": rows, "erased": gone})
    else:
        for row in rows:
            click.echo(
                f"job {row['job']}, round {row['round']}, party {row['party']}: {row['readers']} readers, by "
                f"{row['author']}: {shown(row['state'])}"
            )
        for one in gone:
            click.echo(f"job {one['job']}, round {one['round']}, party {one['party']}: erased")
    click.get_current_context().exit(BAD if any(row["bad"] for row in rows) else 0)


@seal.command("open")
@click.argument("file", type=FILE)
@click.argument("output", type=FILE)
@read_key_option
@home_option
@json_option
def open_file(file: Path, output: Path, read_keys: tuple[Path, ...], home: Home, as_json: bool) -> None:
    """Write what is in the sealed FILE to OUTPUT, a safetensors file.

    Its owner alone reads it (mode 0600). It takes a slip of this home and a read key.

    \b
    Example:  fedledger seal open update.sealed update.safetensors --read-key read.key
    """
    from ledger.cli.streams import STDIO, write_file
    from ledger.formats.sealed import HEAD, artifact_size
    from ledger.formats.unixfs import cid_of
    from ledger.party.seals.drawer import Drawer
    from ledger.seals.chunks import opened
    from ledger.seals.keyring import find_key
    from ledger.seals.keys import commitment_in, name_in
    from ledger.store import disk

    def pieces() -> Iterator[bytes]:
        return (bytes(piece) for piece in disk.pieces(file))

    size = file.stat().st_size if file.exists() else 0
    head = next(pieces(), b"")[:HEAD]
    name = name_in(head)
    cid, commitment = cid_of(disk.pieces(file))[0], commitment_in(head, name)
    found = find_key(name, cid.digest, commitment, Drawer(home.folder).of(name, cid.digest), loaded(read_keys, home))
    if found.key is None:
        bad = "; ".join(f"{one.author} signed a bad one" for one in found.bad)
        advice = f"ask a member to grant one, then {home.command('seal', 'import', 'FILE')}"
        problem = f"no slip here opens this file{': ' if bad else ''}{bad}"
        raise Unavailable(problem, advice=advice, party=name.party, cid=cid)
    inside, plain = artifact_size(size), opened(pieces(), found.key, artifact_size(size))
    if str(output) == STDIO:
        write_file(output, plain)
    else:
        disk.write_private(output, plain)
    say(as_json, plural(inside, "byte"), size=inside, file=str(output), party=name.party, cid=str(cid))


def _erased(said: "Erasure") -> dict[str, Any]:
    _, _, job, number = said.name.round
    return {"job": job, "round": number, "party": said.name.party, "cid": said.cid.hex()}


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as source:
            data = source.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"the file cannot be read: {error.strerror}", file=str(file)) from error
    if len(data) > LARGEST:
        raise UsageError("the file is too large for slips", file=str(file), maximum=LARGEST)
    return data


def _row(slips: "Slips", author: str, keys: "list[Secret]") -> dict[str, Any]:
    _, _, job, number = slips.name.round
    row = {"job": job, "round": number, "party": slips.name.party, "cid": slips.cid.hex(), "author": author}
    state, bad = "not tried", False
    for key in keys:
        try:
            slips.check(slips.open(key))
        except Unavailable:
            state = "no slip for these read keys" if state == "not tried" else state
        except Refuted as error:
            state, bad = error.message, True
        else:
            state = "opens, and all are right"
            break
    return row | {"readers": len(slips.packets), "state": state, "bad": bad}


seal.add_command(grant)
seal.add_command(revoke)
seal.add_command(erase)
