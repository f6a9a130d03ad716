"""Exports of a council's releases, and what a liar makes of them."""

import base64
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.consortia.voters import Council, council, run, said

from ledger.exports import envelope
from ledger.formats.digest import encode
from ledger.masks.secret import Secret


@contextmanager
def releasing(folder: Path) -> Iterator[Council]:
    """A council that released the model `cardio` 1.0, with a report of two members; the first has an export key."""
    with council(folder / "houses") as made:
        report = folder / "report.json"
        report.write_bytes(made.report(0, 1).encode())
        made.release("cardio", "1.0", 2, "--report", report, "--license", "mit")
        make_key(made, 0)
        yield made


def make_key(council: Council, index: int) -> dict[str, Any]:
    """A member's export key, under the passphrase of its ledger key."""
    new = council.members[index].passphrase_file
    made = said("release", "provenance", "key", *council.key(index), "--new-passphrase-file", new, "--json")
    assert isinstance(made, dict)
    return made


def written(council: Council, index: int, folder: Path, *options: object) -> Path:
    """The exports of `cardio` by a member."""
    run("release", "provenance", "write", "cardio", "--output", folder, *council.key(index), *options)
    return folder


def copied(exports: Path, folder: Path) -> Path:
    shutil.copytree(exports, folder)
    return folder


def statement_in(folder: Path) -> dict[str, Any]:
    """The statement on the training."""
    found = json.loads(base64.b64decode(json.loads((folder / "training.intoto.json").read_bytes())["payload"]))
    assert isinstance(found, dict)
    return found


def say_instead(folder: Path, key: Secret, change: Callable[[dict[str, Any]], object]) -> None:
    """Another statement on the training, rightly signed."""
    statement = statement_in(folder)
    change(statement)
    sealed = envelope.seal(encode(statement), key)
    (folder / "training.intoto.json").write_bytes(encode(sealed) + b"\n")
