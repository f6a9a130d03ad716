"""A demo's folder, and the example's draft in it."""

import shutil
from pathlib import Path

from ledger.errors import UsageError

DRAFT, MASKED = "scored.toml", "masked.toml"
PLAIN = "job.toml"
MASKED_TIMES = {"open_seconds": 120, "aggregate_seconds": 300, "set_up_seconds": 120}
MASKED_TIMES |= dict.fromkeys(("set_seconds", "unmask_seconds", "share_seconds"), 60)
"""Long enough for any machine: each phase ends once everyone did its part. Where a hospital was killed that cannot, the
chain's clock is put forward (`demo.scenes.masks`).
"""
MARKER = ".fedledger-demo"
STATE = "chain.json"
"""The chain, as it was when the demo ended."""


def prepare(folder: Path) -> Path:
    """An empty folder for a demo. An earlier demo's is emptied; any other that has something in it is refused."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARKER).exists():
            raise UsageError(
                "the folder is not empty, and not an earlier demo's", folder=folder, advice="choose another: --folder"
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).touch()
    return folder.resolve()


def mask(plain: Path, draft: Path, **times: int) -> None:
    """Write a draft that asks for masks as well, with times for a consortium on one machine, or these: numbers of
    [terms] and [privacy] by name.
    """
    given = MASKED_TIMES | times
    lines = plain.read_text().splitlines()
    names = {line.split("=")[0].strip() for line in lines if "=" in line}
    said = {name: f"{name} = {value}" for name, value in given.items()}
    terms = [said.get(line.split("=")[0].strip(), line) for line in lines]
    privacy = ["", "[privacy]", 'mode = "masked"', *(text for name, text in said.items() if name not in names)]
    draft.write_text("\n".join([*terms, *privacy]) + "\n")


def set_rounds(draft: Path, rounds: int) -> None:
    """Write another number of rounds into a draft."""
    lines = [f"rounds = {rounds}" if line.startswith("rounds") else line for line in draft.read_text().splitlines()]
    draft.write_text("\n".join(lines) + "\n")
