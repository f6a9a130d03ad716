"""A demo's folder, and the example's draft in it."""

import shutil
from pathlib import Path

from ledger.errors import UsageError

DRAFT, MASKED = "scored.toml", "masked.toml"
PLAIN = "job.toml"
OPEN_SECONDS = 8
"""A hospital that was killed is waited for so long before its round goes on without it."""
QUICK_MASKS = {"set_up_seconds": 5, "set_seconds": 15, "unmask_seconds": 15, "share_seconds": 15}
MARKER = ".fedledger-demo"


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


def mask(plain: Path, draft: Path) -> None:
    """Write a draft that asks for masks as well, with times for a consortium on one machine."""
    quick = {"open_seconds": OPEN_SECONDS}
    lines = [
        next((f"{name} = {value}" for name, value in quick.items() if line.startswith(name)), line)
        for line in plain.read_text().splitlines()
    ]
    privacy = ["", "[privacy]", 'mode = "masked"', *(f"{name} = {value}" for name, value in QUICK_MASKS.items())]
    draft.write_text("\n".join([*lines, *privacy]) + "\n")


def set_rounds(draft: Path, rounds: int) -> None:
    """Write another number of rounds into a draft."""
    lines = [f"rounds = {rounds}" if line.startswith("rounds") else line for line in draft.read_text().splitlines()]
    draft.write_text("\n".join(lines) + "\n")
