"""`fedledger audit`: recompute everything, and say what is right, who lied, and what is open."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.options import home_option, json_option, network_option, passphrase_option, workers_options
from ledger.cli.progress import bar
from ledger.cli.releases.title import title
from ledger.cli.report_files import ReportPage, page_options
from ledger.config import Home
from ledger.formats.text import plural

if TYPE_CHECKING:
    from ledger.audit import Question
    from ledger.audit.report import Report
    from ledger.formats.edges.receipts import EdgeReceipt
    from ledger.party.auditing import AuditRequest
    from ledger.party.connection import Connection
    from ledger.platforms.roots import PlatformRoots


class RoundOption(click.ParamType[tuple[int | None, int]]):
    """A round as JOB/ROUND, or its number alone: a pair of a job or None, and a number."""

    name = "JOB/ROUND"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int | None, int]:
        job, slash, number = str(value).rpartition("/")
        numbers = [job, number] if slash else [number]
        if not all(part.isascii() and part.isdecimal() and len(part) < 10 and int(part) > 0 for part in numbers):
            self.fail(f"{value!r} is not a round: JOB/ROUND, two numbers from 1, or the round's alone", param, ctx)
        return (int(job) if slash else None), int(number)


@click.command(
    short_help="Recompute everything: what is right, who lied, what is open.",
    epilog="Example: fedledger audit --network network.toml --release cardio",
)
@click.argument("version", required=False, metavar="[VERSION]")
@click.option(
    "--release",
    metavar="NAME[@VERSION]",
    help="Ask about this release (or NAME VERSION), its model, and the model's lineage.",
)
@click.option("--model", type=RoundOption(), help="Ask about this model and its lineage.")
@click.option("--round", "round_", type=RoundOption(), help="Ask about this round alone.")
@click.option("--job", type=click.IntRange(min=1), help="Ask about this job, or a round of it.")
@click.option("--all", "everything", is_flag=True, help="Ask about everything that stands (the default).")
@click.option(
    "--read-key",
    "read_keys",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    help="File, mode 0600, with a read key, for sealed updates. May be repeated.  [default: the home's mask keys]",
)
@click.option(
    "--platform-roots",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=lambda _context, _parameter, value: _roots(value),
    help="File (TOML) of certificates that are trusted to speak for hardware, and of expected measurements: platform "
    "documents that updates name are checked against them. Notices alone.",
)
@click.option("--children", is_flag=True, help="Also read what edges' sums are made of, where no verdict needs it.")
@click.option(
    "--edge-receipt",
    "receipts",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    callback=lambda _context, _parameter, values: _receipts(values),
    help="File with a receipt that an edge gave to a child: was its update in the sum? May be repeated.",
)
@click.option("--copies", is_flag=True, help="Also read every holder's copy of every artifact.")
@click.option("--source/--no-source", default=True, help="Compile the contracts' sources and compare (needs solc).")
@click.option("--threads", type=click.IntRange(1, 64), default=2, show_default=True, help="Threads to recompute with.")
@workers_options("Workers that check rounds side by side. [default: the cores, where there is enough to read]")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Also write the report as JSON here.")
@page_options
@click.option(
    "--evidence",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Also write every signed statement that the report rests on into this folder.",
)
@click.option(
    "--sign",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write the report here under the signature of the key at home, or of --keystore: others can show it.",
)
@click.option("--keystore", type=click.Path(path_type=Path, dir_okay=False), help="Key to sign with; any key may.")
@passphrase_option
@click.option(
    "--rpc",
    "nodes",
    multiple=True,
    help="Chain node, best your own. With --network the first one is read in place of the file's; every other one is "
    "asked what it has at the same block.",
)
@network_option
@home_option
@json_option
def audit(
    version: str | None,
    release: str | None,
    model: tuple[int | None, int] | None,
    round_: tuple[int | None, int] | None,
    job: int | None,
    everything: bool,
    read_keys: tuple[Path, ...],
    output: Path | None,
    page: ReportPage | None,
    folder: Path | None,
    sign: Path | None,
    keystore: Path | None,
    passphrase_file: Path | None,
    nodes: tuple[str, ...],
    network_file: Path | None,
    home: Home,
    as_json: bool,
    **how: Any,
) -> None:
    """Recompute the consortium's history from ledger and content store, and answer three questions: is what stands
    right, who lied and was it caught, what is open and whose fault is that.

    \b
    Exit codes: 0  yes: all that was asked about is right
                1  no: something that stands is false
                3  unknown: something could not be made again
    """
    from ledger.cli.connect import look, signer_of
    from ledger.cli.report_files import write_signed
    from ledger.party.auditing import AuditRequest
    from ledger.party.seals.read_key_files import load_read_key

    _require_one_question(job, release, model, round_, everything)
    release = _title(release, version)
    read, others = (nodes[:1], nodes[1:]) if network_file else ((), nodes)
    with look(network_file, home, *read) as connection:
        signer = signer_of(keystore or home.keystore, passphrase_file, connection.network.chain.id) if sign else None
        ask = partial(_question, connection, release, model, round_, job)
        how |= {"endpoints": others, "read_keys": tuple(load_read_key(path) for path in read_keys)}
        wanted = partial(AuditRequest, **how)  # sources, copies, threads, workers, engine, children, receipts
        question, report = _answer(connection, ask, wanted, page, quiet=as_json)
    written = _write(report, output, folder)
    if sign and signer:
        write_signed(report, signer, sign)
    if as_json:
        click.echo(report.to_json())
    else:
        _print(report, question, output, page, written)
    click.get_current_context().exit(report.exit)


def _roots(path: Path | None) -> "PlatformRoots | None":
    """The auditor's own roots, and the libraries that check documents. Raises UsageError without the extra."""
    if path is None:
        return None
    from ledger.platforms.roots import read_roots
    from ledger.platforms.tokens import require_libraries

    require_libraries()
    return read_roots(path)


