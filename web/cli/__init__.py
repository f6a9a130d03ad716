"""`fedledger web`: the consortium's pages, for anyone who may see them.

What needs the web server, the chain or cryptography is imported inside the functions that use it, all else at the top
of a module: `--help` and a wrong option take effect before a second of imports.
"""

import click

from web.cli.relayer import relayer
from web.cli.run import run
from web.cli.sign_in import sign_in
from web.cli.verifier import verifier


@click.group()
def web() -> None:
    """Serve a consortium's pages, and the same as JSON; the process holds no member's key."""


web.add_command(run)
web.add_command(relayer)
web.add_command(sign_in)
web.add_command(verifier)
