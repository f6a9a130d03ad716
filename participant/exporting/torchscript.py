"""A model as TorchScript, which torch reads without the task's code: scaled inputs to the last layer's outputs."""

import io
import warnings
from collections.abc import Mapping
from pathlib import Path

from ledger.errors import UsageError
from ledger.formats.text import json_text
from ledger.store import disk
from participant.predicting.describing import describe
from participant.predicting.network import TaskNetwork, layers_of
from participant.predicting.released import FoundRelease

CARD, PROPERTIES = "README.md", "fedledger.json"
"""Files inside: the release's card, and what every export says of it."""


def write_torchscript(path: Path, released: FoundRelease, said: Mapping[str, str]) -> None:
    """Trace the task's model and write it. Raises UsageError where torch or the task is not installed here."""
    network = TaskNetwork(released.job, released.model)
    import torch

    module = network.module.eval().cpu()
    example = torch.zeros(2, *_shape(released))
    texts = {name: value for name, value in said.items() if not name.endswith(".card")}
    files = {PROPERTIES: json_text(texts), CARD: said["fedledger.card"]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch.export has no file that plain C++ reads
        warnings.simplefilter("ignore", FutureWarning)
        traced = torch.jit.trace(module, example, check_trace=False)  # type: ignore[no-untyped-call]
        written = io.BytesIO()
        torch.jit.save(traced, written, _extra_files=files)
    disk.write_whole(path, [written.getvalue()])


def _shape(released: FoundRelease) -> tuple[int, ...]:
    """The shape of one input. Raises UsageError where neither layers nor columns tell it."""
    told = layers_of(released.job)
    if told is not None:
        return told[0]
    try:
        return describe(released.job).shape
    except UsageError as error:
        raise UsageError(
            "nothing tells the shape of this model's inputs, so it cannot be traced",
            advice="--huggingface FOLDER has its tensors and settings",
            task=released.job.task.name,
        ) from error
