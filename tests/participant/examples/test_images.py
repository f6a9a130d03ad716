"""What `fedledger node example digits` writes: images in files, and a draft that makes a good model of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')
pytest.importorskip("sklearn")

from support.training import federated

from ledger.formats.unixfs import cid_of
from participant.cli.node import node
from participant.examples import digits
from participant.jobs.creation import create
from participant.jobs.draft import read

pytestmark = pytest.mark.node


def test_clinics_learn_digits_from_the_files_and_the_draft_as_written(tmp_path: Path) -> None:
    folder = tmp_path / "example"
    written = CliRunner().invoke(node, ["example", "digits", str(folder)], catch_exceptions=False)
    *arrays, draft = [Path(line) for line in written.stdout.split()]
    assert [path.name for path in arrays] == [*(f"clinic-{number}.npz" for number in range(1, 4)), "test.npz"]

    def put(pieces: Any, pin: str) -> Any:
        return cid_of(pieces)[0]

    document = create(read(draft), put)
    assert document.task.name == "image"
    assert federated(document, arrays[:3], arrays[3], tmp_path, bytes(1)) > 0.9


def test_every_image_is_in_one_place_only(tmp_path: Path) -> None:
    pixels, labels = digits.images()
    parts = [np.load(path) for path in digits.write(tmp_path)[:-1]]
    rows = np.concatenate([np.column_stack([one["x"].reshape(len(one["y"]), -1), one["y"]]) for one in parts])
    whole = np.column_stack([pixels.reshape(len(labels), -1), labels])
    assert sorted(map(bytes, rows.astype(np.uint8))) == sorted(map(bytes, whole.astype(np.uint8)))
