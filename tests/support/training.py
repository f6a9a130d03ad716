"""Training in tests without a node: a machine, and the context of a round."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace

from ledger.formats.artifact import Layout
from ledger.jobs.document import Job
from ledger.rounds.rules import combine
from ledger.rounds.rules.arithmetic import add
from participant.tasks.machine import Machine


def machine(folder: Path) -> Machine:
    """The CPU, and scratch folders in `folder`."""
    return Machine("cpu", folder / "scratch")


def context(task: Any, model: Any, folder: Path = Path(), *, seed: int = 1, number: int = 1) -> Any:
    """The context of a round that trains `model` as it is now."""
    from participant.tasks.sharing import context_of

    return context_of(task, model, number, seed, "cpu", folder, {})


def federated(document: Job, files: Sequence[Path], test: Path, scratch: Path, salt: bytes) -> float:
    """The accuracy on `test` after all rounds of a job over the parties' files, with the ledger's own arithmetic,
    without the ledger; on all rows, as a comparison trains. Every update is within the job's bounds.
    """
    from participant.integers.tensors import stream_of
    from participant.node.trainings import seed_of
    from participant.tasks.training import Local

    local = Local.of(replace(document, hold_out=0), machine(scratch))
    model = stream_of(local.task.build_model(1).state_dict(), Layout(document.tensors))
    for number in range(1, document.terms.rounds + 1):
        trained = [
            local.train(model, file, number, seed_of(salt, number, party)) for party, file in enumerate(files, 1)
        ]
        assert all(np.abs(t.update).max() < document.admission.max_value for t in trained)
        assert all(np.linalg.norm(t.update.astype(float)) < document.admission.max_norm for t in trained)
        change = combine(document.aggregation, [t.weight for t in trained], lambda k, t=trained: t[k].update)
        model = add(model, change, 0)
    return local.evaluate(model, test)["accuracy"]
