"""`fedledger web verifier`: the page that checks bundles, as one file."""

import json
from pathlib import Path

import click


@click.command()
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="File to write.  [default: print it]")
@click.option("--json", "as_json", is_flag=True, help="Print name, size and SHA-256 as JSON; needs --output.")
def verifier(output: Path | None, as_json: bool) -> None:
    """Write verify.html: a page that checks bundles with no server and no network.

    An auditor that does not trust you takes it from somebody else than the bundle, or compares its SHA-256: it is the
    same bytes for everyone. It is opened in a browser; a bundle is chosen there, or dropped on it.

    \b
    Example:
      fedledger web verifier --output verify.html
    """
    from ledger.errors import UsageError
    from web.drawing.saved.verifier import saved, saved_digest

    if output is None:
        if as_json:
            raise UsageError("--json prints what was written to a file", advice="give --output verify.html")
        click.echo(saved(), nl=False)
        return
    output.write_bytes(saved())
    if as_json:
        click.echo(json.dumps({"file": str(output), "sha256": saved_digest(), "size": len(saved())}))
        return
    click.echo(f"{output}: SHA-256 {saved_digest()}")
    click.echo("Next: open it in a browser, and drop a bundle on it (fedledger bundle export makes one).")
