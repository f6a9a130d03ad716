"""`fedledger`: one command, whose groups are imported only when they are called. `EXIT_CODES` says how it ends."""

import gc
import json
import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoints, entry_points, version
from types import MappingProxyType

import click

from ledger import kernel
from ledger.cli.completion import VARIABLE
from ledger.cli.streams import translated
from ledger.errors import FedledgerError, plain, shown
from ledger.party.interrupts import raise_interrupts, settle_interrupt

DEFECT = 70
EXIT_CODES = (
    "Exit codes: 0 done or right, 1 refuted or not right, 2 wrong usage or input, 3 unavailable or unknown, 4 rejected "
    f"by the contract, {DEFECT} a defect of fedledger itself, 130 interrupted."
)
_STANDARD_ERROR = 2
LISTED = 120
"""Characters that a list of commands has for what each does: as many lines as that takes on the terminal."""
_NO_SOCKS = "SOCKS support in urllib3 requires"
"""A warning that requests hides while it loads urllib3, but not where another thread restores its filters meanwhile."""

_COMMANDS = {
    "audit": "ledger.cli.audit:audit",
    "backup": "ledger.cli.backup:backup",
    "bundle": "ledger.cli.bundles.bundle:bundle",
    "completion": "ledger.cli.completion:completion",
    "deploy": "ledger.cli.deploy:deploy",
    "evidence": "ledger.cli.evidence:evidence",
    "he": "ledger.cli.he.he:he",
    "job": "ledger.cli.job:job",
    "keys": "ledger.cli.keys:keys",
    "proposal": "ledger.cli.decisions.proposal:proposal",
    "refute": "ledger.cli.court.refute:refute",
    "release": "ledger.cli.releases.release:release",
    "restore": "ledger.cli.backup:restore",
    "scores": "ledger.cli.scores:scores",
    "seal": "ledger.cli.seals.seal:seal",
    "stats": "ledger.cli.statistics.stats:stats",
    "status": "ledger.cli.status:status",
    "store": "ledger.cli.store.store:store",
    "trace": "ledger.cli.trace:trace",
}


