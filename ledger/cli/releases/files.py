"""`release report`, `fetch` and `verify`: a release's files."""

from pathlib import Path

import click

from ledger.cli.options import home_option, json_option, network_option, rpc_option
from ledger.cli.releases.title import release_argument, title
from ledger.config import Home
from ledger.formats.text import command

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command(short_help="Join several parties' evaluation reports.")
@click.argument("files", type=FILE, nargs=-1, required=True)
@click.option("--output", type=FILE, required=True, help="Where to write the joined report.")
@json_option
def report(files: tuple[Path, ...], output: Path, as_json: bool) -> None:
    """Join the evaluation reports in FILES, each of one or more parties, all on the same model.

    \b
    Example:  fedledger release report clinic-a.json clinic-b.json --output report.json
    """
    from ledger.cli.screen import say
    from ledger.cli.streams import write_file
    from ledger.party.publishing import read_file
    from ledger.releases.report import join

    joined = join([read_file(path) for path in files])
    write_file(output, [joined.encode()])
    text = f"{len(joined.parties)} parties on the model of job {joined.job}, round {joined.round}: {output}"
    facts = {"job": joined.job, "round": joined.round, "root": joined.root, "digest": joined.digest.hex()}
    say(as_json, text, file=str(output), parties=[party.party for party in joined.parties], **facts)


@click.command(short_help="Write a released model as safetensors, with its model card.")
@release_argument()
@click.option("--output", type=FOLDER, help="Folder for the files.  [default: NAME-VERSION]")
@network_option
@rpc_option
@home_option
@json_option
def fetch(
    release: str, output: Path | None, network_file: Path | None, rpc: str | None, home: Home, as_json: bool
) -> None:
    """Write NAME@VERSION (or NAME VERSION), or the current one of NAME: model.safetensors and README.md, its card.
    An adapter's files are those that PEFT loads: adapter_model.safetensors and adapter_config.json.

    Chain, model and report are checked first; a file appears only when it is whole and right. A revoked release is
    refused. The files are the same, byte for byte, for everyone.

    \b
    Example:  fedledger release fetch cardio@1.0.0 --output cardio
    """
    from ledger.cli.connect import look
    from ledger.cli.screen import say
    from ledger.cli.streams import human
    from ledger.party.publishing import card_in_use, write
    from ledger.releases.use import PREDICTED

    with look(network_file, home, rpc) as connection:
        card = card_in_use(connection, release)
        made = card.file.release
        files = write(connection, card, output or _folder(made.name, made.version))
    lines = [f"{made.name} {made.version}, verified: root {made.root.hex()}"]
    lines += [f"  {path} ({human(path.stat().st_size)})" for path in files]
    private = card.file.job.private.tensors
    if private:
        lines.append(f"  needs tensors that stay at each party: {', '.join(private)}")
        where = f"--job {made.job} --round {made.round}"
        lines.append(f"  a party makes its own: fedledger node personalise --method fine_tune --steps 100 {where}")
    elif card.file.job.task.name in PREDICTED:
        told = command("predict", files[0].parent, "--data", "new.csv", "--output", "out.csv")
        lines.append(f"Next: {told}")
    names = {"name": made.name, "version": made.version, "root": made.root.hex()}
    say(as_json, "\n".join(lines), **names, files=[str(path) for path in files], needs=list(private))


@click.command(short_help="Check a fetched release, byte by byte.")
@click.argument("folder", nargs=-1, required=True, metavar="FOLDER", callback=lambda _c, _p, words: _fetched(words))
@network_option
@rpc_option
@home_option
@json_option
def verify(folder: tuple[Path, str], network_file: Path | None, rpc: str | None, home: Home, as_json: bool) -> None:
    """Make the files of the release in FOLDER again, from chain and content store, and compare them byte by byte.

    NAME@VERSION, or NAME VERSION, is the folder that `fetch` writes that release to; FOLDER alone is the
    release that its model file says.

    \b
    Example:  fedledger release verify cardio
    """
    from ledger.cli.connect import look
    from ledger.cli.screen import say
    from ledger.party.publishing import verify as check

    place, wanted = folder
    with look(network_file, home, rpc) as connection:
        made = check(connection, place, wanted).file.release
    text = f"{place} is {made.name} {made.version}, byte for byte; root {made.root.hex()}"
    say(as_json, text, name=made.name, version=made.version, root=made.root.hex(), verified=True)


def _folder(name: str, version: str) -> Path:
    """Where a release is written to, unless another folder is named."""
    return Path(f"{name}-{version}")


def _fetched(words: tuple[str, ...]) -> tuple[Path, str]:
    """The folder that is meant, and the release that it must be, if one is named. A folder that is there is never a
    release's name.
    """
    if len(words) == 1 and ("@" not in words[0] or Path(words[0]).exists()):
        return Path(words[0]), ""
    wanted = title(words, exact=True)
    name, _, version = wanted.partition("@")
    return _folder(name, version), wanted
