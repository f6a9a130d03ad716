"""What commands share: options, under the same name and with the same meaning everywhere, and a kind of group."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, get_args

import click

from ledger.config import Home, RoleWord

F = TypeVar("F", bound=Callable[..., Any])
WIDE = "fedledger.wide"
"""In click's context: whether --wide was given."""


class ShownByDefault(click.Group):
    """A group whose command `show` may be left out: `fedledger scores 1` is `fedledger scores show 1`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["show", *args]
        return super().parse_args(ctx, args)


def home_option(function: F) -> F:
    """--home: passes `home`, a Home."""
    return click.option(
        "--home",
        type=click.Path(path_type=Path, file_okay=False),
        envvar="FEDLEDGER_HOME",
        callback=lambda _context, _parameter, value: Home.at(value),
        help="This party's folder.  [default: $FEDLEDGER_HOME or ~/.fedledger]",
    )(function)


def json_option(function: F) -> F:
    """--json: passes `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")(function)


def wide_option(function: F) -> F:
    """--wide: passes nothing; what prints asks `tables.whole`."""
    return click.option(
        "--wide",
        is_flag=True,
        expose_value=False,
        callback=lambda context, _parameter, value: context.meta.__setitem__(WIDE, value),
        help="Show every value whole, as where the output is piped.",
    )(function)


def rules_options(function: F) -> F:
    """How members decide: passes `majority`, `vote_seconds`, `delay_seconds` and `execute_seconds`; None: not given."""
    options = (
        click.option("--majority", type=int, help="More than this part of all members must be for it, in 1/10,000."),
        click.option("--vote-seconds", type=int, help="Time to vote."),
        click.option("--delay-seconds", type=int, help="Time between the end of the vote and its execution."),
        click.option("--execute-seconds", type=int, help="Time in which it can be executed."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def roles_option(default: str | None) -> Callable[[F], F]:
    """--roles: passes `roles`, its names in order."""
    return click.option(
        "--roles",
        required=default is None,
        default=default,
        show_default=default is not None,
        callback=lambda _context, _parameter, text: _roles(text),
        help="Its roles, with commas: participant, aggregator, scorer. Every member attests and votes.",
    )


def _roles(text: str) -> tuple[RoleWord, ...]:
    """Raises click's UsageError for a word that is not a role."""
    names = tuple(name.strip().lower() for name in text.split(","))
    known = get_args(RoleWord)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise click.UsageError(f"{unknown[0]!r} is not a role; roles are {', '.join(known)}")
    return tuple(role for role in known if role in names)


def workers_options(work: str) -> Callable[[F], F]:
    """--workers and --engine: what so many do side by side, and where. Passes `workers` and `engine`."""

    def decorate(function: F) -> F:
        engine = click.option(
            "--engine",
            type=click.Choice(["processes", "ray"]),
            default="processes",
            show_default=True,
            help="Processes here, or a Ray cluster: the one that RAY_ADDRESS names, else one begun here "
            "(fedledger[ray]).",
        )
        return click.option("--workers", type=click.IntRange(1, 256), help=work)(engine(function))

    return decorate


def network_option(function: F) -> F:
    """--network: passes `network_file`, a path or None."""
    return click.option(
        "--network",
        "network_file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="The consortium's network file, in place of the home's. What only reads then needs no home and no key.",
    )(function)


def rpc_option(function: F) -> F:
    """--rpc: passes `rpc`, a URL or None."""
    return click.option("--rpc", help="With --network: use this chain node, best your own, instead of the file's.")(
        function
    )


def proxy_option(function: F) -> F:
    """--proxy: passes `proxies`, addresses and networks of those in front of a server."""
    help_ = "Address or network of a proxy in front, whose X-Forwarded-For names the clients. May be repeated."
    return click.option("--proxy", "proxies", multiple=True, help=help_)(function)


def rate_option(function: F) -> F:
    """--rate: passes `rate`, what a server takes from one address."""
    help_ = "Requests a second from one address; 0 for any number."
    return click.option("--rate", type=click.FloatRange(min=0), default=50.0, show_default=True, help=help_)(function)


def poll_option(function: F) -> F:
    """--poll: passes `poll`, seconds."""
    help_ = "Seconds between two looks, at most; 2.4 at least among 255 members of one machine."
    return click.option("--poll", type=click.FloatRange(0.05, 3600), default=2.0, show_default=True, help=help_)(
        function
    )


def job_option(function: F) -> F:
    """--job: passes `job`, a number or None."""
    return click.option("--job", type=click.IntRange(min=1), help="Number of the job.  [default: the latest]")(function)


def passphrase_option(function: F) -> F:
    """--passphrase-file: passes `passphrase_file`; without it the terminal asks."""
    return click.option(
        "--passphrase-file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="File, mode 0600, whose first line is the keystore's passphrase.  [default: ask]",
    )(function)


def payer_options(function: F) -> F:
    """--network, --keystore, --passphrase-file and --home, under the names that `connect.pay` takes."""
    keystore = click.option(
        "--keystore",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Key that pays; any key may.  [default: the home's]",
    )
    return network_option(keystore(passphrase_option(home_option(function))))
