"""`fedledger web run`: serve the pages until Ctrl-C."""

from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.options import home_option, json_option, network_option, proxy_option, rate_option, rpc_option
from ledger.config import Home
from ledger.http.hosts import LOOPBACK
from ledger.http.listening import listen
from web.cli.access import Access, checked_contact, checked_proxies
from web.cli.live import LedgerReader, Payment, live_view
from web.cli.relayer import KEYSTORE
from web.cli.serving import announce, open_log, require_installed, web_server
from web.cli.webhook import read_hook, webhook_options

if TYPE_CHECKING:
    from web.view import Read


@click.command()
@click.option("--host", default=LOOPBACK[0], show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one.")
@click.option(
    "--read",
    type=click.Choice(["local", "members", "public"]),
    default="local",
    show_default=True,
    help="Who may read: this machine alone; members, after they sign in with their keys; or everyone who reaches the "
    "address, but then no updates and only released models.",
)
@click.option("--origin", help="Address by which people reach the server from other machines: https://NAME.")
@proxy_option
@click.option(
    "--relayer",
    "keystore",
    type=click.Path(path_type=Path),
    help=f"Keystore of the key that pays for members' signed messages, or a folder with {KEYSTORE}.",
)
@click.option(
    "--relayer-passphrase-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File whose first line is that keystore's passphrase.  [default: ask at the terminal]",
)
@rate_option
@click.option(
    "--open-metrics",
    is_flag=True,
    help="Everyone may read /metrics, not members and, without --origin, this machine alone.",
)
@click.option("--contact", help="Where to report a fault in security, for security.txt: mailto:… or https://….")
@click.option("--source/--no-source", default=True, help="Let the audit compile the contracts' sources (needs solc).")
@click.option(
    "--reports",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder of other auditors' reports (fedledger audit --sign); each is verified and shown on the audit's page.",
)
@click.option(
    "--access-log",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File that the access log is appended to.  [default: standard output]",
)
@webhook_options
@network_option
@rpc_option
@home_option
@json_option
def run(
    host: str,
    port: int,
    read: "Read",
    origin: str | None,
    proxies: tuple[str, ...],
    keystore: Path | None,
    relayer_passphrase_file: Path | None,
    rate: float,
    open_metrics: bool,
    contact: str | None,
    source: bool,
    reports: Path | None,
    access_log: Path | None,
    webhook: Path | None,
    webhook_allow: tuple[str, ...],
    network_file: Path | None,
    rpc: str | None,
    home: Home,
    as_json: bool,
) -> None:
    """Serve the pages until Ctrl-C.

    Without --network, or with the network file of the consortium that the home has joined, it reads as the party at
    home, and from that party's store; else as anyone can, from what holders serve. Pages show the last reading: a chain
    or a store that does not respond never keeps a reader waiting. With --relayer it sends what
    members sign, and pays for it with a key that has no rights (`fedledger web relayer` makes one).

    \b
    Example:  fedledger web run --network network.toml --port 8000
    """
    require_installed()
    access, trusted = Access.of(read, host, origin), checked_proxies(proxies)
    settings: dict[str, Any] = {"rate": rate, "open_metrics": open_metrics, "contact": checked_contact(contact)}
    settings |= {"reports": reports, "hook": read_hook(webhook, webhook_allow)}
    payment = Payment(keystore, relayer_passphrase_file) if keystore else None
    with ExitStack() as stack:
        reader = LedgerReader.of(network_file, home, rpc)
        listening, log = stack.enter_context(listen(host, port)), stack.enter_context(open_log(access_log))
        view = stack.enter_context(live_view(reader, access, payment, source=source, **settings))
        server = web_server(view, log, trusted)
        announce(view, listening, as_json=as_json)
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listening])
