"""What is compared: each method's concordance and loss at each centre, its learning rate chosen without test rows."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from centres.data import EVENT, RANGES, TIME, Centre, made_up, read
from ledger.jobs.document import Setting
from participant.comparing.arms import Arm, Criterion, Design, PartyFiles
from participant.comparing.federation import FEDERATED, LOCAL, POOLED, PRIVATE
from participant.examples.command import Example

BINS = ("180", "365", "730", "1095", "1460", "1825", "2555", "3650")
"""Ends of the bins of time, in days: from half a year to ten years."""


def settings(rate: str, steps: int = 20) -> dict[str, Setting]:
    """The task's, as the job has them."""
    return {
        "model": "linear",
        "columns": list(RANGES),
        "ranges": list(RANGES.values()),
        "outside": "clip",
        "time": TIME,
        "event": EVENT,
        "bins": list(BINS),
        "learning_rate": rate,
        "weight_decay": "0.01",
        "batch_size": 16,
        "steps": steps,
    }


def written(centres: Sequence[Centre], folder: Path) -> list[PartyFiles]:
    """Each centre's two files."""
    return [one.write(folder) for one in centres]


WHOLE = Design(
    task="survival",
    settings=settings,
    arms=(
        Arm("local", "each centre alone", LOCAL),
        Arm("federated", "FedAvg", FEDERATED),
        Arm("private", "FedAvg, bias at home", PRIVATE, private=("0.bias",)),
        Arm("pooled", "all rows in one place", POOLED),
    ),
    figures=(Criterion("loss", least=True), Criterion("concordance")),
    rounds=20,
    seeds=(1, 2, 3, 4, 5),
    rates=("0.01", "0.03", "0.1", "0.3"),
)
SMALL = replace(WHOLE, settings=lambda rate: settings(rate, 10), rounds=3, seeds=(1,), rates=("0.1",))
"""Enough to see that it runs."""
EXAMPLE = Example(
    name="survival",
    about="What each of six regions gets out of joining: concordance and loss on its own rows that nobody trained on.",
    data="Folder with FLamby's brca.csv, centers.csv and train_test_split.csv.  [default: made-up rows]",
    stand_in="Made-up rows: the table shows that it runs, and nothing about cancer.",
    read=lambda data, folder, seed: written(read(data), folder),
    made_up=lambda folder, seed: written(made_up(), folder),
    whole=WHOLE,
    small=SMALL,
)
