"""`fedledger store`: the content a home keeps, by hand."""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.options import home_option, json_option
from ledger.cli.progress import bar
from ledger.cli.streams import STDIO, CountedSource, counted, human, write_file
from ledger.config import Home
from ledger.errors import Corrupt, UsageError

if TYPE_CHECKING:
    from ledger.formats.cid import Cid
    from ledger.store import Store
    from ledger.store.embedded import Embedded

cid_argument = click.argument("cid", callback=lambda _context, _parameter, value: _cid(value))
file_type = click.Path(path_type=Path, dir_okay=False, allow_dash=True)


@click.group()
def store() -> None:
    """Content by its CID: add, read, keep, check and serve files.

    The same bytes have the same CID here and on any Kubo of the profile unixfs-v1-2025. A home keeps content in its own
    folder, or on a Kubo daemon where node.toml says so.
    """


@store.command()
@click.argument("file", type=file_type)
@click.option("--name", help="Pin under this name.  [default: file/ and the file's name]")
@home_option
@json_option
def add(file: Path, name: str | None, home: Home, as_json: bool) -> None:
    """Store FILE (or - for standard input), pin it, and print its CID."""
    from ledger.store import disk
    from ledger.store.files import size_of

    source = Path("/dev/stdin") if str(file) == STDIO else file
    total = source.stat().st_size if source.is_file() else None
    pin = name or f"file/{'stdin' if str(file) == STDIO else file.name}"
    with _opened(home, create=True) as opened, bar("adding", total) as advance:
        cid = opened.put(counted(disk.pieces(source), advance), pin)
        _show({"cid": str(cid), "size": size_of(opened, cid), "pin": pin}, as_json, str(cid))


@store.command()
@cid_argument
@click.option(
    "-o", "--output", type=file_type, default=STDIO, show_default=True, help="File to write, or - for output."
)
@click.option("--start", type=click.IntRange(min=0), default=0, show_default=True, help="First byte.")
@click.option("--stop", type=click.IntRange(min=0), help="Byte after the last.  [default: the end]")
@click.option("--from", "gateways", multiple=True, metavar="URL", help="Read from this gateway too; may be repeated.")
@home_option
@json_option
def get(
    cid: "Cid", output: Path, start: int, stop: int | None, gateways: tuple[str, ...], home: Home, as_json: bool
) -> None:
    """Write the file CID, every byte checked. FILE appears only when all of it was good."""
    from ledger.store.holders import Holders
    from ledger.store.remote import Remote

    with ExitStack() as stack:
        has_store = not gateways or home.store.exists()
        local = stack.enter_context(_opened(home)) if has_store else None
        holders = Holders(local, [stack.enter_context(closing(Remote(url, url))) for url in gateways])
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
        _show({"cid": str(cid), "size": size, "file": str(output), "bad_copies": bad}, as_json, f"{size} bytes")


@store.command()
@cid_argument
@click.option(
    "--from", "gateways", multiple=True, required=True, metavar="URL", help="Gateway to read from; repeatable."
)
@click.option("--name", help="Pin under this name.  [default: kept/ and the CID]")
@click.option("--heal", is_flag=True, help="Write good bytes where this store's copy is damaged.")
@home_option
@json_option
def keep(cid: "Cid", gateways: tuple[str, ...], name: str | None, heal: bool, home: Home, as_json: bool) -> None:
    """Hold a copy of the file CID, from wherever a good one is."""
    from ledger.store.holders import Holders
    from ledger.store.remote import Remote

    pin_name = name or f"kept/{cid}"
    with ExitStack() as stack:
        opened = stack.enter_context(_opened(home, create=True))
        remotes = [stack.enter_context(closing(Remote(url, url))) for url in gateways]
        Holders(opened, remotes).keep(cid, pin_name, heal=heal)
    _show({"cid": str(cid), "pin": pin_name}, as_json, f"{pin_name} keeps {cid}")


@store.command("ls")
@home_option
@json_option
def list_pins(home: Home, as_json: bool) -> None:
    """List what is kept: name, CID, size."""
    from ledger.errors import Unavailable
    from ledger.store.files import size_of

    rows: list[dict[str, object]] = []
    with _opened(home) as opened:
        for name, cid in sorted(opened.pins().items()):
            size: int | None
            try:
                size = size_of(opened, cid)
            except Unavailable:
                size = None
            rows.append({"pin": name, "cid": str(cid), "size": size})
    text = "\n".join(f"{row['cid']}  {human(row['size']):>10}  {row['pin']}" for row in rows)
    _show({"pins": rows}, as_json, text or "nothing is kept yet")


@store.command()
@click.argument("name")
@cid_argument
@home_option
@json_option
def pin(name: str, cid: "Cid", home: Home, as_json: bool) -> None:
    """Keep the file CID under NAME, moving the name where it is in use."""
    with _opened(home) as opened:
        opened.pin(name, cid)
    _show({"pin": name, "cid": str(cid)}, as_json, f"{name} keeps {cid}")


@store.command()
@click.argument("name")
@home_option
@json_option
def unpin(name: str, home: Home, as_json: bool) -> None:
    """Let go of NAME. The bytes stay until `collect`."""
    with _opened(home) as opened:
        opened.unpin(name)
    _show({"unpinned": name}, as_json, f"{name} is let go")


