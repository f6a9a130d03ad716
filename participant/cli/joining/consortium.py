"""`fedledger consortium`: found one, and let others in."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from ledger.cli.deploy import chain_options, deploy_paid, network_facts, network_words, require_writable, write_network
from ledger.cli.options import home_option, json_option, passphrase_option, roles_option, rules_options
from ledger.cli.screen import print_json, say
from ledger.config import LOCAL_CHAIN, Chain, Home, Network, SealKind
from ledger.config import RoleWord as Word
from ledger.errors import Unavailable, UsageError, plain
from ledger.formats.text import command, listed, plural
from participant.cli.joining.admission import compare, founder_key, founding_words, propose
from participant.cli.joining.invite import ROLES, expires_option, following, output_option, write_invites

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ledger.chain.consortium_file import Founder
    from ledger.events.records import Rules
    from ledger.keys import Signer
    from participant.joining.documents import InviteChain
    from participant.joining.founding import FoundingFile

FILES = click.argument("files", metavar="ADDRESS_FILE...", type=click.Path(path_type=Path, dir_okay=False), nargs=-1)
yes_option = click.option("--yes", is_flag=True, help="The words were compared: do not ask.")


@click.group(short_help="Found a consortium, and let others in.")
def consortium() -> None:
    """Found a consortium, and let others in.

    \b
    The founder:  fedledger consortium new, then invite
    Each invited: fedledger join INVITE, which makes an address file
    The founder:  fedledger consortium start with the address files
    Each:         fedledger join network.toml

    Exit codes: 0 done, 1 a file is not what was signed, 2 wrong usage, expired or used, 3 unavailable, 4 rejected by
    the contract.
    """


@consortium.command(short_help="Begin a founding: this party's home and key, and invites.")
@click.option("--name", help="What the consortium is called.  [default: ask]")
@click.option("--party", help="What this party is called, on every screen and for good.  [default: ask]")
@click.option("--invite", "invited", multiple=True, metavar="NAME", help="Invite NAME at once. May be given again.")
@roles_option(default=ROLES)
@expires_option
@output_option
@rules_options
@click.option("--rpc", default="http://127.0.0.1:8545", show_default=True, help="The chain's JSON-RPC address.")
@click.option("--light", is_flag=True, help="A key that is cheap to guess, for the local test chain only.")
@click.option("--data", type=click.Path(path_type=Path, dir_okay=False), help="The private data to train on.")
@passphrase_option
@home_option
@json_option
def new(
    name: str | None,
    party: str | None,
    invited: tuple[str, ...],
    roles: tuple[Word, ...],
    expires: int,
    output: Path,
    rpc: str,
    light: bool,
    data: Path | None,
    passphrase_file: Path | None,
    home: Home,
    as_json: bool,
    **rules: int | None,
) -> None:
    """Begin to found a consortium: make this party's home and key, unless there are, and the invites.

    The chain must run: its id stands in the invites. Nothing is sent to it yet. Rules of votes that are not given are
    a majority of all members, a week to vote, a day before anything happens.

    \b
    Example:  fedledger consortium new --name "Three clinics" --party "North clinic" --invite "South clinic"
    """
    from participant.joining.files import file_name, require_free
    from participant.joining.founding import begin, save_founding
    from participant.joining.inviting import invite_to_founding

    called, founder = _asked(name, "Name of the consortium"), _asked(party, "Name of this party")
    begun = begin(home, called, founder, roles, _chain_at(rpc, home), _rules(rules))
    for one in invited:
        require_free(output / file_name(one, "invite"))
    signer = _key(home, begun, passphrase_file, data, light, needed=bool(invited))
    begun = begun.with_founder(signer if isinstance(signer, str) else signer.address)
    save_founding(home, begun)
    lines = [f"{plain(begun.name)} on chain {begun.chain.id} is begun, in {home.folder}"]
    lines.append(f"  {plain(founder)} has the key {begun.founder.key}, and is {listed(roles)}")
    facts: dict[str, Any] = {"name": begun.name, "address": begun.founder.key, "chain_id": begun.chain.id}
    if isinstance(signer, str):
        lines.append(f"Next: {home.command('invite', 'NAME')}, with the name of each other party")
    else:
        made = invite_to_founding(home, begun, signer, invited, roles, int(time.time()) + expires)
        more, said = write_invites(made, output)
        facts, lines = facts | more, [*lines, *said, *following(home, made)]
    say(as_json, "\n".join(lines), **facts, home=str(home.folder))


@consortium.command(short_help="Found it, with those who have answered.")
@FILES
@click.option("--rpc", help="The chain's JSON-RPC address.  [default: the one in the invites]")
@click.option(
    "--keystore",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Key that pays; it gets no rights.  [default: the home's; on the local chain, one made for the purpose]",
)
@chain_options
@click.option("--incomplete", is_flag=True, help="Found without those who have not answered.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default="network.toml",
    show_default=True,
    help="Where to write the network file, for all members.",
)
@yes_option
@passphrase_option
@home_option
@json_option
def start(
    files: tuple[Path, ...],
    rpc: str | None,
    keystore: Path | None,
    gas_price: Literal["zero", "market"],
    confirmations: int,
    seals: SealKind,
    incomplete: bool,
    output: Path,
    yes: bool,
    passphrase_file: Path | None,
    home: Home,
    as_json: bool,
) -> None:
    """Take the address files of those who were invited, deploy the contracts with all of them, and join.

    It writes the network file, which is the same for all members, and pins chain, contracts and code.

    \b
    Example:  fedledger consortium start south-clinic.address.json west-clinic.address.json
    """
    from participant.joining.documents import check_node
    from participant.joining.finishing import finish

    if rpc:
        check_node(rpc)
    founding = _taken(home, files, yes=yes)
    founders = founding.require_ready(home, incomplete=incomplete)
    if output.exists():
        advice = f"if it is of this founding: {home.command('join', output)}; else name another place: --output"
        raise UsageError("there is a network file already", advice=advice, file=str(output))
    require_writable(output)
    chain = Chain(
        id=founding.chain.id,
        rpc=rpc or founding.chain.rpc,
        gas_price=gas_price,
        seals=seals,
        confirmations=confirmations,
    )
    network = _deploy(home, founding, founders, chain, keystore, passphrase_file)
    write_network(output, network)
    finish(output, home)
    others = listed(one.name for one in network.founding.members[1:])
    words, said = founding_words(network)
    lines = [*network_words(network), f"{plain(founding.founder.name)} has joined", *said, "Next:"]
    lines.append(f"  send {output} to {plain(others)}; there: {command('join', output.name)}")
    lines.append(f"  then, here: {home.command('doctor')}")
    say(as_json, "\n".join(lines), **network_facts(network, output), words=words)


@consortium.command(short_help="Take an address file: into the founding, or as a proposal to admit.")
@FILES
@yes_option
@passphrase_option
@home_option
@json_option
def add(files: tuple[Path, ...], yes: bool, passphrase_file: Path | None, home: Home, as_json: bool) -> None:
    """Take the address files of those who were invited. Before the founding they are kept for it; afterwards each
    becomes a proposal to admit, on which the members vote.

    \b
    Example:  fedledger consortium add east-clinic.address.json
    """
    from participant.joining.inviting import require_place

    if not files:
        raise click.UsageError("name an address file at least: what `fedledger join INVITE` made")
    if require_place(home) is None:
        propose(home, files, yes, passphrase_file, as_json)
        return
    founding = _taken(home, files, yes=yes)
    lines = [f"{plural(len(founding.founders()), 'member')} so far: {listed(one.name for one in founding.founders())}"]
    lines.append(f"Next: {_next(home, founding)}")
    say(as_json, "\n".join(lines), members=[one.name for one in founding.founders()], waiting=founding.waiting)


@consortium.command(short_help="Show a founding: who was invited, and who answered.")
@home_option
@json_option
def show(home: Home, as_json: bool) -> None:
    """Show this home's founding: who was invited, who has answered, and what comes next.

    \b
    Example:  fedledger consortium show
    """
    from participant.joining.inviting import require_place

    founding = require_place(home)
    if founding is None:
        raise UsageError("this home's consortium is founded", advice=home.command("status"), home=str(home.folder))
    if as_json:
        import msgspec

        print_json(msgspec.to_builtins(founding))
        return
    from participant.joining.checks import day_text

    lines = [f"{plain(founding.name)}, on chain {founding.chain.id}: not founded yet"]
    lines.append(f"  {plain(founding.founder.name)}, {listed(founding.roles)}: the founder, key {founding.founder.key}")
    for one in founding.invited:
        state = f"key {one.key}" if one.answered else f"no answer yet; the invite is good until {day_text(one.expires)}"
        lines.append(f"  {plain(one.name)}, {listed(one.roles)}: {state}")
    lines.append(f"Next: {_next(home, founding)}")
    click.echo("\n".join(lines))


def _next(home: Home, founding: "FoundingFile") -> str:
    """The founder's next command."""
    from participant.joining.files import file_name

    files = [file_name(name, "address") for name in founding.waiting]
    if len(founding.invited) < 2:
        return home.command("invite", "NAME")
    return f"{home.command('consortium', 'start', *files)}{', once these files have come' if files else ''}"


