"""`fedledger deploy`: found a consortium on a chain."""

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from ledger.cli.options import json_option, passphrase_option

if TYPE_CHECKING:
    from ledger.keys import LocalSigner


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
    "out",
    type=click.Path(path_type=Path, dir_okay=False),
    default="network.toml",
    show_default=True,
    help="Where to write the network file, for all members.",
)
@click.option(
    "--gas-price",
    type=click.Choice(["zero", "market"]),
    default="zero",
    show_default=True,
    help="What transactions offer: nothing, on a chain that asks no fees, or what the market asks.",
)
@click.option("--poa", is_flag=True, help="The chain seals by Clique, IBFT or QBFT.")
@json_option
def deploy(
    consortium: Path,
    rpc: str,
    keystore: Path | None,
    passphrase_file: Path | None,
    out: Path,
    gas_price: Literal["zero", "market"],
    poa: bool,
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
    """
    import json

    from ledger.chain.consortium_file import load_consortium
    from ledger.chain.rpc import Rpc
    from ledger.config import Chain, save, text_of
    from ledger.errors import Unavailable, UsageError

    if out.exists():
        raise UsageError("the network file exists already; it is not overwritten", file=str(out))
    if not os.access(out.absolute().parent, os.W_OK):
        raise UsageError(
            "the network file cannot be written there", advice="name another place: --output", file=str(out)
        )
    founding = load_consortium(consortium)
    chain_id = Rpc(rpc).chain_id()
    with ExitStack() as stack:
        from ledger.chain.deploy import deploy as deploy_contracts

        if keystore is None:
            outbox = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        else:
            outbox = keystore.parent / "outbox"
        signer = _payer(keystore, passphrase_file, chain_id)
        chain = Chain(id=chain_id, rpc=rpc, gas_price=gas_price, poa=poa)
        network = deploy_contracts(chain, signer, founding.name, founding.founders(), outbox, rules=founding.rules)
    try:
        save(out, network)
    except Unavailable:
        click.echo(
            f"The contracts are deployed, but their network file is not written. It is:\n{text_of(network)}", err=True
        )
        raise
    contracts = network.contracts
    facts = {
        "network_file": str(out),
        "chain_id": chain_id,
        "consortium": contracts.consortium.address,
        "ledger": contracts.ledger.address,
        "scores": contracts.scores.address,
        "releases": contracts.releases.address,
        "ballots": contracts.ballots.address,
        "members": len(founding.members),
    }
    if as_json:
        click.echo(json.dumps(facts))
        return
    click.echo(f"{founding.name}: {len(founding.members)} members on chain {chain_id}")
    click.echo(f"  Consortium    {contracts.consortium.address}")
    click.echo(f"  RoundLedger   {contracts.ledger.address}")
    click.echo(f"  ScoreBoard    {contracts.scores.address}")
    click.echo(f"  ReleaseBoard  {contracts.releases.address}")
    click.echo(f"  Ballots       {contracts.ballots.address}")
    click.echo(f"Give {out} to every member: fedledger node join {out}")


def _payer(keystore: Path | None, passphrase_file: Path | None, chain_id: int) -> "LocalSigner":
    from ledger.config import LOCAL_CHAIN
    from ledger.errors import UsageError
    from ledger.keys import ephemeral, read_passphrase, unlock

    if keystore is not None:
        return unlock(keystore, read_passphrase(passphrase_file), chain_id=chain_id)
    if chain_id != LOCAL_CHAIN:
        raise UsageError(
            "on this chain a key must pay for the deployment", advice="name it with --keystore", chain_id=chain_id
        )
    return ephemeral()
