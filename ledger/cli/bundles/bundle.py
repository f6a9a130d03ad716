"""`fedledger bundle`: one file with all that an auditor needs, and the verdict on it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.options import home_option, json_option, network_option, rpc_option
from ledger.cli.streams import no_verdict
from ledger.config import Home
from ledger.formats.text import command, plural

if TYPE_CHECKING:
    from ledger.bundle.findings import BundleFinding, BundleVerdict
    from ledger.bundle.form import BundleScope, FoundingKey
    from ledger.bundle.write import WrittenBundle
    from ledger.party.connection import Connection

VERIFIER = "verify_bundle.py"
_SHOWN = 5
"""Files that a message names."""


@click.group(short_help="Put all that an auditor needs into one file; check such files.")
def bundle() -> None:
    """Give an auditor all that is to be checked in one file, and one program that checks it: no network, no node and
    none of our code are needed (docs/verify.md).
    """


@bundle.command(
    short_help="Write signed transactions, updates and models into one file.",
    epilog="Example: fedledger bundle export --release cardio --output cardio.car",
)
@click.option("--release", metavar="NAME[@VERSION]", help="The released model, with all rounds that led to it.")
@click.option("--job", type=click.IntRange(min=1), help="Which job.  [default: the latest]")
@click.option("--from", "first", type=click.IntRange(min=1), help="Rounds from this one on.  [default: 1]")
@click.option("--to", "last", type=click.IntRange(min=1), help="Rounds up to this one.  [default: all]")
@click.option(
    "--evidence", is_flag=True, help="Signed transactions alone, of --job or of all jobs: no updates, no models."
)
@click.option(
    "--conviction",
    "convictions",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    multiple=True,
    help="Conviction file: what convicts in it, and the transactions that it is about. May be repeated.",
)
@click.option("--until", type=click.IntRange(min=0), help="The last block to look at.  [default: the latest]")
@click.option("--output", "-o", required=True, type=click.Path(path_type=Path, dir_okay=False), help="File to write.")
@network_option
@rpc_option
@home_option
@json_option
def export(
    release: str | None,
    job: int | None,
    first: int | None,
    last: int | None,
    evidence: bool,
    convictions: tuple[Path, ...],
    until: int | None,
    output: Path,
    network_file: Path | None,
    rpc: str | None,
    home: Home,
    as_json: bool,
) -> None:
    """Write a bundle: signed transactions in order, the job's document, and the bytes of updates and models.

    What cannot be had is left out, and said; a reader lists it, and who owed it. The same blocks and bytes make the
    same file, on every machine.
    """
    from ledger.cli.connect import look
    from ledger.cli.progress import bar
    from ledger.cli.streams import counted, write_file
    from ledger.party.bundles.export import exporting

    _require_one(release, first or last, evidence, convictions)
    with look(network_file, home, rpc) as connection:
        connection.refresh()
        scope = _scope(connection, release, job, (first, last), evidence=evidence, convicts=bool(convictions))
        writer = exporting(connection, scope, until, [_block_in(path) for path in convictions])
        with bar("bundle", None, quiet=as_json) as advance:
            write_file(output, counted(writer.pieces(), advance))
    if writer.written is not None:
        _tell(writer.written, output, as_json=as_json)


@bundle.command(
    short_help="Check a bundle: the same verdict as verify_bundle.py.",
    epilog="Example: fedledger bundle check cardio.car --network network.toml",
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option(
    "--network",
    "network_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Network file, best from somebody else, whose chain, contracts and founding it must be of.  [default: any]",
)
@click.option("--threads", type=click.IntRange(1, 64), default=2, show_default=True, help="Threads to recompute with.")
@json_option
def check(file: Path, network_file: Path | None, threads: int, as_json: bool) -> None:
    """Replay the contracts' rules over FILE, recompute every round in it, and print the verdict.

    With --json that is the one line that every reader of bundles prints, byte for byte. No node and no store is asked.

    \b
    Exit codes: 0  verified: all of its scope is right
                1  refuted: something that stands is false, and who signed it
                3  malformed: this is not a bundle, or it was changed on the way
                4  unknown: something is missing, or was not looked at
                2  no verdict: the file or the network file cannot be read, or the output cannot be written
    """
    from ledger.bundle.check import BundleCheck, check_bundle, founders_of
    from ledger.cli.progress import bar
    from ledger.config import load_network
    from ledger.files.kinds import BUNDLE, another

    with no_verdict():
        network = load_network(network_file) if network_file else None
        with bar("check", None, quiet=as_json) as advance:
            verdict = check_bundle(file, BundleCheck(network, threads, advance))
        if as_json:
            click.echo(verdict.encode(), nl=False)
        else:
            _print(verdict, () if network else founders_of(file))
        if verdict.verdict == "MALFORMED" and (told := another(file, BUNDLE)):
            click.echo(told, err=True)
    click.get_current_context().exit(verdict.exit)


@bundle.command(
    short_help="Write verify_bundle.py out: a reader over Python alone.",
    epilog="Example: fedledger bundle verifier --output verify_bundle.py",
)
@click.option(
    "--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="File to write.  [default: print it]"
)
def verifier(output: Path | None) -> None:
    """Write verify_bundle.py: a reader of bundles in one file, over Python's standard library alone.

    Hand it out beside a bundle; better, let the auditor take it from somewhere else, and read it. It is the same bytes
    for everyone, so its SHA-256 can be compared. For a browser there is: fedledger web verifier
    """
    from importlib.resources import files

    from ledger.cli.streams import STDIO, write_file
    from ledger.formats.digest import sha256

    program = (files("ledger.bundle") / VERIFIER).read_bytes()
    write_file(output or Path(STDIO), [program])
    if output:
        click.echo(f"{output}: SHA-256 {sha256(program).hex()}", err=True)
        click.echo(f"Next: python {output} BUNDLE.car --network network.toml", err=True)


def _require_one(release: str | None, rounds: object, evidence: bool, convictions: Sequence[Path]) -> None:
    if sum(map(bool, (release, rounds, evidence, convictions))) > 1:
        raise click.UsageError("--release, --from and --to, --evidence and --conviction each ask for another bundle")


def _block_in(path: Path) -> bytes:
    """What is judged of a conviction file. Raises Malformed for any other, with what to do with it."""
    from ledger.bundle.convictions import block_of
    from ledger.court.conviction import MAX_SIZE
    from ledger.errors import Malformed
    from ledger.files.foreign import read_foreign
    from ledger.files.kinds import CONVICTION, another

    try:
        return block_of(read_foreign(path, "the conviction file", MAX_SIZE))
    except Malformed as error:
        advice = another(path, CONVICTION) or error.advice or "fedledger refute writes conviction files"
        raise Malformed(error.message, advice=advice, **error.facts) from error


def _scope(
    connection: "Connection",
    release: str | None,
    job: int | None,
    rounds: tuple[int | None, int | None],
    *,
    evidence: bool,
    convicts: bool,
) -> "BundleScope":
    from ledger.audit.question import asked_release
    from ledger.bundle.form import BundleScope

    if release:
        found = asked_release(connection.history, release)
        return BundleScope("release", found.job, 1, found.round, f"{found.name}@{found.version}")
    if evidence:
        return BundleScope("evidence", connection.job(job).number if job else 0)
    number = connection.job(job).number
    if convicts:
        return BundleScope("conviction", number)
    first, last = rounds[0] or 1, rounds[1] or 0
    if last and last < first:
        raise click.UsageError(f"--to {last} is before --from {first}")
    return BundleScope("rounds", number, first, last)


def _tell(written: "WrittenBundle", output: Path, *, as_json: bool) -> None:
    from ledger.cli.screen import print_json
    from ledger.cli.streams import human

    scope = written.manifest.scope
    if as_json:
        print_json(_said(written, output))
        return
    holds = f"{plural(written.transactions, 'transaction')}, {plural(written.updates, 'update')}"
    click.echo(f"{output}: {human(written.size)}, {holds}; {scope.text}")
    if written.gaps:
        click.echo(f"{plural(written.gaps, 'transaction')} of contracts or in no plain form: a reader will say UNKNOWN")
    for one in written.lacking[:_SHOWN]:
        click.echo(f"lacking: {one.what} ({one.cid})")
    if len(written.lacking) > _SHOWN:
        click.echo(f"lacking: {len(written.lacking) - _SHOWN} more")
    program = command("bundle", "verifier", "--output", VERIFIER)
    reads = f"python {VERIFIER} {output} --network network.toml"
    click.echo(f"Next: hand {output} to the auditor, with a program that reads it:")
    click.echo(f"  {program}")
    click.echo("The auditor, who has the network file from elsewhere, types:")
    click.echo(f"  {reads}")


def _said(written: "WrittenBundle", output: Path) -> dict[str, Any]:
    from ledger.formats.digest import sha256

    manifest = written.manifest
    return {
        "file": str(output),
        "bundle": sha256(manifest.encode()).hex(),
        "scope": manifest.scope.text,
        "until": manifest.until[0],
        "size": written.size,
        "transactions": written.transactions,
        "gaps": written.gaps,
        "updates": written.updates,
        "lacking": [{"what": one.what, "cid": str(one.cid)} for one in written.lacking],
    }


_COLOURS = {"VERIFIED": "green", "REFUTED": "red", "MALFORMED": "red", "UNKNOWN": "yellow"}


def _print(verdict: "BundleVerdict", founders: "Sequence[FoundingKey]") -> None:
    from rich.console import Console

    from ledger.cli.screen import shown
    from ledger.events.members import Role

    console = Console(highlight=False, soft_wrap=True)
    colour = _COLOURS[verdict.verdict]
    about = verdict.scope or "the file was changed, or is no bundle; nobody is blamed"
    console.print(f"[bold {colour}]{verdict.verdict}[/] {shown(about)}")
    if verdict.chain:
        console.print(f"[dim]chain {verdict.chain}, ledger {verdict.ledger}, founding {verdict.founding}[/]")
    console.print("[dim]" + ", ".join(f"{count} {name.lower()}" for name, count in verdict.checked.items()) + "[/]")
    for one in verdict.findings:
        for line in _lines(one):
            console.print(shown(line))
    if founders:
        console.print("All of it rests on the founders' keys; --network NETWORK.toml compares them with your own file:")
        for founder in founders:
            console.print(f"    {founder.key}, {', '.join(Role(founder.roles).words)}")


def _lines(one: "BundleFinding") -> list[str]:
    """A finding as people read it."""
    from ledger.bundle.findings import CODES
    from ledger.bundle.meanings import meaning

    signed = CODES[one.check, one.code] in ("REFUTED", "VERIFIED")
    facts = [f"{name} {getattr(one, name)}" for name in ("job", "round", "attempt") if getattr(one, name)]
    if one.who:
        facts.append(("signed by " if signed else "of ") + ", ".join(one.who))
    if one.expected or one.actual:
        facts.append(f"expected {one.expected or 'nothing'}, actual {one.actual or 'nothing'}")
    told = f"{one.check} {one.code}: {meaning(one.check, one.code, one.value)}"
    return [told, "    " + ", ".join(facts)] if facts else [told]