def _asked(text: str | None, what: str) -> str:
    """What was given, else what is typed. Raises UsageError where nobody is there to ask."""
    if text is not None:
        return text
    try:
        return str(click.prompt(what))
    except click.Abort as error:
        if not isinstance(error.__context__, EOFError):
            raise  # somebody interrupted
        raise UsageError("nobody answered: the input ended", advice="pass --name and --party") from error


def _chain_at(rpc: str, home: Home) -> "InviteChain":
    """The chain that a node serves. Raises Unavailable where it does not answer."""
    from ledger.chain.rpc import Rpc
    from ledger.http.outgoing import Outgoing
    from participant.joining.documents import InviteChain

    node = Rpc(rpc, outgoing=Outgoing(home.http()))
    try:
        return InviteChain(id=node.chain_id(), rpc=rpc)
    except Unavailable as error:
        advice = "name a node of your chain with --rpc; to try it on this machine: fedledger up, in another terminal"
        raise Unavailable(error.message, advice=advice, **error.facts) from error
    finally:
        node.close()


def _rules(given: "Mapping[str, int | None]") -> "Rules":
    import msgspec

    from ledger.chain.consortium_file import DEFAULT_RULES

    changes = {name: value for name, value in given.items() if value is not None}
    return msgspec.structs.replace(DEFAULT_RULES, **changes)


