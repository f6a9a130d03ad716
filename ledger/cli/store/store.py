"""`fedledger store`: the content that a home keeps, by hand."""

import sys

import click

from ledger.cli.options import home_option, json_option
from ledger.cli.screen import say
from ledger.cli.store.arguments import opened_store
from ledger.cli.store.files import add, export_car, get, import_car, keep
from ledger.cli.store.pins import list_pins, pin, unpin
from ledger.cli.store.prune import heal_copies, prune
from ledger.cli.store.upkeep import collect, stat, verify
from ledger.config import Home


@click.group()
def store() -> None:
    """Content by its CID: add, read, keep, check and serve files.

    The same bytes have the same CID here and on any Kubo of the profile unixfs-v1-2025. A home keeps content in its own
    folder, or on a Kubo daemon where node.toml says so.
    """


@click.command()
@click.option("--host", help="Address to listen on.  [default: node.toml's, or 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0 takes a free one.  [default: node.toml's, or 0]")
@home_option
@json_option
def serve(host: str | None, port: int | None, home: Home, as_json: bool) -> None:
    """Serve this store's blocks, read-only, to anyone who can reach the address. Ends with Ctrl-C.

    \b
    Example:  fedledger store serve --port 8080
    """
    from ledger.store.gateway_server import serve as start

    settings = home.settings().gateway
    with opened_store(home) as opened:
        chosen = settings.port if port is None else port
        gateway = start(opened, settings.host if host is None else host, chosen)
        say(as_json, f"serving {opened.name} at {gateway.url}", url=gateway.url)
        sys.stdout.flush()
        try:
            gateway.wait()
        finally:
            gateway.close()


for command in (
    add,
    get,
    keep,
    export_car,
    import_car,
    list_pins,
    pin,
    unpin,
    collect,
    prune,
    heal_copies,
    verify,
    stat,
    serve,
):
    store.add_command(command)
