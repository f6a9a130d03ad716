"""`fedledger invite`: one signed file for each party that is to join."""

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.options import home_option, json_option, passphrase_option, roles_option
from ledger.cli.screen import say
from ledger.config import Home, RoleWord
from ledger.errors import plain
from ledger.formats.text import command, listed

if TYPE_CHECKING:
    from participant.joining.documents import Invite

_UNITS = {"m": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400}
ROLES = "participant,aggregator"


def _seconds(_context: click.Context, _parameter: click.Parameter, text: str) -> int:
    found = re.fullmatch(r"([1-9][0-9]{0,5})([mhdw])", text)
    if found is None:
        raise click.BadParameter("a number and m, h, d or w, such as 14d")
    return int(found[1]) * _UNITS[found[2]]


expires_option = click.option(
    "--expires",
    default="14d",
    show_default=True,
    callback=_seconds,
    help="How long invites are good: a number and m, h, d or w.",
)
output_option = click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path(),
    help="Folder for the invites' files.  [default: this one]",
)


@click.command(short_help="Invite others to the consortium: a file for each.")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@roles_option(default=ROLES)
@expires_option
@output_option
@passphrase_option
@home_option
@json_option
def invite(
    names: tuple[str, ...],
    roles: tuple[RoleWord, ...],
    expires: int,
    output: Path,
    passphrase_file: Path | None,
    home: Home,
    as_json: bool,
) -> None:
    """Write an invite for each NAME, which is what the newcomer will be called: one file, signed with this home's key.

    It names the consortium, the roles, the chain, and, once founded, its contracts. The newcomer answers with
    `fedledger join`. It is good once, until it expires; anyone who has it can answer it, so compare words by phone.

    Exit codes: 0 written, 2 wrong usage, 3 unavailable.

    \b
    Example:  fedledger invite "South clinic" "West clinic" --expires 7d
    """
    from ledger.cli.connect import signer_of, unlocked
    from ledger.config import load_network
    from participant.joining.files import file_name, require_free
    from participant.joining.inviting import invite_as_member, invite_to_founding, require_place

    founding = require_place(home)
    home.require_key()
    for name in names:
        require_free(output / file_name(name, "invite"))
    until = int(time.time()) + expires
    if founding is not None:
        signer = signer_of(home.keystore, passphrase_file, founding.chain.id)
        made = invite_to_founding(home, founding, signer, names, roles, until)
    else:
        with unlocked(home, passphrase_file) as (connection, member):
            network = load_network(home.network_file)
            made = invite_as_member(connection, network, member, names, roles, until)
    facts, lines = write_invites(made, output)
    if founding is not None and (before := sorted({one.name for one in founding.invited} - set(names))):
        who = plain(listed(before))
        lines.append(
            f"  the earlier invites of {who} do not name {plain(listed(names))}: they are asked to accept that "
            "when they join, unless you invite them again"
        )
    say(as_json, "\n".join([*lines, *following(home, made)]), **facts)


def write_invites(made: "Sequence[Invite]", folder: Path) -> tuple[dict[str, Any], list[str]]:
    """Write invites into a folder: what was written, for programs and for people."""
    from participant.joining.checks import day_text
    from participant.joining.files import file_name, write
    from participant.joining.fingerprint import words_of

    lines, facts = [], []
    for one in made:
        path, words = folder / file_name(one.name, "invite"), words_of(one.digest)
        write(path, one.encode())
        lines.append(f"{path}: {plain(one.name)} is invited as {listed(one.roles)}, until {day_text(one.expires)}")
        lines.append(f"  its words: {words}")
        facts.append({"name": one.name, "file": str(path), "words": words, "expires": one.expires})
    return {"invites": facts}, lines


def following(home: Home, made: "Sequence[Invite]") -> list[str]:
    """What comes next, and for whom."""
    from participant.joining.files import file_name

    lines = ["Next:"]
    for one in made:
        lines.append(f"  send {plain(one.name)} its file; there: {command('join', file_name(one.name, 'invite'))}")
    answers = [file_name(one.name, "address") for one in made]
    doing = "start" if made[0].network is None else "add"
    lines.append(f"  then, here, with what comes back: {home.command('consortium', doing, *answers)}")
    return lines
