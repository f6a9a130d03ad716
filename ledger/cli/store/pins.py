"""`store ls`, `pin` and `unpin`: the names that keep files."""

from typing import TYPE_CHECKING

import click

from ledger.cli.options import home_option, json_option
from ledger.cli.screen import say
from ledger.cli.store.arguments import CID, opened_store
from ledger.cli.streams import human
from ledger.config import Home
from ledger.errors import Unavailable

if TYPE_CHECKING:
    from ledger.formats.cid import Cid


@click.command("ls")
@home_option
@json_option
def list_pins(home: Home, as_json: bool) -> None:
    """List what is kept: name, CID, size.

    \b
    Example:  fedledger store ls
    """
    from ledger.store.files import size_of

    rows: list[dict[str, object]] = []
    with opened_store(home) as opened:
        for name, cid in sorted(opened.pins().items()):
            size: int | None
            try:
                size = size_of(opened, cid)
            except Unavailable:
                size = None
            rows.append({"pin": name, "cid": str(cid), "size": size})
    text = "\n".join(f"{row['cid']}  {human(row['size']):>10}  {row['pin']}" for row in rows)
    say(as_json, text or "nothing is kept yet", pins=rows)


@click.command()
@click.argument("name")
@CID
@home_option
@json_option
def pin(name: str, cid: "Cid", home: Home, as_json: bool) -> None:
    """Keep the file CID under NAME, moving the name where it is in use.

    \b
    Example:  fedledger store pin kept/round-7 CID
    """
    with opened_store(home) as opened:
        opened.pin(name, cid)
    say(as_json, f"{name} keeps {cid}", pin=name, cid=str(cid))


@click.command()
@click.argument("name")
@home_option
@json_option
def unpin(name: str, home: Home, as_json: bool) -> None:
    """Remove the pin NAME. The bytes stay until `collect`.

    \b
    Example:  fedledger store unpin kept/round-7
    """
    with opened_store(home) as opened:
        opened.unpin(name)
    say(as_json, f"{name} is removed", unpinned=name)
