"""What simulated clients keep to themselves from round to round is what nodes would keep."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.simulated import wanted, write_draft, write_rows  # noqa: E402

from participant.simulation.simulation import Simulation  # noqa: E402

pytestmark = pytest.mark.node


def test_what_a_refused_update_left_is_not_gone_on_from(tmp_path: Path) -> None:
    """A node commits to no such update, so its next round starts from what an earlier one left."""
    rows, draft = write_rows(tmp_path / "rows.csv", 120), write_draft(tmp_path / "job.toml")
    draft.write_text(draft.read_text() + '\n[private]\ntensors = ["0.bias"]\n')
    made = Simulation(wanted(tmp_path, draft, [rows], clients=4, rounds=2))
    made.run()
    alone: Any = made.training
    trained = alone._locals[0].train_on(made.clients[0].data, made._model, rows, 3, 5, own=alone._own(0, 3))
    folder = made.wanted.folder / "scratch" / "0-own"
    beyond = np.full_like(trained.update, made.job.admission.max_value + 1)
    alone._keep(0, 3, replace(trained, update=beyond))
    assert sorted(path.stem for path in folder.iterdir()) == ["1", "2"]
    alone._keep(0, 4, trained)
    assert sorted(path.stem for path in folder.iterdir()) == ["2", "4"], "round 4 may be done again"