def _receipts(paths: Sequence[Path]) -> "tuple[EdgeReceipt, ...]":
    """Receipts of edges, their children's signatures checked. Raises Malformed."""
    from ledger.files.foreign import read_foreign
    from ledger.formats.edges import receipts

    return tuple(
        receipts.parse(read_foreign(path, "the receipt", receipts.MAX_SIZE).removesuffix(b"\n")) for path in paths
    )


def _answer(
    connection: "Connection",
    ask: Callable[[], "Question"],
    wanted: Callable[["Question"], "AuditRequest"],
    page: ReportPage | None,
    *,
    quiet: bool,
) -> "tuple[Question, Report]":
    """What is asked, once the log was read, and the audit's report, on its page, too: whatever was asked, where the log
    cannot be read.
    """
    from ledger.audit import Question
    from ledger.party.auditing import UNREADABLE, unreadable

    try:
        connection.refresh()
    except UNREADABLE as error:
        question, report = Question(), unreadable(connection, error)
    else:
        question = ask()
        report = _inspect(connection, wanted(question), quiet=quiet)
    if page:
        page.write(connection, report, question)
    return question, report


def _write(report: "Report", output: Path | None, folder: Path | None) -> list[Path]:
    """The report as JSON, and its signed statements; the files of these."""
    from ledger.cli.evidence import write_evidence
    from ledger.cli.streams import write_file

    if output:
        write_file(output, [report.to_json() + b"\n"])
    return write_evidence(report, folder) if folder else []


def _require_one_question(job: int | None, release: str | None, *others: object) -> None:
    *_, everything = others
    if sum(map(bool, (release, *others))) > 1 or (job and (release or everything)):
        raise click.UsageError("--release, --model, --round and --all each ask another question; --job is another, too")


def _title(release: str | None, version: str | None) -> str | None:
    """The release that is asked about, its version given with its name or after it."""
    if version and not release:
        raise click.UsageError(f"{version!r} is the version of no release: name it with --release NAME@VERSION")
    return title(tuple(filter(None, (release, version)))) if release else None


def _inspect(connection: "Connection", wanted: "AuditRequest", *, quiet: bool) -> "Report":
    """The audit, under a progress bar."""
    from ledger.chain.source_check import is_compiled
    from ledger.config import cache_folder
    from ledger.party.auditing import bytes_to_read, inspect

    if wanted.source and not quiet and not is_compiled(cache_folder()):
        text = "the contracts' sources are compiled once: up to two minutes (--no-source leaves this check out)"
        click.echo(text, err=True)
    with bar("audit", bytes_to_read(connection, wanted), quiet=quiet) as advance:
        return inspect(connection, wanted, advance)


def _question(
    connection: "Connection",
    release: str | None,
    model: tuple[int | None, int] | None,
    round_: tuple[int | None, int] | None,
    job: int | None,
) -> "Question":
    """What is asked, once it is known what is on record: a round without a job is one of the latest."""
    from ledger.audit import Question
    from ledger.audit.question import asked_release

    if release:
        return Question.of_release(asked_release(connection.history, release))
    place = model or round_
    if place is not None:
        if job and place[0] not in (None, job):
            raise click.UsageError(f"--job {job} and job {place[0]} are two jobs")
        of = Question.of_model if model else Question.of_round
        return of(place[0] or connection.job(job).number, place[1])
    return Question.of_job(job) if job else Question()


def _print(
    report: "Report", question: "Question", output: Path | None, page: ReportPage | None, written: Sequence[Path]
) -> None:
    from rich.console import Console

    from ledger.cli.answers import print_answers

    console = Console(highlight=False)
    print_answers(console, report, question.words)
    if output:
        console.print(f"[dim]report: {output}[/]", soft_wrap=True)
    if page:
        console.print(f"[dim]page: {page.path}[/]", soft_wrap=True)
    if written:
        signed = plural(len(written), "signed statement")
        console.print(f"[dim]{signed} in {written[0].parent}; fedledger evidence check reads them[/]", soft_wrap=True)