def _key(
    home: Home, begun: "FoundingFile", passphrase_file: Path | None, data: Path | None, light: bool, *, needed: bool
) -> "Signer | str":
    """The founder's key, made where there is none; its address alone where nothing is signed and it is there. What was
    named besides is kept either way.
    """
    from ledger.cli.connect import signer_of
    from ledger.keys import address_of
    from participant.joining.home import keep_settings, make_home

    if not home.keystore.exists():
        made = make_home(home, passphrase_file, name=begun.founder.name, data=data, light=light)
        return made if needed else made.address
    signer = signer_of(home.keystore, passphrase_file, begun.chain.id) if needed else address_of(home.keystore)
    keep_settings(home, name=begun.founder.name, data=data)
    return signer


def _taken(home: Home, files: Sequence[Path], *, yes: bool) -> "FoundingFile":
    """The home's founding, with what these files answer; kept. Asks whether their words were compared."""
    from participant.joining.admitting import read_address
    from participant.joining.founding import answer_all, save_founding
    from participant.joining.inviting import require_place

    def present() -> "FoundingFile":
        if (founding := require_place(home)) is None:
            raise UsageError("this home's consortium is founded", advice=home.command("consortium", "add", "FILE"))
        return founding

    before = present()
    addresses = [read_address(file, int(time.time())) for file in files]
    answer_all(before, addresses)
    compare(addresses, yes=yes)
    answered = answer_all(present(), addresses)  # meanwhile others may have been invited
    save_founding(home, answered)
    return answered


def _deploy(
    home: Home,
    founding: "FoundingFile",
    founders: "Sequence[Founder]",
    chain: Chain,
    keystore: Path | None,
    passphrase_file: Path | None,
) -> Network:
    """The network file, signed by the founder, whose key is opened before anything is deployed."""
    from ledger.http.outgoing import Outgoing
    from participant.joining.founding import signed_founding

    signer = founder_key(home, founding, passphrase_file)
    paying = keystore or (None if chain.id == LOCAL_CHAIN else home.keystore)
    outgoing = Outgoing(home.http())
    network = deploy_paid(founding.name, founders, founding.rules, chain, paying, passphrase_file, outgoing)
    return signed_founding(network, signer)
