"""`fedledger deploy`: found a consortium on a chain."""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

import click

from ledger.cli.options import home_option, json_option, passphrase_option
from ledger.cli.screen import say
from ledger.config import LOCAL_CHAIN, MAX_CONFIRMATIONS, Chain, Home, Network, SealKind, save, sealed_by, text_of
from ledger.errors import Unavailable, UsageError
from ledger.formats.text import command, plural

if TYPE_CHECKING:
    from ledger.chain.consortium_file import Founder
    from ledger.events.records import Rules
    from ledger.http.outgoing import Outgoing
    from ledger.keys import LocalSigner


F = TypeVar("F", bound=Callable[..., Any])


def chain_options(function: F) -> F:
    """What a founding pins of its chain: passes `gas_price`, `confirmations` and `seals`."""
    options = (
        click.option(
            "--gas-price",
            type=click.Choice(["zero", "market"]),
            default="zero",
            show_default=True,
            help="What transactions offer: nothing, on a chain that asks no fees, or what the market asks.",
        ),
        click.option(
            "--confirmations",
            type=click.IntRange(0, MAX_CONFIRMATIONS),
            default=0,
            show_default=True,
            help="Blocks that must follow before members show or sign because of one: as many as the chain may take "
            "back.",
        ),
        click.option(
            "--seals",
            type=click.Choice(get_args(SealKind)),
            default="none",
            show_default=True,
            help="Pin the chain's validators: audits check by this rule that they sealed its blocks.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


@click.command(short_help="Deploy the contracts; write the network file.")
@click.argument("consortium", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--rpc", default="http://127.0.0.1:8545", show_default=True, help="The chain's JSON-RPC address.")
@click.option(
    "--keystore",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Key that pays; it gets no rights.  [default: on the local chain, a key made for the purpose]",
)
@passphrase_option
@click.option(
    "--output",
    "--out",
    "output",
    type=click.Path(path_type=Path, dir_okay=False),
    default="network.toml",
    show_default=True,
    help="Where to write the network file, for all members.",
)
@chain_options
@home_option
@json_option
def deploy(
    consortium: Path,
    rpc: str,
    keystore: Path | None,
    passphrase_file: Path | None,
    output: Path,
    gas_price: Literal["zero", "market"],
    confirmations: int,
    seals: SealKind,
    home: Home,
    as_json: bool,
) -> None:
    """Deploy the contracts for the members named in CONSORTIUM, and write the network file that pins them.

    \b
    CONSORTIUM is a TOML file:
        fedledger = "consortium/1"
        name = "Four hospitals"
        [[members]]
        name = "North"
        key = "0x…"                              # its key's address
        roles = ["participant", "aggregator"]    # or "scorer"; every member attests and votes
    It may have a table [rules]: how members decide. See docs/spec/ballot.md.

    Proxy, authorities and credentials for the chain's node are those of [http] in the home's node.toml, if there is
    one, else the environment's. See docs/spec/network.md.

    \b
    Example:  fedledger deploy consortium.toml --rpc http://127.0.0.1:8545
    """
    from ledger.chain.consortium_file import load_consortium
    from ledger.chain.rpc import Rpc
    from ledger.http.outgoing import Outgoing

    require_writable(output)
    founding, outgoing = load_consortium(consortium), Outgoing(home.http())
    chain = Chain(
        id=Rpc(rpc, outgoing=outgoing).chain_id(),
        rpc=rpc,
        gas_price=gas_price,
        seals=seals,
        confirmations=confirmations,
    )
    founders = founding.founders()
    network = deploy_paid(founding.name, founders, founding.rules, chain, keystore, passphrase_file, outgoing)
    write_network(output, network)
    following = f"Give {output} to every member: {command('node', 'join', output)}"
    say(as_json, "\n".join([*network_words(network), following]), **network_facts(network, output))


def require_writable(output: Path) -> None:
    """Raise UsageError before anything is deployed whose network file could not be written."""
    if output.exists():
        raise UsageError("the network file exists already; it is not overwritten", file=str(output))
    if not os.access(output.absolute().parent, os.W_OK):
        raise UsageError(
            "the network file cannot be written there", advice="name another place: --output", file=str(output)
        )


def deploy_paid(
    name: str,
    founders: "Sequence[Founder]",
    rules: "Rules",
    chain: Chain,
    keystore: Path | None,
    passphrase_file: Path | None,
    outgoing: "Outgoing",
) -> Network:
    """Deploy, paid by a key; on the local chain without one, by a key made for the purpose."""
    from ledger.chain.deploy import deploy as deploy_contracts

    with _outbox(keystore) as outbox:
        signer = _payer(keystore, passphrase_file, chain.id)
        return deploy_contracts(chain, signer, name, founders, outbox, rules=rules, outgoing=outgoing)


@contextmanager
def _outbox(keystore: Path | None) -> Iterator[Path]:
    """Where the key's transactions lie that are on their way: beside it, or nowhere for a key made for the purpose."""
    if keystore is not None:
        yield keystore.parent / "outbox"
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def _payer(keystore: Path | None, passphrase_file: Path | None, chain_id: int) -> "LocalSigner":
    from ledger.keys import ephemeral, read_passphrase, unlock

    if keystore is not None:
        return unlock(keystore, read_passphrase(passphrase_file), chain_id=chain_id)
    if chain_id != LOCAL_CHAIN:
        raise UsageError(
            "on this chain a key must pay for the deployment", advice="name it with --keystore", chain_id=chain_id
        )
    return ephemeral()


def write_network(output: Path, network: Network) -> None:
    """Write the network file; where that fails, print it, since the contracts are on chain by now."""
    try:
        save(output, network)
    except Unavailable:
        problem = "The contracts are deployed, but their network file is not written. It is:"
        click.echo(f"{problem}\n{text_of(network)}", err=True)
        raise


def network_facts(network: Network, output: Path) -> dict[str, Any]:
    """What was deployed, for programs."""
    contracts = network.contracts
    return {
        "network_file": str(output),
        "chain_id": network.chain.id,
        "confirmations": network.chain.confirmations,
        "consortium": contracts.consortium.address,
        "ledger": contracts.ledger.address,
        "scores": contracts.scores.address,
        "releases": contracts.releases.address,
        "ballots": contracts.ballots.address,
        "masks": contracts.masks.address,
        "budgets": contracts.budgets.address,
        "court": contracts.court.address,
        "members": len(network.founding.members),
        "seals": network.chain.seals,
        "validators": network.founding.validators,
    }


def network_words(network: Network) -> list[str]:
    """What was deployed, line by line."""
    contracts = network.contracts
    return [
        f"{network.name}: {plural(len(network.founding.members), 'member')} on chain {network.chain.id}",
        f"  Consortium      {contracts.consortium.address}",
        f"  RoundLedger     {contracts.ledger.address}",
        f"  ScoreBoard      {contracts.scores.address}",
        f"  ReleaseBoard    {contracts.releases.address}",
        f"  Ballots         {contracts.ballots.address}",
        f"  MaskBoard       {contracts.masks.address}",
        f"  BudgetBoard     {contracts.budgets.address}",
        f"  AggregateCourt  {contracts.court.address}",
        f"  shows and signs what is {plural(network.chain.confirmations, 'block')} deep",
        *filter(None, [sealed_by(network)]),
    ]
