"""An update that was stored before a crash is found again, under a weight that it can have alone."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.drafts import DRAFT, Memory

from ledger.formats.artifact import Binding
from ledger.formats.unixfs import cid_of
from ledger.party.pins import trained_pin
from participant.integers.artifacts import file_of
from participant.jobs.creation import create
from participant.jobs.draft import read
from participant.node.updates import Updates

pytestmark = pytest.mark.node


@pytest.mark.parametrize(("weight", "found"), [(0, False), (1, True), (500, True), (501, False)])
def test_a_stored_update_is_found_only_under_a_weight_that_the_job_admits(
    tmp_path: Path, weight: int, found: bool
) -> None:
    import numpy as np

    (tmp_path / "job.toml").write_text(DRAFT)
    job = create(read(tmp_path / "job.toml"), Memory().put)
    binding = Binding(
        kind="update", chain=1, contract="0x" + "1" * 40, job=1, round=1, party="0x" + "2" * 40, base=bytes(32)
    )
    file = [bytes(piece) for piece in file_of(job.layout, binding, np.zeros(job.layout.values, np.int32))]
    pins = {trained_pin(job.digest, 1, weight): cid_of(file)[0]}
    connection: Any = SimpleNamespace(store=SimpleNamespace(pins=lambda: pins), fetch=lambda *_: iter(file))
    facts: Any = SimpleNamespace(job=job, round=SimpleNamespace(number=1), size=job.layout.size)
    prepared = Updates(connection, "", Path(), None)._find(facts, binding)  # type: ignore[arg-type]
    assert (prepared is not None) == found
    if prepared is not None:
        assert prepared.weight == weight
