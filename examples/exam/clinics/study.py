"""What is compared: each method's area under the ROC curve at each clinic, on rows that nobody trained on."""

from dataclasses import replace

from clinics.data import CLASSES, COLUMNS, SIZE, made_up, read
from ledger.jobs.document import Setting
from participant.comparing.arms import Arm, Criterion, Design
from participant.comparing.federation import FEDERATED, LOCAL, POOLED, PRIVATE
from participant.examples.command import Example


def settings(rate: str, steps: int = 20) -> dict[str, Setting]:
    """The task's, as the job has them."""
    return {
        "model": "resnet",
        "filters": ["8", "16"],
        "groups": 4,
        "height": SIZE,
        "width": SIZE,
        "columns": list(COLUMNS),
        "ranges": list(COLUMNS.values()),
        "outside": "clip",
        "features": 8,
        "missing": "learnt",
        "classes": list(CLASSES),
        "learning_rate": rate,
        "batch_size": 16,
        "steps": steps,
    }


WHOLE = Design(
    task="multimodal",
    settings=settings,
    arms=(
        Arm("local", "each clinic alone", LOCAL),
        Arm("federated", "FedAvg", FEDERATED),
        Arm("private", "FedAvg, head at home", PRIVATE, private=("head.*",)),
        Arm("pooled", "all rows in one place", POOLED),
    ),
    figures=(Criterion("auc"), Criterion("accuracy")),
    rounds=12,
    seeds=(1, 2, 3),
    rates=("0.1",),
)
SMALL = replace(WHOLE, settings=lambda rate: settings(rate, 5), rounds=2, seeds=(1,))
"""Enough to see that it runs."""
EXAMPLE = Example(
    name="exam",
    about="What each of some clinics gets out of joining, with images and tables: AUC on rows that nobody trained on.",
    data="Folder with NAME-train.npz and NAME-test.npz of each clinic.  [default: made-up images and tables]",
    stand_in="Made-up images and tables: the table shows that it runs, and nothing about patients.",
    read=lambda data, folder, seed: read(data),
    made_up=made_up,
    whole=WHOLE,
    small=SMALL,
)
