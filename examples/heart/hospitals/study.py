"""What is compared: each method's accuracy at each hospital, its learning rate chosen without the test rows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from hospitals.data import COLUMNS, LABELS, Hospital, made_up, read
from ledger.jobs.document import Setting
from participant.comparing.arms import Arm, Baseline, Criterion, Design, PartyFiles
from participant.comparing.federation import DITTO, FEDERATED, FINE_TUNE, LOCAL, POOLED, PRIVATE, Party
from participant.examples.command import Example


def settings(rate: str, steps: int = 100) -> dict[str, Setting]:
    """The task's, as the job has them."""
    return {
        "model": "logistic",
        "columns": list(COLUMNS),
        "ranges": list(COLUMNS.values()),
        "outside": "clip",
        "label": "disease",
        "classes": list(LABELS),
        "learning_rate": rate,
        "batch_size": 4,
        "steps": steps,
    }


def majority(party: Party) -> Mapping[str, float]:
    """What the class of most training rows is worth on the test rows."""
    most = torch.bincount(party.data.targets, minlength=2).argmax()
    right = (party.test.targets == most).double()
    return {"accuracy": float(right.mean()), "samples": float(len(right))}


def arms(steps: int) -> tuple[Arm, ...]:
    """The methods, with personal models trained for so many steps."""
    return (
        Arm("local", "each hospital alone", LOCAL),
        Arm("federated", "FedAvg", FEDERATED),
        Arm("private", "FedAvg, bias at home", PRIVATE, private=("0.bias",)),
        Arm("fine_tune", "FedAvg, then fine-tuned", FINE_TUNE, steps=steps),
        Arm("ditto", "FedAvg, then Ditto", DITTO, steps=steps, pull=0.1),
        Arm("pooled", "all rows in one place", POOLED),
    )


def written(hospitals: Sequence[Hospital], folder: Path) -> list[PartyFiles]:
    """Each hospital's two files."""
    parties = []
    for one in hospitals:
        sides = (("train", one.trained), ("test", ~one.trained))
        parties.append(
            PartyFiles(one.name, *(one.write(folder / f"{one.name}-{side}.csv", rows) for side, rows in sides))
        )
    return parties


WHOLE = Design(
    task="tabular",
    settings=settings,
    arms=arms(1000),
    figures=(Criterion("accuracy"),),
    rounds=15,
    seeds=(1, 2, 3, 4, 5),
    rates=("0.01", "0.03", "0.1", "0.3"),
    baselines=(Baseline("majority", "the class that most rows have", majority),),
)
SMALL = replace(WHOLE, settings=lambda rate: settings(rate, 20), arms=arms(50), rounds=3, seeds=(1,), rates=("0.1",))
"""Enough to see that it runs."""
EXAMPLE = Example(
    name="heart",
    about="What each of four hospitals gets out of joining: accuracy on rows of its own that nobody trained on.",
    data="Folder with processed.cleveland.data and the three others.  [default: made-up rows]",
    stand_in="Made-up rows: the table shows that it runs, and nothing about hearts.",
    read=lambda data, folder, seed: written(read(data), folder),
    made_up=lambda folder, seed: written(made_up(), folder),
    whole=WHOLE,
    small=SMALL,
)