class Lazy(click.Group):
    """A group whose commands are named `module:attribute` and imported when asked for.

    Roles add theirs by entry points of the group `fedledger.commands`; a name with a dot (`job.create`) goes into the
    group before the dot.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*_COMMANDS, *(point.name for point in plugged() if "." not in point.name)])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        command: click.Command | None = None
        if cmd_name in _COMMANDS:
            module, attribute = _COMMANDS[cmd_name].split(":")
            command = getattr(import_module(module), attribute)
        for point in plugged():
            group, _, name = point.name.rpartition(".")
            if point.name == cmd_name:
                command = point.load()
            elif group == cmd_name and isinstance(command, click.Group):
                command.add_command(point.load(), name)
        if command is not None:
            _complete_help(command, EXIT_CODES)
        return command


def _complete_help(command: click.Command, of_group: str) -> None:
    """Every help says what the exit codes mean: in its own words, else in those of the nearest group that has some. And
    a list of commands wraps what each does where a terminal is narrow: click would cut it.
    """
    command.short_help = command.short_help or command.get_short_help_str(LISTED)
    own = next((part for part in (command.help or "").split("\n\n") if "Exit codes:" in part), "")
    if isinstance(command, click.Group):
        for one in command.commands.values():
            _complete_help(one, own or of_group)
    elif not own and "Exit codes:" not in (command.epilog or ""):
        command.epilog = "\n\n".join(filter(None, [command.epilog, of_group]))


def _say_version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    """The version, and which functions do the work on every byte."""
    if asked and not ctx.resilient_parsing:
        click.echo(f"fedledger {version('fedledger')}\nkernel: {kernel.in_use()}")
        ctx.exit()


@click.group(
    cls=Lazy,
    epilog=f"{EXIT_CODES} With --json, before or after the command, errors are JSON too, on the error stream.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_say_version,
    help="Show the version and the kernel in use, and exit.",
)
def fedledger() -> None:
    """Train one model together, keep the data at home, and let anyone check every step.

    \b
    Try it:        fedledger demo
    Your tables:   fedledger sandbox --data A.csv B.csv C.csv --label COLUMN
    Take part:     fedledger join INVITE.json, then node run
    Check it all:  fedledger audit --network NETWORK.toml
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit; the one place where errors become words."""
    _open_streams()
    warnings.filterwarnings("ignore", _NO_SOCKS)
    given = _json_last(sys.argv[1:] if arguments is None else arguments)
    raise_interrupts()
    if VARIABLE in os.environ:
        fedledger.main(prog_name="fedledger", complete_var=VARIABLE)  # answers the shell, and exits
    try:
        code = fedledger.main(given, standalone_mode=False)  # an exit code that a command asked for comes back so
        sys.stdout.flush()
    except BaseException as error:
        code = _report(translated(error), as_json="--json" in given)
        if code == DEFECT and os.environ.get("FEDLEDGER_DEBUG"):
            raise
    gc.freeze()  # what is loaded is not looked through once more to end: a fifth of a second
    if code:
        sys.exit(code)


def _open_streams() -> None:
    """A stream that was closed before this process began gives nothing, or takes everything: what was asked is done.
    No file that is opened later has its descriptor, here or in what this process starts.
    """
    while (null := os.open(os.devnull, os.O_RDWR)) <= _STANDARD_ERROR:
        os.set_inheritable(null, True)
    os.close(null)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115


def _json_last(arguments: Sequence[str]) -> list[str]:
    """The words as they are typed, but --json, which every command takes at its end, also before the command."""
    given = list(arguments)
    end = given.index("--") if "--" in given else len(given)
    asked = ["--json"] if "--json" in given[:end] else []
    return [*(word for word in given[:end] if word != "--json"), *asked, *given[end:]]


def _report(error: BaseException, *, as_json: bool) -> int:
    """Print an error: what, expected, actual, the way out; the exit code."""
    if isinstance(error, click.ClickException):
        if not as_json:
            with _if_heard():
                error.show()
        return _print(error.exit_code, "UsageError", error.format_message(), as_json=as_json, quiet=not as_json)
    if isinstance(error, click.Abort | KeyboardInterrupt):
        cause = error.__cause__ if isinstance(error, click.Abort) else error  # click wraps an interrupt
        said = str(cause) if isinstance(cause, KeyboardInterrupt) else ""
        message = ": ".join(filter(None, ["interrupted", said]))
        return _print(settle_interrupt(), "Interrupted", message, as_json=as_json)
    if isinstance(error, FedledgerError):
        facts = {name: value if isinstance(value, int) else shown(value) for name, value in error.facts.items()}
        message = error.message if as_json else click.style("error: ", fg="red", bold=True) + str(error)
        return _print(error.exit_code, error.kind, message, error.advice, facts, as_json=as_json)
    message = f"defect in fedledger: {type(error).__name__}: {plain(str(error))}"
    return _print(
        DEFECT, "Defect", message, "FEDLEDGER_DEBUG=1 shows where it happened; please report it", as_json=as_json
    )


def _print(
    code: int,
    kind: str,
    message: str,
    advice: str = "",
    facts: Mapping[str, object] = MappingProxyType({}),
    *,
    as_json: bool,
    quiet: bool = False,
) -> int:
    with _if_heard():
        if as_json:
            document = {"error": kind, "message": message, "advice": advice, "facts": dict(facts)}
            click.echo(json.dumps(document), err=True)
        elif not quiet:
            click.echo(message + (f"\n  try: {advice}" if advice else ""), err=True)
    return code


@contextmanager
def _if_heard() -> Iterator[None]:
    """Where standard error takes nothing, the exit code alone tells."""
    try:
        yield
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), _STANDARD_ERROR)  # else the interpreter fails again when it ends


@cache
def plugged() -> EntryPoints:
    """The commands that packages add; to look through what is installed takes 6 ms, which a process spends once."""
    return entry_points(group="fedledger.commands")


if __name__ == "__main__":
    main()
