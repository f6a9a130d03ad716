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
    """Say who signed what in FILES, and what would make it false.

    FILES are evidence, reports of an audit, or convictions, whose arithmetic is done again. No node is asked.

    \b
    Exit codes: 0  every statement is under the signature that it names, every conviction convicts
                1  one does not: it proves nothing
                2  a file is not one of evidence, a report, or a conviction
                3  a file opens and cannot be read

    \b
    Example:  fedledger evidence check evidence/*.json --network network.toml
    """
    from ledger.cli.court.conviction import SIGNATURE, ShownConviction

    network = load_network(network_file) if network_file else None
    contents = [(path, _bytes_of(path)) for path in files]
    texts = [(path, one) for path, data in contents if data[:1] < SIGNATURE for one in _statements(path, data)]
    convictions = [ShownConviction.read(path, data, network) for path, data in contents if data[:1] >= SIGNATURE]
    results = [_result(path, one, network) for path, one in texts]
    if as_json:
        print_json([*results, *(one.facts for one in convictions)])
    else:
        for result, (_, one) in zip(results, texts, strict=True):
            _print(result, one)
        for conviction in convictions:
            conviction.print()
        if results or not convictions:
            held = sum(result["holds"] for result in results)
            click.echo(f"{held} of {len(results)} statements are signed as they say")
    holds = all(result["holds"] for result in results) and all(one.facts["holds"] for one in convictions)
    click.get_current_context().exit(0 if holds else FALSE)


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


def _bytes_of(path: Path) -> bytes:
    """A file, up to one byte more than evidence may have: a bundle may be larger than the memory."""
    from ledger.events.evidence import MAX_SIZE
    from ledger.files.foreign import read_named

    return read_named(path, MAX_SIZE + 1)


def _statements(path: Path, data: bytes) -> "list[SignedStatement]":
    """The statements in a file. Raises Malformed for one of another kind, with the command that takes it."""
    from ledger.errors import Malformed
    from ledger.events.evidence import parse
    from ledger.files.kinds import EVIDENCE, REPORT, another

    try:
        return parse(data)
    except Malformed as error:
        advice = another(path, EVIDENCE, REPORT) or error.advice or "fedledger audit --evidence DIRECTORY writes some"
        raise Malformed(error.message, advice=advice, **({"file": str(path)} | dict(error.facts))) from error


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
