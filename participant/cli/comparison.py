"""`fedledger node compare`: what joining is worth, before anybody proposes anything."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.options import json_option
from ledger.cli.screen import print_json, shown
from ledger.cli.tables import print_table
from participant.cli.options import DEVICES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.jobs.document import Job
    from participant.jobs.draft import Draft
    from participant.trainer.messages import Compare, ComparedModel

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option("--job", "document", type=FILE, help="The job's document, JSON.")
@click.option("--settings", "draft", type=FILE, help="Or a draft of a job, TOML, as for `job create`.")
@click.option("--data", "files", type=FILE, multiple=True, required=True, help="One party's data; once for each party.")
@click.option(
    "--test",
    "tests",
    type=FILE,
    multiple=True,
    help="Data that nobody trains on; or once for each party.",
)
@click.option(
    "--hold-out",
    type=click.IntRange(1, 99),
    help="Instead of --test: each party is measured on so many percent of its own rows, which nobody trains on.",
)
@click.option(
    "--steps", type=click.IntRange(min=1), default=100, show_default=True, help="Of personal models, in batches."
)
@click.option(
    "--lambda",
    "pull",
    type=click.FloatRange(0, 1000),
    default=0.1,
    show_default=True,
    help="Of personal models by Ditto: how hard the global model holds them.",
)
@click.option("--rounds", type=click.IntRange(min=1), help="Rounds to train.  [default: the job's]")
@click.option("--seed", type=int, default=1, show_default=True, help="Of initial model and training.")
@click.option("--device", metavar="DEVICE", default="auto", show_default=True, help=DEVICES)
@json_option
def compare(
    document: Path | None,
    draft: Path | None,
    files: tuple[Path, ...],
    tests: tuple[Path, ...],
    hold_out: int | None,
    steps: int,
    pull: float,
    rounds: int | None,
    seed: int,
    device: str,
    as_json: bool,
) -> None:
    """Compare training alone, pooled, and as the job would, on test data.

    With --hold-out, or a --test for each --data, each party is measured on its own, and so are models that all train
    together, without a ledger: the federated one, the same with the job's private tensors, and personal ones of it. The
    federated one is FedAvg whatever the job says; `fedledger simulate` has its rule, server optimiser, limits, noise
    and compression, too. Otherwise all rows of --data are trained on, the job's hold_out as well.

    The task's code runs in a process of its own.

    \b
    Example:  fedledger node compare --settings job.toml --data a.csv --data b.csv --hold-out 20
    """
    if (document is None) == (draft is None):
        raise click.UsageError("give one of --job and --settings")
    if len(tests) not in ((0,) if hold_out else (1, len(files))):
        raise click.UsageError("give one --test, or one for each --data, or none and --hold-out")
    wanted, left = _from_document(document) if document else _from_draft(draft)  # type: ignore[arg-type]
    from msgspec.structs import replace

    given: dict[str, Any] = {"rounds": rounds or wanted.rounds, "seed": seed, "hold_out": hold_out or 0}
    wanted = replace(_with_files(wanted, files, tests), **given, personal_steps=steps, pull=repr(pull))
    rows = _compared(wanted, document or draft, device, quiet=as_json)  # type: ignore[arg-type]
    if wanted.tests or wanted.hold_out:
        _say_methods(rows, wanted, left, as_json)
    elif as_json:
        from msgspec import to_builtins

        from participant.measuring.comparison_file import written

        print_json(to_builtins(written(rows, Path(wanted.test), wanted.rounds, seed)))
    else:
        _show(rows)


def _with_files(wanted: "Compare", files: tuple[Path, ...], tests: tuple[Path, ...]) -> "Compare":
    """The comparison of these parties' files."""
    from msgspec.structs import replace

    parts, own = ([str(path.absolute()) for path in paths] for paths in (files, tests))
    return replace(wanted, files=tuple(parts), test=(own or [""])[0], tests=tuple(own if len(own) > 1 else ()))


def _compared(wanted: "Compare", source: Path, device: str, *, quiet: bool) -> "tuple[ComparedModel, ...]":
    """Have it trained; `source` describes the job."""
    from ledger.cli.progress import bar
    from participant.measuring.comparison import compare as run
    from participant.tasks.machine import Machine
    from participant.trainer.trainers import Trainers

    with (
        TemporaryDirectory(prefix="fedledger-") as folder,
        Trainers(Machine(device, Path(folder) / "scratch")) as trainers,
        bar("training", _trainings(wanted), quiet=quiet, unit="steps") as advance,
    ):
        trainers.prepare()
        return run(trainers, wanted, source, advance)


