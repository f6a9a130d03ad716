"""Releases without a chain: a job, its model's integers, and the folder that `release fetch` would write of them.

The card is the real one's few lines that a folder is held against.
"""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace

from ledger.events.records import Terms
from ledger.formats import merkle
from ledger.formats.artifact import Tensor
from ledger.formats.cid import RAW, Cid
from ledger.jobs.document import Admission, InitialModel, Job, JobTask
from ledger.jobs.plain import PLAIN
from ledger.jobs.preparation import Category, Label, Missing, Number, Preparation
from ledger.jobs.privacy import OPEN
from ledger.jobs.rules import WeightedMean
from ledger.jobs.scores import NoScoring
from ledger.jobs.server import NONE
from ledger.releases.file import ModelFile
from ledger.rounds.facts import Place
from participant.predicting.released import FoundRelease

LEDGER, BOARD = "0x5FbDB2315678afecb367f032d93F642f64180aa3", "0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0"
TENSORS = (Tensor("0.bias", (3,)), Tensor("0.weight", (3, 2)), Tensor("2.bias", (2,)), Tensor("2.weight", (2, 3)))
SETTINGS: dict[str, Any] = {
    "model": "mlp",
    "hidden": ["3"],
    "columns": ["age", "pressure"],
    "ranges": ["0:100", "80:200"],
    "label": "ill",
    "classes": ["no", "yes"],
}
COLUMNS = "age,sex,cp,trestbps,chol,fbs,restecg,thalach,exang,oldpeak,slope,ca,thal,num"
NAMES = COLUMNS.split(",")
RANGES = {"age": ("0", "100"), "trestbps": ("60", "240"), "chol": ("80", "620"), "thalach": ("50", "250")}
RANGES |= {"oldpeak": ("-5", "10"), "ca": ("0", "3"), "sex": ("0", "1"), "fbs": ("0", "1"), "exang": ("0", "1")}
WORDS = {"cp": ("1", "2", "3", "4"), "restecg": ("0", "1", "2"), "slope": ("1", "2", "3"), "thal": ("3", "6", "7")}
HEART = Preparation(
    inputs=tuple(
        Category(column=name, vocabulary=WORDS[name], missing=Missing(by="flag") if name == "thal" else None)
        if name in WORDS
        else Number(
            column=name,
            low=RANGES[name][0],
            high=RANGES[name][1],
            missing=Missing(by="flag", value="0") if name == "ca" else None,
        )
        for name in NAMES[:-1]
    ),
    labels=(Label(column="num", values={"0": "no", **dict.fromkeys("1234", "yes")}),),
)
HEART_SETTINGS: dict[str, Any] = {
    "model": "mlp",
    "hidden": ["16"],
    "label": "num",
    "classes": ["no", "yes"],
    "columns": [output.name for output in HEART.outputs],
    "ranges": [output.range for output in HEART.outputs],
}
ROWS = "age,pressure\n50,120\n71,160.5\n3,80\n"


def job_of(
    task: str = "tabular", settings: dict[str, Any] | None = None, tensors: tuple[Tensor, ...] = TENSORS, **more: Any
) -> Job:
    """A job of a table; `more` are further fields."""
    job = Job(
        fedledger="job/2",
        name="small",
        task=JobTask(name=task, version="1", code="00" * 32, settings=SETTINGS if settings is None else settings),
        tensors=tensors,
        initial_model=InitialModel(cid=str(Cid(RAW, bytes(32))), root="00" * 32, seed=1),
        aggregation=WeightedMean(),
        admission=Admission(min_updates=2, max_weight=1000, max_value=1 << 20, max_norm=1 << 24),
        terms=Terms(3, 600, 600, 600, 600, 2),
        scoring=NoScoring(),
        hold_out=20,
        privacy=OPEN,
        **PLAIN,
        server=NONE,
    )
    return replace(job, **more)


def heart_job() -> Job:
    """The job of the heart model, without torch: its tensors are those that its task would make."""
    width = len(HEART.outputs)
    shapes = {"0.bias": (16,), "0.weight": (16, width), "2.bias": (2,), "2.weight": (2, 16)}
    tensors = tuple(Tensor(name, shape) for name, shape in shapes.items())
    return job_of("tabular", HEART_SETTINGS, tensors, preparation=HEART)


def model_of(job: Job, seed: int = 1, largest: int = 1 << 23) -> np.ndarray:
    """Integers for a job's tensors."""
    return np.random.default_rng(seed).integers(-largest, largest, job.layout.values).astype("<i4")


def released(job: Job | None = None, model: np.ndarray | None = None, **more: Any) -> FoundRelease:
    """A release in memory."""
    job = job or job_of()
    model = model_of(job) if model is None else model
    root = merkle.root_of(model.astype("<i4").tobytes())
    where = {"chain": 31337, "ledger": LEDGER, "number": 1, "round": 2}
    found = FoundRelease("cardio", "1.0", "ab" * 32, **where, root=root, job=job, model=model)
    return found if not more else _changed(found, more)


def _changed(found: FoundRelease, more: dict[str, Any]) -> FoundRelease:
    return dataclasses.replace(found, **more)


def folder_of(folder: Path, found: FoundRelease) -> Path:
    """What `release fetch` writes of a release: model, card and job."""
    folder.mkdir(parents=True, exist_ok=True)
    release: Any = _Named(found)
    state: Any = None
    file = ModelFile(Place(found.chain, found.ledger), BOARD, release, state, found.job)
    body = b"".join(
        piece for group in file.values.groups for piece in group.pieces(iter([found.model.astype("<i4").tobytes()]))
    )
    (folder / "model.safetensors").write_bytes(file.header + body)
    (folder / "job.json").write_bytes(found.job.encode())
    lines = ("# cardio 1.0", f"tensor root `{found.root.hex()}`")
    digest = f"| job's document | SHA-256 `{found.job.digest.hex()}` |"
    (folder / "README.md").write_text("\n".join([*lines, digest, ""]))
    return folder


class _Named:
    """What a model file's header asks of a release."""

    def __init__(self, found: FoundRelease) -> None:
        self.id, self.name, self.version = bytes.fromhex(found.release), found.name, found.version
        self.job, self.round, self.root = found.number, found.round, found.root
