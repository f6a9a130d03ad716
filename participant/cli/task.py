"""`fedledger task`: write a task of your own, and check that it keeps its contract."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.options import json_option
from ledger.cli.screen import print_json, shown
from ledger.cli.tables import print_facts, print_table
from ledger.formats.text import command
from participant.cli.backbone import backbone
from participant.cli.options import DEVICES

if TYPE_CHECKING:
    from participant.tasks.contract import ContractReport
    from participant.tasks.trial import TrialRequest, TrialResult

FILE = click.Path(path_type=Path, dir_okay=False)
BROKEN = 2


@click.group(short_help="Write a task of your own, and check it.")
def task() -> None:
    """Write a task of your own: the code that builds a model, reads data, trains and evaluates (docs/tasks.md).

    Exit codes: 0 done, and the contract is kept; 2 wrong usage, or a rule of the contract is broken; 3 unavailable.
    """


task.add_command(backbone)


@task.command()
@click.argument("name")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), help="Where.  [default: ./NAME]")
@json_option
def new(name: str, folder: Path | None, as_json: bool) -> None:
    """Write a package with a task called NAME that works as it is.

    It has a class, an entry point, a draft of a job, data, and a test.

    \b
    Example:  fedledger task new retina
    """
    from participant.tasks.scaffold import write

    target = folder or Path(name)
    written = [str(path) for path in write(name, target)]
    if as_json:
        print_json({"task": name, "folder": str(target), "files": written})
        return
    for path in written:
        click.echo(path)
    click.echo(f"Next: {command('task', 'check', target, '--data', target / 'example.csv')}")


@task.command()
@click.argument("package_or_name")
@click.option("--data", type=FILE, help="A file to train on. Without it, only what needs no data is checked.")
@click.option("--settings", type=FILE, help="A draft of a job, TOML.  [default: the package's job.toml]")
@click.option("--device", metavar="DEVICE", default="auto", show_default=True, help=DEVICES)
@json_option
def check(package_or_name: str, data: Path | None, settings: Path | None, device: str, as_json: bool) -> None:
    """Check that a task keeps its contract, and measure what a round costs.

    It also says which limits a job of it needs.

    PACKAGE_OR_NAME is the folder of a package, which need not be installed, or the name of an installed task.

    \b
    Example:  fedledger task check . --data example.csv
    """
    from participant.tasks.contract import check as run

    with _output_apart():
        report = run(_request(package_or_name, data, settings, device))
    print_json(_facts(report)) if as_json else _show(report)
    if not report.held:
        click.get_current_context().exit(BROKEN)


@contextmanager
def _output_apart() -> Iterator[None]:
    """Until its end, what a task's code writes to standard output, below Python too, goes to the error stream."""
    try:
        kept = os.dup(1)
    except OSError:  # it is closed
        yield
        return
    try:
        os.dup2(2, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def _request(task: str, data: Path | None, settings: Path | None, device: str) -> "TrialRequest":
    from ledger.errors import UsageError
    from participant.jobs import draft as drafts
    from participant.jobs.preparation import preparation_of, prepared_settings
    from participant.tasks.trial import TrialRequest

    if data is not None and not data.is_file():
        raise UsageError("no such data file", file=str(data))
    own = Path(task) / "job.toml"
    chosen = settings or (own if own.is_file() else None)
    given = str(data.resolve()) if data else ""
    if chosen is None:
        return TrialRequest(task=task, data=given, device=device)
    draft = drafts.read(chosen)
    preparation = preparation_of(draft.preparation)
    return TrialRequest(
        task=task,
        settings=prepared_settings(drafts.settings(draft.task.settings), preparation),
        preparation=preparation,
        seed=draft.seed,
        fraction_bits=draft.fraction_bits,
        bits_by_pattern=draft.bits_by_pattern,
        data=given,
        device=device,
    )


def _facts(report: "ContractReport") -> dict[str, Any]:
    import msgspec

    return {
        "task": report.task,
        "held": report.held,
        "rules": [{"rule": one.rule, "held": one.held, "why": one.why} for one in report.findings],
        "round": None if report.trial is None else msgspec.to_builtins(report.trial),
        "admission": _admission(report.trial),
    }


def _admission(trial: "TrialResult | None") -> dict[str, float] | None:
    """Limits for a job's draft, with room: twice what the first round needed."""
    from participant.tasks.contract import suggested

    return None if trial is None else {"max_value": suggested(trial.largest), "max_norm": suggested(trial.norm)}


def _show(report: "ContractReport") -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)
    said = {True: "[green]held[/]", False: "[red]broken[/]", None: "[dim]not checked[/]"}
    print_table(("rule", "", ""), [(shown(one.rule), said[one.held], shown(one.why)) for one in report.findings])
    print_facts(dict(_costs(report.trial)))
    limits = _admission(report.trial)
    if limits:
        console.print("for the draft's [admission], with room for other rounds and other data:", markup=False)
        console.print("\n".join(f"{name} = {value:g}" for name, value in limits.items()))
    verdict = "[green]keeps[/]" if report.held else "[red]breaks[/]"
    console.print(f"Task {escape(report.task)} {verdict} its contract{_extent(report)}.")


def _extent(report: "ContractReport") -> str:
    """How much of a contract that is kept was checked; empty where that is all of it."""
    held, unchecked = sum(one.held is True for one in report.findings), sum(one.held is None for one in report.findings)
    if not report.held or not unchecked:
        return ""
    need = "needs" if unchecked == 1 else "need"
    return f", as far as it was checked: {held} of {len(report.findings)} rules held, {unchecked} {need} --data"


def _costs(trial: "TrialResult | None") -> list[tuple[str, str]]:
    if trial is None:
        return []
    return [
        ("seconds a round", f"{trial.seconds:.2f} on {trial.device}"),
        ("memory, peak", f"{trial.peak_bytes / 2**20:,.0f} MiB"),
        ("bytes an update", f"{trial.bytes_each:,} ({trial.values:,} values)"),
        ("largest change", f"{trial.largest:.4g}"),
        ("norm of change", f"{trial.norm:.4g}"),
    ]
