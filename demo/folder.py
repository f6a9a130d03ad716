"""A demo's folder, and the example's draft in it."""

import shutil
from pathlib import Path

from ledger.errors import UsageError

DRAFT = "scored.toml"
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


def set_rounds(draft: Path, rounds: int) -> None:
    """Write another number of rounds into a draft."""
    lines = [f"rounds = {rounds}" if line.startswith("rounds") else line for line in draft.read_text().splitlines()]
    draft.write_text("\n".join(lines) + "\n")
