"""`store collect`, `verify` and `stat`: the folder that content lies in."""

import shutil

import click

from ledger.cli.options import home_option, json_option
from ledger.cli.progress import bar
from ledger.cli.screen import say
from ledger.cli.store.arguments import embedded_store
from ledger.cli.streams import human
from ledger.config import Home
from ledger.errors import Corrupt
from ledger.formats.text import plural


@click.command()
@click.option("--pretend", is_flag=True, help="Only list what would be removed.")
@home_option
@json_option
def collect(pretend: bool, home: Home, as_json: bool) -> None:
    """Remove files that no pin keeps.

    \b
    Example:  fedledger store collect --pretend
    """
    from ledger.store import maintenance

    with embedded_store(home) as opened:
        gone = [path.stem for path in maintenance.collect(opened, pretend=pretend)]
    say(as_json, "\n".join(gone) or "nothing to remove", removed=gone, pretend=pretend)


@click.command()
@home_option
@json_option
def verify(home: Home, as_json: bool) -> None:
    """Read every block from the disk and check it.

    Exit 3 if any is damaged, or a pinned file is not whole.

    \b
    Example:  fedledger store verify
    """
    from ledger.store import maintenance

    damaged: list[dict[str, object]] = []
    blocks = size = 0
    with embedded_store(home) as opened, bar("verifying", opened.totals()[1]) as advance:
        for checked in maintenance.scrub(opened):
            blocks, size = blocks + 1, size + checked.length
            advance(checked.length)
            if checked.problem:
                block = str(checked.cid) if checked.cid else None
                place = {"pack": str(checked.pack), "block": block, "offset": checked.offset, "length": checked.length}
                damaged.append({**place, "problem": checked.problem})
        for name, cid, problem in maintenance.check_pinned(opened):
            damaged.append({"pin": name, "cid": str(cid), "problem": problem})
    problems = plural(len(damaged), "problem")
    text = [f"{plural(blocks, 'block')}, {human(size)}: {problems if damaged else 'all good'}"]
    text += [", ".join(f"{key} {value}" for key, value in entry.items()) for entry in damaged]
    say(as_json, "\n".join(text), blocks=blocks, bytes=size, damaged=damaged)
    if damaged:
        raise Corrupt(
            f"{problems} in {home.store}",
            advice="fetch good copies: fedledger store keep CID --from URL --heal",
        )


@click.command()
@home_option
@json_option
def stat(home: Home, as_json: bool) -> None:
    """Count blocks, bytes, files and pins.

    \b
    Example:  fedledger store stat
    """
    with embedded_store(home) as opened:
        blocks, size = opened.totals()
        facts = {
            "folder": str(opened.folder),
            "files": len(opened.pack_paths()),
            "pins": len(opened.pins()),
            "blocks": blocks,
            "bytes": size,
            "free_bytes": shutil.disk_usage(opened.folder).free,
        }
    text = "\n".join(f"{name.replace('_', ' ')}: {value}" for name, value in facts.items())
    say(as_json, text, **facts)
