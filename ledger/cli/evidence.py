"""`fedledger evidence`: who signed what, checked without any node; and the files that an audit writes of it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.options import json_option
from ledger.cli.screen import print_json, shown
from ledger.config import Network, load_network

if TYPE_CHECKING:
    from ledger.audit.report import Report
    from ledger.events.evidence import SignedStatement

FALSE = 1


@click.group()
def evidence() -> None:
    """Check signed statements: the evidence of an audit, offline."""


@evidence.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option(
    "--network",
    "network_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Network file whose chain and contracts the statements must be of.  [default: any]",
)
@json_option
def check(files: tuple[Path, ...], network_file: Path | None, as_json: bool) -> None:
    """Say who signed what in FILES (evidence, or reports of an audit), and what would make it false. Asks no node.

    \b
    Exit codes: 0  every statement is under the signature that it names
                1  one is not: it proves nothing
                2  a file is not one of evidence, or a report
    """
    from ledger.events.evidence import parse

    network = load_network(network_file) if network_file else None
    found = [(path, one) for path in files for one in parse(path.read_bytes())]
    results = [_result(path, one, network) for path, one in found]
    if as_json:
        print_json(results)
    else:
        for result, (_, one) in zip(results, found, strict=True):
            _print(result, one)
        click.echo(f"{sum(result['holds'] for result in results)} of {len(results)} statements are signed as they say")
    click.get_current_context().exit(0 if all(result["holds"] for result in results) else FALSE)


def write_evidence(report: "Report", folder: Path) -> list[Path]:
    """Write the signed statements of a report, those of its lies first, each into a file; the files."""
    from ledger.cli.streams import write_file

    own = [lie.evidence for lie in report.lies.list]
    written = []
    for number, one in enumerate([*own, *report.rests_on], 1):
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{number:03d}-{one.statement}.json"
        write_file(path, [one.encode() + b"\n"])
        written.append(path)
    return written


def _result(path: Path, one: "SignedStatement", network: Network | None) -> dict[str, Any]:
    from ledger.chain.build import SOLIDITY_NAMES
    from ledger.chain.evidence.check import check as check_evidence
    from ledger.chain.evidence.check import false_if
    from ledger.errors import FedledgerError

    addresses = {name: getattr(network.contracts, name).address for name in SOLIDITY_NAMES} if network else None
    known = {"file": str(path), "signer": one.signer, "statement": one.statement, "arguments": one.arguments}
    try:
        check_evidence(one, addresses, network.chain.id if network else None)
    except FedledgerError as error:
        return {**known, "holds": False, "why": str(error)}
    return {**known, "holds": True, "false_if": false_if(one)}


def _print(result: dict[str, Any], one: "SignedStatement") -> None:
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{'[green]✓[/]' if result['holds'] else '[red]✗[/]'} [bold]{shown(result['file'])}[/]")
    if not result["holds"]:
        for line in result["why"].splitlines():
            console.print(f"    {shown(line)}")
        return
    relayed = " inside a relayed call" if one.inner else ""
    console.print(f"    {one.signer} signed {one.statement}{relayed}, on chain {one.chain}, contract {one.contract}")
    for name, value in one.arguments.items():
        console.print(f"    [dim]{name:<10}{shown(value if isinstance(value, str) else json.dumps(value))}[/]")
    console.print(f"    false if: {result['false_if']}\n")
