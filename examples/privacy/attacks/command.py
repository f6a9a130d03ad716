"""The command: `run` makes three ledgers' stores and attacks them; `look` attacks one file of a store that is there."""

import json
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import torch

from attacks import digits, inversion, report
from attacks.everything import FEW, Repeats, rows
from attacks.homes import layout_of, named
from attacks.markdown import write
from attacks.page import page
from attacks.reading import Seen, read_change, read_file
from attacks.rows import Row
from attacks.stores import Stores
from ledger.errors import FedledgerError, UsageError
from ledger.store.embedded import Embedded

PRINTED = 8
"""Numbers of a row that are printed."""


def _told(work: Callable[..., None]) -> Callable[..., None]:
    """Errors of fedledger as message, advice and exit code."""

    @wraps(work)
    def told(**arguments: object) -> None:
        try:
            work(**arguments)
        except FedledgerError as error:
            click.echo(f"{error}\n{error.advice}".rstrip(), err=True)
            sys.exit(error.exit_code)

    return told


@click.group()
def main() -> None:
    """What an update tells about the rows behind it, each attack beside its control."""
    torch.set_num_threads(1)


@main.command()
@click.option("--folder", type=click.Path(path_type=Path), help="Keep the three stores here.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write pictures and table to this page.")
@click.option(
    "--markdown", type=click.Path(path_type=Path, exists=True), help="Write the tables into this page, at its marks."
)
@click.option("--json", "as_json", is_flag=True, help="Print the table for programs.")
@click.option("--quick", is_flag=True, help="Few repeats: a look, no figures to cite.")
@_told
def run(folder: Path | None, html: Path | None, markdown: Path | None, as_json: bool, quick: bool) -> None:
    """Train, store, read back and attack; print the table. Exit 1 where a row is not within its bar."""
    with TemporaryDirectory(prefix="fedledger-privacy-") as temporary:
        found = _rows(folder or Path(temporary), FEW if quick else Repeats())
    if html:
        html.write_text(page(found), "utf-8")
    if markdown:
        write(markdown, found)
    if as_json:
        click.echo(json.dumps(report.document(found), indent=1, ensure_ascii=False))
    else:
        click.echo("\n".join(report.lines(found)) + f"\n\n{report.READING}")
    if report.failed(found) and not quick:
        sys.exit(1)


def _rows(folder: Path, repeats: Repeats) -> list[Row]:
    if any(folder.glob("*/format")):
        raise UsageError("the folder holds stores already", advice="name an empty folder", folder=folder)
    stores = Stores(folder)
    try:
        return [row for some in rows(stores, digits.read(), repeats) for row in some]
    finally:
        stores.close()


@main.command()
@click.argument("store", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("name")
@click.option("--base", help="The global model before it, where NAME is a global model.")
@click.option("--json", "as_json", is_flag=True, help="Print all numbers, for programs.")
@_told
def look(store: Path, name: str, base: str | None, as_json: bool) -> None:
    """What the first linear layer of one file gives back: NAME is its name or CID in the folder STORE (`store` in a
    home), such as update/1/5/2: job, round, member.

    With one row and one step it is that row, as the task hands it to the model; with more of them, a mean of some.
    """
    source = Embedded(store)
    try:
        cid = named(source, name)
        layout = layout_of(source, cid)
        seen = read_file(source, cid, layout)
        if base:
            seen = read_change(source, cid, named(source, base), layout)
        elif seen.kind not in {"update", "masked"}:
            raise UsageError(f"{name} is a model", advice="name the model before it with --base", kind=seen.kind)
    finally:
        source.close()
    click.echo(_shown(seen, as_json))


def _shown(seen: Seen, as_json: bool) -> str:
    found = inversion.candidates(seen.tensors)
    if as_json:
        return json.dumps({"kind": seen.kind, "label": inversion.label(seen.tensors), "inputs": found.tolist()})
    said = f"{seen.kind} of {seen.about.get('party') or 'all'}, round {seen.about.get('round')}"
    lines = [f"{said}; the class whose bias rose most: {inversion.label(seen.tensors)}"]
    if seen.kind == "masked":
        lines.append("its masks are on, so this is noise; the public sum is what two models differ by (--base)")
    for row in found[:PRINTED]:
        more = " …" if len(row) > PRINTED else ""
        lines.append("  ".join(f"{number:9.4g}" for number in row[:PRINTED]) + more)
    return "\n".join(lines)
