"""Models of ready tasks, trained for a moment by torch, as releases in memory; tests that use them need torch."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from support import predicted
from support.predicted import HEART, NAMES

from ledger.formats.artifact import Layout
from ledger.jobs.document import JobTask
from ledger.jobs.preparation import Preparation
from participant.integers.tensors import stream_of, table
from participant.predicting.released import FoundRelease
from participant.tasks.discovery import find


class Trained(NamedTuple):
    """A release, and the task, its data and its model in torch."""

    released: FoundRelease
    task: Any
    data: Any
    model: Any


def train(name: str, settings: dict[str, Any], data: Path, preparation: Preparation | None = None) -> Trained:
    """A model after a hundred full steps of Adam, then rounded to the ledger's integers and back."""
    installed = find(name)
    task = installed.create(settings, preparation)
    rows = task.load_data(data)
    model = task.build_model(3)
    loss = _loss(name, settings)
    optimiser = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(100):
        optimiser.zero_grad()
        loss(model(rows.inputs), rows.targets).backward()
        optimiser.step()
    model.eval()
    tensors = table(model.state_dict(), 24)
    stream = stream_of(model.state_dict(), Layout(tensors))
    job = predicted.job_of(name, settings, tensors, preparation=preparation)
    from msgspec.structs import replace

    job = replace(job, task=JobTask(name=name, version=installed.version, code=installed.code, settings=settings))
    return Trained(predicted.released(job, np.asarray(stream)), task, rows, model)


def _loss(name: str, settings: dict[str, Any]) -> Any:
    from participant.tasks.ready.multitask import masked_loss
    from participant.tasks.ready.survival import hazard_loss

    if "classes" in settings:
        return torch.nn.CrossEntropyLoss()
    return {"survival": hazard_loss, "multitask": masked_loss}.get(name) or torch.nn.MSELoss()


def heart(folder: Path, shared: Path, **settings: Any) -> Trained:
    """303 patients of Cleveland as they are published, but for a header; two have no `thal`, four no `ca`."""
    lines = (shared / "heart" / "processed.cleveland.data").read_text().splitlines()
    path = folder / "heart.csv"
    path.write_text("\n".join([",".join(NAMES), *lines]) + "\n")
    return train("tabular", predicted.HEART_SETTINGS | settings, path, HEART)
