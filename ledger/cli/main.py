"""`fedledger`: one command, whose groups are imported only when they are called.

Exit codes: 0 done or verified, 1 refuted, 2 wrong usage or malformed input, 3 unavailable or unknown, 4 rejected by
the contract, 70 a defect of fedledger itself, 130 interrupted.
"""

import errno
import json
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import EntryPoints, entry_points, version

import click

from ledger.errors import FedledgerError, Unavailable, plain

DEFECT = 70
INTERRUPTED = 130
_UNWRITABLE = frozenset({errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EBADF, errno.EDQUOT})

_COMMANDS = {
    "audit": "ledger.cli.audit:audit",
    "demo": "ledger.cli.demo:demo",
    "deploy": "ledger.cli.deploy:deploy",
    "job": "ledger.cli.job:job",
    "keys": "ledger.cli.keys:keys",
    "status": "ledger.cli.status:status",
    "store": "ledger.cli.store:store",
    "trace": "ledger.cli.trace:trace",
    "up": "ledger.cli.up:up",
    "web": "ledger.cli.web:web",
}


class Lazy(click.Group):
    """A group whose commands are named `module:attribute` and imported when asked for.

    Roles add theirs by entry points of the group `fedledger.commands`; a name with a dot (`job.create`) goes into the
    group before the dot.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*_COMMANDS, *(point.name for point in _plugged() if "." not in point.name)])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        command: click.Command | None = None
        if cmd_name in _COMMANDS:
            module, attribute = _COMMANDS[cmd_name].split(":")
            command = getattr(import_module(module), attribute)
        for point in _plugged():
            group, _, name = point.name.rpartition(".")
            if point.name == cmd_name:
                command = point.load()
            elif group == cmd_name and isinstance(command, click.Group):
                command.add_command(point.load(), name)
        return command


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version("fedledger"), prog_name="fedledger")
def fedledger() -> None:
    """Train one model together, keep the data at home, and let anyone check every step.

    \b
    Try it:        fedledger demo
    Take part:     fedledger node init, then node join, then node run
    Check it all:  fedledger audit --network NETWORK.toml

    Exit codes: 0 done or verified, 1 refuted, 2 wrong usage or input, 3 unavailable or unknown, 4 rejected by the
    contract, 70 a defect of fedledger itself, 130 interrupted. With --json, errors are JSON too, on the error stream.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit; the one place where errors become words."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    code = _run(given, as_json="--json" in given)
    if code:
        sys.exit(code)


def _run(given: list[str], *, as_json: bool) -> int:
    """The exit code. Without click's standalone mode an exit code that a command asks for is what `main` returns."""
    try:
        asked = fedledger.main(given, standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        if as_json:
            _print_json("UsageError", error.format_message())
        else:
            error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        if as_json:
            _print_json("Interrupted", "interrupted")
        else:
            click.echo("interrupted", err=True)
        return INTERRUPTED
    except FedledgerError as error:
        _explain(error, as_json=as_json)
        return error.exit_code
    except OSError as error:
        if error.filename is not None or error.errno not in _UNWRITABLE:
            return _defect(error, as_json=as_json)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter fails again when it ends
        _explain(Unavailable(f"the output could not be written: {error.strerror}"), as_json=as_json)
        return Unavailable.exit_code
    except Exception as error:
        return _defect(error, as_json=as_json)
    return asked if isinstance(asked, int) else 0


def _defect(error: Exception, *, as_json: bool) -> int:
    if os.environ.get("FEDLEDGER_DEBUG"):
        raise error
    what, advice = f"{type(error).__name__}: {error}", "Please report it; FEDLEDGER_DEBUG=1 shows where it happened."
    if as_json:
        _print_json("Defect", what, advice)
    else:
        click.echo(f"defect in fedledger: {plain(what)}\n{advice}", err=True)
    return DEFECT


def _explain(error: FedledgerError, *, as_json: bool) -> None:
    """Print an error: what, expected, actual, the way out."""
    if as_json:
        facts = {name: value if isinstance(value, int) else str(value) for name, value in error.facts.items()}
        _print_json(type(error).__name__, error.message, error.advice, facts)
        return
    click.echo(click.style("error: ", fg="red", bold=True) + str(error), err=True)
    if error.advice:
        click.echo(f"  try: {error.advice}", err=True)


def _print_json(kind: str, message: str, advice: str = "", facts: Mapping[str, object] | None = None) -> None:
    document = {"error": kind, "message": message, "advice": advice, "facts": facts or {}}
    click.echo(json.dumps(document), err=True)


def _plugged() -> EntryPoints:
    return entry_points(group="fedledger.commands")


if __name__ == "__main__":
    main()