@store.command()
@click.option("--pretend", is_flag=True, help="Only say what would go.")
@home_option
@json_option
def collect(pretend: bool, home: Home, as_json: bool) -> None:
    """Remove files that no pin keeps."""
    from ledger.store import upkeep

    with _embedded(home) as opened:
        gone = [path.stem for path in upkeep.collect(opened, pretend=pretend)]
    _show({"removed": gone, "pretend": pretend}, as_json, "\n".join(gone) or "nothing to remove")


@store.command("export")
@cid_argument
@click.option("-o", "--output", type=file_type, required=True, help="CAR file to write, or - for output.")
@home_option
@json_option
def export_car(cid: "Cid", output: Path, home: Home, as_json: bool) -> None:
    """Write the file CID as a CARv1, which any IPFS tool reads."""
    from ledger.store import car

    with _opened(home) as opened, bar("exporting", None) as advance:
        size = write_file(output, counted(car.write(opened, cid), advance))
    if str(output) != STDIO:
        _show({"cid": str(cid), "size": size, "file": str(output)}, as_json, f"{size} bytes")


@store.command("import")
@click.argument("file", type=file_type)
@click.option("--name", help="Pin under this name.  [default: file/ and the file's name]")
@home_option
@json_option
def import_car(file: Path, name: str | None, home: Home, as_json: bool) -> None:
    """Store the file in the CARv1 FILE, every block checked, and pin it."""
    pin_name = name or f"file/{file.stem}"
    if str(file) != STDIO and not file.exists():
        raise UsageError(f"there is no file {file}")
    with _opened(home, create=True) as opened, click.open_file(str(file), "rb") as source:
        total = file.stat().st_size if file.is_file() else None
        with bar("importing", total) as advance:
            cid = opened.import_car(CountedSource(source, advance), pin_name)  # type: ignore[arg-type]
    _show({"cid": str(cid), "pin": pin_name}, as_json, str(cid))


@store.command()
@home_option
@json_option
def verify(home: Home, as_json: bool) -> None:
    """Read every block from the disk and check it; exit 3 where any is damaged or a pinned file is not whole."""
    from ledger.store import upkeep

    damaged: list[dict[str, object]] = []
    blocks = size = 0
    with _embedded(home) as opened, bar("verifying", opened.totals()[1]) as advance:
        for checked in upkeep.scrub(opened):
            blocks, size = blocks + 1, size + checked.length
            advance(checked.length)
            if checked.problem:
                block = str(checked.cid) if checked.cid else None
                place = {"pack": str(checked.pack), "block": block, "offset": checked.offset, "length": checked.length}
                damaged.append({**place, "problem": checked.problem})
        for name, cid, problem in upkeep.check_pinned(opened):
            damaged.append({"pin": name, "cid": str(cid), "problem": problem})
    text = [f"{blocks} blocks, {human(size)}: " + (f"{len(damaged)} problems" if damaged else "all good")]
    text += [", ".join(f"{key} {value}" for key, value in entry.items()) for entry in damaged]
    _show({"blocks": blocks, "bytes": size, "damaged": damaged}, as_json, "\n".join(text))
    if damaged:
        raise Corrupt(
            f"{len(damaged)} problems in {home.store}",
            advice="fetch good copies: fedledger store keep CID --from URL --heal",
        )


@store.command()
@click.option("--host", help="Address to listen on.  [default: node.toml's, or 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0 takes a free one.  [default: node.toml's, or 0]")
@home_option
@json_option
def serve(host: str | None, port: int | None, home: Home, as_json: bool) -> None:
    """Serve this store's blocks, read-only, to anyone who can reach the address. Ends with Ctrl-C."""
    from ledger.store.gateway import serve as start

    settings = home.settings().gateway
    with _opened(home) as opened:
        chosen = settings.port if port is None else port
        gateway = start(opened, settings.host if host is None else host, chosen)
        _show({"url": gateway.url}, as_json, f"serving {opened.name} at {gateway.url}")
        sys.stdout.flush()
        try:
            gateway.wait()
        finally:
            gateway.close()


@store.command()
@home_option
@json_option
def stat(home: Home, as_json: bool) -> None:
    """Count blocks, bytes, files and pins."""
    import shutil

    with _embedded(home) as opened:
        blocks, size = opened.totals()
        facts = {
            "folder": str(opened.folder),
            "files": len(opened.pack_paths()),
            "pins": len(opened.pins()),
            "blocks": blocks,
            "bytes": size,
            "free_bytes": shutil.disk_usage(opened.folder).free,
        }
    _show(facts, as_json, "\n".join(f"{key.replace('_', ' ')}: {value}" for key, value in facts.items()))


def _cid(text: str) -> "Cid":
    from ledger.formats.cid import Cid

    return Cid.parse(text)


@contextmanager
def _opened(home: Home, *, create: bool = False) -> Iterator["Store"]:
    from ledger.store.opening import open_store

    opened = open_store(home, create=create)
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def _embedded(home: Home) -> Iterator["Embedded"]:
    from ledger.store.embedded import Embedded

    with _opened(home) as opened:
        if not isinstance(opened, Embedded):
            raise UsageError(
                f"{opened.name} is not a folder of ours", advice="use the daemon's own `ipfs repo` commands"
            )
        yield opened


def _show(document: dict[str, Any], as_json: bool, text: str) -> None:
    click.echo(json.dumps(document) if as_json else text)
