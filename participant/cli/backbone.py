"""`fedledger task backbone`: the backbones of adapters, kept on this machine under their digests."""

from pathlib import Path
from tempfile import TemporaryDirectory

import click

from ledger.cli.options import json_option
from ledger.cli.screen import say


@click.command(short_help="Keep a backbone of adapters on this machine, and say its digest.")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--seed", type=click.IntRange(0, (1 << 63) - 1), help="Draw the weights of a configuration without any.")
@json_option
def backbone(folder: Path, seed: int | None, as_json: bool) -> None:
    """Keep the transformers model in FOLDER as a backbone of adapters (docs/tasks.md, "adapter").

    Kept are config.json, safetensors weights and tokenizer.json, and nothing else is ever read. The digest of these is
    what a job names. Where FOLDER has no weights, --seed draws some.

    \b
    Example:  fedledger task backbone bert-tiny --seed 1
    """
    from participant.tasks.adapters.backbone import keep, require

    if seed is None:
        digest = keep(folder)
    else:
        from participant.tasks.adapters.drawing import draw

        with TemporaryDirectory(prefix="fedledger-") as drawn:
            draw(folder, seed, Path(drawn))
            digest = keep(Path(drawn))
    place = require(digest)
    text = f'backbone {digest}\n  kept as {place}\nfor the draft\'s [task.settings]:\nbackbone = "{digest}"'
    say(as_json, text, backbone=digest, folder=str(place), files=sorted(one.name for one in place.iterdir()))
