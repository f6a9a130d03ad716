"""`store add`, `get`, `keep`, `export` and `import`: files by their CID."""

from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli.options import home_option, json_option
from ledger.cli.progress import bar
from ledger.cli.screen import say
from ledger.cli.store.arguments import CID, FILE, check_input, opened_store
from ledger.cli.streams import STDIO, CountedSource, counted, write_file
from ledger.config import Home
from ledger.errors import UsageError
from ledger.formats.text import plural

if TYPE_CHECKING:
    from ledger.formats.cid import Cid


@click.command()
@click.argument("file", type=FILE)
@click.option("--name", help="Pin under this name.  [default: file/ and the file's name]")
@home_option
@json_option
def add(file: Path, name: str | None, home: Home, as_json: bool) -> None:
    """Store FILE (or - for standard input), pin it, and print its CID. An input without bytes is a file.

    \b
    Example:  fedledger store add table.pdf
    """
    from ledger.store import disk
    from ledger.store.files import size_of

    check_input(file)
    source = Path("/dev/stdin") if str(file) == STDIO else file
    total = source.stat().st_size if source.is_file() else None
    pin = name or f"file/{'stdin' if str(file) == STDIO else file.name}"
    with opened_store(home, create=True) as opened, bar("adding", total) as advance:
        cid = opened.put(counted(disk.pieces(source), advance), pin)
        say(as_json, str(cid), cid=str(cid), size=size_of(opened, cid), pin=pin)


@click.command()
@CID
@click.option("-o", "--output", type=FILE, default=STDIO, show_default=True, help="File to write, or - for output.")
@click.option("--start", type=click.IntRange(min=0), default=0, show_default=True, help="First byte.")
@click.option("--stop", type=click.IntRange(min=0), help="Byte after the last.  [default: the end]")
@click.option("--from", "gateways", multiple=True, metavar="URL", help="Read from this gateway too. May be repeated.")
@home_option
@json_option
def get(
    cid: "Cid", output: Path, start: int, stop: int | None, gateways: tuple[str, ...], home: Home, as_json: bool
) -> None:
    """Write the file CID, every byte checked. The output appears only when all of it is good.

    \b
    Example:  fedledger store get CID --output model.safetensors
    """
    from ledger.http.outgoing import Outgoing
    from ledger.store.holders import Holders
    from ledger.store.remote import Remote

    with ExitStack() as stack:
        has_store = not gateways or home.store.exists()
        local = stack.enter_context(opened_store(home)) if has_store else None
        holders = Holders(
            local, [stack.enter_context(closing(Remote(url, url, outgoing=Outgoing(home.http())))) for url in gateways]
        )
        advance = stack.enter_context(bar("reading", None))
        pieces = counted(holders.read(cid, start, stop), advance)
        size = write_file(output, pieces)
    bad = [
        {"holder": copy.holder, "block": str(copy.block), "offset": copy.offset, "end": copy.end, "exact": copy.located}
        for copy in holders.bad_copies
    ]
    for copy in bad:
        click.echo(f"damaged copy: {copy['holder']}, block {copy['block']}, byte {copy['offset']}", err=True)
    if str(output) != STDIO:
        say(as_json, plural(size, "byte"), cid=str(cid), size=size, file=str(output), bad_copies=bad)


@click.command()
@CID
@click.option(
    "--from", "gateways", multiple=True, required=True, metavar="URL", help="Gateway to read from; repeatable."
)
@click.option("--name", help="Pin under this name.  [default: kept/ and the CID]")
@click.option("--heal", is_flag=True, help="Write good bytes where this store's copy is damaged.")
@home_option
@json_option
def keep(cid: "Cid", gateways: tuple[str, ...], name: str | None, heal: bool, home: Home, as_json: bool) -> None:
    """Hold a copy of the file CID, from wherever a good one is.

    \b
    Example:  fedledger store keep CID --from http://clinic.example:8080
    """
    from ledger.http.outgoing import Outgoing
    from ledger.store.holders import Holders
    from ledger.store.remote import Remote

    pin_name = name or f"kept/{cid}"
    with ExitStack() as stack:
        opened = stack.enter_context(opened_store(home, create=True))
        remotes = [stack.enter_context(closing(Remote(url, url, outgoing=Outgoing(home.http())))) for url in gateways]
        Holders(opened, remotes).keep(cid, pin_name, heal=heal)
    say(as_json, f"{pin_name} keeps {cid}", cid=str(cid), pin=pin_name)


@click.command("export")
@CID
@click.option("-o", "--output", type=FILE, required=True, help="CAR file to write, or - for output.")
@home_option
@json_option
def export_car(cid: "Cid", output: Path, home: Home, as_json: bool) -> None:
    """Write the file CID as a CARv1, which any IPFS tool reads.

    \b
    Example:  fedledger store export CID --output model.car
    """
    from ledger.store import car

    with opened_store(home) as opened, bar("exporting", None) as advance:
        size = write_file(output, counted(car.write(opened, cid), advance))
    if str(output) != STDIO:
        say(as_json, plural(size, "byte"), cid=str(cid), size=size, file=str(output))


@click.command("import")
@click.argument("file", type=FILE)
@click.option("--name", help="Pin under this name.  [default: file/ and the file's name]")
@home_option
@json_option
def import_car(file: Path, name: str | None, home: Home, as_json: bool) -> None:
    """Store the file in the CARv1 FILE (or - for standard input), every block checked, and pin it.

    \b
    Example:  fedledger store import model.car
    """
    check_input(file)
    pin_name = name or f"file/{file.stem}"
    if str(file) != STDIO and not file.exists():
        raise UsageError(f"there is no file {file}")
    with opened_store(home, create=True) as opened, click.open_file(str(file), "rb") as source:
        total = file.stat().st_size if file.is_file() else None
        with bar("importing", total) as advance:
            cid = opened.import_car(CountedSource(source, advance), pin_name)  # type: ignore[arg-type]
    say(as_json, str(cid), cid=str(cid), pin=pin_name)
