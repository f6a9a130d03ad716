"""`fedledger audit`: recompute everything, and say whether what was claimed is true."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli.options import home_option, json_option, network_option, rpc_option
from ledger.cli.progress import bar
from ledger.cli.screen import shown
from ledger.config import Home
from ledger.formats.text import plural

if TYPE_CHECKING:
    from rich.console import Console

    from ledger.audit.report import Finding, Report

_MARKS = {"verified": "[green]✓[/]", "refuted": "[red]✗[/]", "unknown": "[yellow]?[/]", "notice": "[cyan]![/]"}
_COLOURS = {"VERIFIED": "green", "REFUTED": "red", "UNKNOWN": "yellow"}


@click.command(short_help="Recompute everything; print a verdict with its evidence.")
@click.option("--job", type=click.IntRange(min=1), help="Audit this job only.")
@click.option("--round", "round_", type=click.IntRange(min=1), help="Audit this round only.")
@click.option("--all", "everything", is_flag=True, help="Audit every round of every job (the default).")
@click.option("--copies", is_flag=True, help="Also read every holder's copy of every artifact.")
@click.option("--source/--no-source", default=True, help="Compile the contracts' sources and compare (needs solc).")
@click.option("--threads", type=click.IntRange(1, 64), default=2, show_default=True, help="Threads to recompute with.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Also write the report as JSON here.")
@click.option(
    "--evidence",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Also write every signed statement that the report rests on into this folder.",
)
@network_option
@rpc_option
@home_option
@json_option
def audit(
    job: int | None,
    round_: int | None,
    everything: bool,
    copies: bool,
    source: bool,
    threads: int,
    output: Path | None,
    folder: Path | None,
    network_file: Path | None,
    rpc: str | None,
    home: Home,
    as_json: bool,
) -> None:
    """Recompute the consortium's history from ledger and content store, and print a verdict with its evidence.

    \b
    Exit codes: 0 VERIFIED  every check was made and held
                1 REFUTED   evidence contradicts a claim
                3 UNKNOWN   no evidence does, but something could not be checked
    """
    from ledger.cli.connect import look
    from ledger.cli.evidence import write_evidence
    from ledger.cli.streams import write_file
    from ledger.party.auditing import AuditRequest, bytes_to_read, inspect

    if everything and (job or round_):
        raise click.UsageError("--all cannot be combined with --job or --round")
    wanted = AuditRequest(job, round_, source, copies, threads)
    with look(network_file, home, rpc) as connection:
        connection.refresh()
        with bar("audit", bytes_to_read(connection, wanted), quiet=as_json) as advance:
            report = inspect(connection, wanted, advance)
    if output:
        write_file(output, [report.to_json() + b"\n"])
    written = write_evidence(report, folder) if folder else []
    if as_json:
        click.echo(report.to_json())
    else:
        _print(report, output, written)
    click.get_current_context().exit(report.verdict.exit_code)


def _print(report: "Report", output: Path | None, written: Sequence[Path]) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    console.print(f"Audit of [bold]{shown(report.network)}[/] (chain {report.chain}, block {report.block})")
    console.print(f"[dim]ledger {report.ledger}, {report.scope}[/]\n")
    _print_checks(console, report)
    for finding in report.findings:
        _print_finding(console, finding)
    colour = _COLOURS[report.verdict.value]
    console.print(f"\n[bold {colour}]{report.verdict.value}[/]{_summary(report)}")
    if output:
        console.print(f"[dim]report: {output}[/]", soft_wrap=True)
    if written:
        signed = plural(len(written), "signed statement")
        console.print(f"[dim]{signed} in {written[0].parent}; fedledger evidence check reads them[/]", soft_wrap=True)


def _print_checks(console: "Console", report: "Report") -> None:
    from rich.table import Table

    from ledger.audit.report import Check

    table = Table("", "", "check", "held", box=None, header_style="dim", pad_edge=False)
    table.columns[3].justify = "right"
    for check in Check:
        statuses = [finding.status for finding in report.findings if finding.check is check]
        worst = next((s for s in ("refuted", "unknown", "notice") if s in statuses), "verified")
        made = report.passed.get(check) or statuses
        mark = _MARKS[worst] if made else "[dim]–[/]"
        count = (
            str(report.passed.get(check, 0))
            if made
            else f"[dim]{'nothing to check' if check in report.passed else 'not made'}[/]"
        )
        table.add_row(str(check.value), mark, check.title, count)
    console.print(table)


def _print_finding(console: "Console", finding: "Finding") -> None:
    place = [f"job {finding.job}"] if finding.job else []
    place += [f"round {finding.round}"] if finding.round is not None else []
    place += [f"attempt {finding.attempt}"] if finding.attempt else []
    message, *details = finding.message.splitlines()
    console.print(f"\n{_MARKS[finding.status]} [bold]{shown(message)}[/]", soft_wrap=True)
    for detail in details:
        console.print(f"    [dim]{shown(detail.strip())}[/]", soft_wrap=True)
    console.print(f"    check {finding.check.value}" + (f", {', '.join(place)}" if place else ""))
    for field in ("culprit", "holder", "party", "cid", "tensor", "chunk", "value", "expected", "actual", "tx"):
        value = getattr(finding, field)
        if value is not None:
            console.print(f"    {field:<9}{shown(str(value))}", soft_wrap=True)
    if finding.evidence is not None:
        said = f"{finding.evidence.statement} under the signature of {finding.evidence.signer}"
        console.print(f"    evidence {shown(said)}", soft_wrap=True)


def _summary(report: "Report") -> str:
    counts = report.counts()
    words = [f"{plural(sum(report.passed.values()), 'check')} held"]
    words += [f"{counts[s]} {s}" for s in ("refuted", "unknown") if counts[s]]
    words += [plural(counts["notice"], "notice")] if counts["notice"] else []
    return ": " + ", ".join(words)