def _trainings(wanted: "Compare") -> int:
    """Trainings of a round, of all parties and methods, about."""
    parties = len(wanted.files)
    apart = bool(wanted.tests or wanted.hold_out)
    methods = 4 + bool(wanted.private) if apart else 1
    return wanted.rounds * (parties * methods if apart else parties + 1)


def _say_methods(rows: "Sequence[ComparedModel]", wanted: "Compare", left: str, as_json: bool) -> None:
    if not as_json:
        _show_methods(rows)
        if left:
            click.echo(f"note: models that train together are FedAvg's, without {left}: see fedledger simulate")
        return
    found = [{"method": row.name, "party": row.party, **row.merit, "samples": row.samples} for row in rows]
    print_json({"rounds": wanted.rounds, "seed": wanted.seed, "rows": found})


def _left_out(job: "Job | Draft") -> str:
    """What a job says of its updates that a comparison by FedAvg leaves out; empty where that is nothing."""
    from ledger.jobs.server import NONE

    rule = job.aggregation.__struct_config__.tag if job.aggregation is not None else "weighted_mean"
    server = job.server.get("optimiser", "none") if isinstance(job.server, dict) else job.server.name
    said = {
        f"aggregation.rule = {rule}": rule != "weighted_mean",
        f"server.optimiser = {server}": server != NONE.name,
        "admission.on_norm = clip": job.admission.on_norm == "clip",
        "dp": job.dp is not None,
        "compression": job.compression is not None,
        f"hold_out = {job.hold_out}": bool(job.hold_out),
    }
    return ", ".join(name for name, there in said.items() if there)


def _show_methods(rows: "Sequence[ComparedModel]") -> None:
    """A line for each method: the first figure at each party, their mean, and their mean over rows."""
    figure = next(name for name in rows[0].merit if name != "samples")
    methods: dict[str, dict[str, float]] = {}
    for row in rows:
        methods.setdefault(row.name, {})[row.party] = row.merit[figure]
    samples = {row.party: row.samples for row in rows}
    cells = []
    for method, found in methods.items():
        by_rows = sum(samples[party] * value for party, value in found.items()) / max(1, sum(samples.values()))
        values = [*found.values(), sum(found.values()) / len(found), by_rows]
        cells.append((method.replace("_", " "), *(f"{value:.4f}" for value in values)))
    print_table((figure, *map(shown, samples), "mean", "by rows"), cells)


def _from_document(path: Path) -> "tuple[Compare, str]":
    """What to compare, and what of the job that leaves out."""
    from ledger.errors import UsageError
    from ledger.jobs.document import MAX_SIZE, parse
    from participant.trainer.messages import Compare

    try:
        with path.open("rb") as file:
            job = parse(file.read(MAX_SIZE + 1))
    except OSError as error:
        raise UsageError(f"cannot read the job's document: {error.strerror}", file=str(path)) from error
    task = job.task
    wanted = Compare(
        task=task.name,
        version=task.version,
        code=task.code,
        settings=task.settings,
        preparation=job.preparation,
        rounds=job.terms.rounds,
        private=job.private.tensors,
    )
    return wanted, _left_out(job)


def _from_draft(path: Path) -> "tuple[Compare, str]":
    from participant.jobs.draft import read, settings
    from participant.jobs.preparation import preparation_of, prepared_settings
    from participant.trainer.messages import Compare

    draft = read(path)
    private, by = tuple(sorted(draft.private.tensors)), preparation_of(draft.preparation)
    known = prepared_settings(settings(draft.task.settings), by)
    wanted = Compare(task=draft.task.name, settings=known, preparation=by, rounds=draft.terms.rounds, private=private)
    return wanted, _left_out(draft)


def _show(rows: "Sequence[ComparedModel]") -> None:
    figures = list(dict.fromkeys(name for row in rows for name in row.merit if name != "samples"))
    cells = [
        (
            shown(row.name),
            str(row.samples),
            *(f"{row.merit[name]:.4f}" if name in row.merit else "" for name in figures),
        )
        for row in rows
    ]
    print_table(("trained on", "samples", *map(shown, figures)), cells)
