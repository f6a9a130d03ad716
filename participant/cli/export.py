"""`fedledger export`: a released model in other tools' forms."""

from pathlib import Path

import click

from ledger.cli.options import home_option, json_option, network_option, rpc_option
from ledger.cli.screen import say
from ledger.config import Home

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(short_help="Write a released model as ONNX, TorchScript, for the Hub or MLflow.")
@click.argument("release")
@click.option("--onnx", "onnx_file", type=FILE, help="ONNX file: ranges, layers and probabilities in one graph.")
@click.option(
    "--huggingface",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the Hugging Face Hub: safetensors, card, job, config.json. Nothing is uploaded.",
)
@click.option("--torchscript", "script_file", type=FILE, help="TorchScript file; needs torch and the job's task.")
@click.option("--mlflow", "tracking", help="Address of MLflow's tracking server or store: a version of a model there.")
@click.option("--offline", is_flag=True, help="Ask no chain: RELEASE is a fetched folder.")
@network_option
@rpc_option
@home_option
@json_option
def export(
    release: str,
    onnx_file: Path | None,
    folder: Path | None,
    script_file: Path | None,
    tracking: str | None,
    offline: bool,
    network_file: Path | None,
    rpc: str | None,
    home: Home,
    as_json: bool,
) -> None:
    """Write RELEASE, NAME@VERSION, NAME or a fetched folder, in forms that other tools read; several at once may be
    asked for. Each has the tensor root, the job's digest and the card inside.

    \b
    fedledger export cardio --onnx cardio.onnx --network network.toml

    The model is checked first, and a revoked one is refused; nobody can see in an exported file whether the members
    revoke the release later: `fedledger release list` says it.

    Exit codes: 0 done, 1 refuted, 2 wrong usage, revoked or expired, 3 unavailable.
    """
    from participant.exporting.export import ExportForms, write

    wanted = ExportForms(onnx_file, folder, script_file, tracking or "")
    if not wanted.any:
        raise click.UsageError("name a form: --onnx FILE, --huggingface FOLDER, --torchscript FILE, --mlflow URI")
    from participant.predicting.sources import opened

    with opened(release, network_file, home, rpc, offline=offline) as source:
        written = write(source, wanted)
    released = source.released
    lines = [f"{released.title}: root {released.root.hex()}", *(f"  {path}" for path in written)]
    say(as_json, "\n".join([*lines, *source.notes]), **released.document(), files=written)
