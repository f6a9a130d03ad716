"""`fedledger join`: from an invite to an address file, and from the network file to a member."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli.options import home_option, json_option, passphrase_option
from ledger.cli.screen import say
from ledger.config import Home
from ledger.errors import UsageError, plain
from ledger.formats.text import listed, plural
from participant.cli.joining.admission import founding_words
from participant.cli.node import joined_words

if TYPE_CHECKING:
    from ledger.config import Network
    from ledger.keys import Signer
    from participant.joining.documents import AddressFile, Invite

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(short_help="Join by an invite; then by the network file.")
@click.argument("file", type=FILE)
@click.option("--data", type=FILE, help="The private data to train on, kept in the home's settings.")
@click.option("--light", is_flag=True, help="A key that is cheap to guess, for the local test chain only.")
@click.option(
    "--rpc",
    multiple=True,
    help="A chain node of this party's own, in place of the file's; a further one is compared with it. May be given "
    "again; kept in the home's settings.",
)
@click.option("--output", type=FILE, help="Where to write the address file.  [default: the name, with .address.json]")
@click.option(
    "--accept-founders",
    is_flag=True,
    help="Join though it was founded with others than the invite named: you know them.",
)
@click.option(
    "--words",
    help="The founding's words, as a member whom you know read them to you: with others nothing is joined.",
)
@passphrase_option
@home_option
@json_option
def join(
    file: Path,
    data: Path | None,
    light: bool,
    rpc: tuple[str, ...],
    output: Path | None,
    accept_founders: bool,
    words: str | None,
    passphrase_file: Path | None,
    home: Home,
    as_json: bool,
) -> None:
    """Join a consortium. FILE is the invite, and after the founding the network file.

    Of an invite everything is checked first: who signed it, its time, the chain. Then a home and a key are made, unless
    there are, and an address file is written, to send back. Where the key is a member's by now, the home joins. A
    founding with others than the invite named is refused, with the difference; an invite that names nobody is refused.

    Exit codes: 0 done; 1 the file, or what was founded, is not what was signed or read; 2 wrong usage, expired, used,
    another chain, or not admitted yet; 3 unavailable.

    \b
    Example:  fedledger join south-clinic.invite.json --data patients.csv
    """
    from participant.joining.answering import check_invited, keep_nodes, make_answer
    from participant.joining.files import file_name, read_invitation, require_free, write
    from participant.joining.finishing import finish

    invite = read_invitation(file)
    if invite is None:
        facts = finish(file, home, rpc=rpc, accept_founders=accept_founders, words=words)
        said, _ = founding_words(home.network())
        say(as_json, f"{joined_words(facts)}\n{_after(home, given=words is not None)}", **facts, words=said)
        return
    _check_words(invite, words)
    if check_invited(home, invite, int(time.time()), rpc=rpc) and invite.network is not None:
        _join_admitted(invite.network, home, rpc, as_json, given=words is not None)
        return
    target = output or Path(file_name(invite.name, "address"))
    if not home.keystore.exists():
        require_free(target)
    signer = _signer(home, invite, data, light, passphrase_file)
    answer = make_answer(home, invite, signer)
    keep_nodes(home, rpc)
    write(target, answer.encode())
    _say(answer, target, home, as_json)


def _check_words(invite: "Invite", words: str | None) -> None:
    """Raises UsageError for words of a founding that is still to come, OtherWords for those of another one."""
    from participant.joining.finishing import check_words

    if words is None:
        return
    if invite.network is None:
        raise UsageError(
            "the invite is to a founding, which has no words yet",
            advice="leave --words out now; give them with the network file, after the founding",
            consortium=invite.consortium,
        )
    check_words(invite.network, words)


def _signer(home: Home, invite: "Invite", data: Path | None, light: bool, passphrase_file: Path | None) -> "Signer":
    """The home's key, made where there is none; what was named besides is kept either way."""
    from ledger.cli.connect import signer_of
    from participant.joining.home import keep_settings, make_home

    if home.keystore.exists():
        signer = signer_of(home.keystore, passphrase_file, invite.chain.id)
        keep_settings(home, name=invite.name, data=data)
        return signer
    return make_home(home, passphrase_file, name=invite.name, data=data, light=light)


def _join_admitted(network: "Network", home: Home, rpc: tuple[str, ...], as_json: bool, *, given: bool) -> None:
    """Join the network in an invite, whose admission was carried out."""
    from participant.node.join import join as run

    facts = run(network, home, rpc=rpc)
    words, _ = founding_words(network)
    say(as_json, f"{joined_words(facts)}\n{_after(home, given=given)}", **facts, words=words)


def _say(answer: "AddressFile", target: Path, home: Home, as_json: bool) -> None:
    from participant.joining.fingerprint import words_of

    invite, words = answer.invite, words_of(answer.digest)
    inviter = plain(invite.inviter.name)
    text = [
        f"{plain(invite.consortium)} on chain {invite.chain.id}: {inviter} invites {plain(invite.name)} as "
        f"{listed(invite.roles)}",
        f"  the invite's words: {words_of(invite.digest)}",
        f"  key {answer.key}, in {home.folder}",
        f"{target}: the answer",
        f"  its words: {words}",
        f"Next: send {target} to {inviter}, and read the answer's words to it by phone",
    ]
    if invite.network is None:
        text.append(f"  then, here, with the network file that comes back: {home.command('join', 'network.toml')}")
    else:
        text.append("  then, here, once the members have voted: the same command again")
    facts = {"address": answer.key, "file": str(target), "words": words, "invite_words": words_of(invite.digest)}
    say(as_json, "\n".join(text), **facts, home=str(home.folder), name=invite.name, roles=list(invite.roles))


def _after(home: Home, *, given: bool) -> str:
    """Who founded it, since no invite says so and a majority decides; and what comes next."""
    members = home.network().founding.members
    founders = [f"  {plain(member.name)}: {member.key}" for member in members]
    asked = f"Founded by {plural(len(members), 'member')}, whose majority decides: know each"
    _, words = founding_words(home.network(), given=given)
    following = f"Next: {home.command('doctor')}; then {home.command('node', 'run')}"
    return "\n".join([asked, *founders, *words, following])
