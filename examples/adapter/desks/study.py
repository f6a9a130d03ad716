"""What is compared: each desk alone, the mean of adapters with and without a common A, a head at home, all in one."""

from collections.abc import Mapping
from dataclasses import replace

from desks.backbone import backbone
from desks.data import CLASSES, made_up, read
from ledger.jobs.document import Setting
from participant.comparing.arms import Arm, Criterion, Design
from participant.comparing.federation import FEDERATED, LOCAL, POOLED, PRIVATE
from participant.examples.command import Example

FROZEN = {"freeze_a": True}
HEAD = ("base_model.model.classifier.*",)


def settings(rate: str, epochs: int = 2) -> Mapping[str, Setting]:
    """The task's, as the job has them."""
    return {
        "backbone": backbone(),
        "rank": 4,
        "length": 16,
        "classes": list(CLASSES),
        "optimiser": "adam",
        "learning_rate": rate,
        "batch_size": 16,
        "epochs": epochs,
    }


WHOLE = Design(
    task="adapter",
    settings=settings,
    arms=(
        Arm("local", "each desk alone", LOCAL),
        Arm("federated", "FedAvg of adapters", FEDERATED),
        Arm("frozen", "FedAvg, one A for all (FFA-LoRA)", FEDERATED, settings=FROZEN),
        Arm("private", "FedAvg, head at home", PRIVATE, private=HEAD),
        Arm("pooled", "all messages in one place", POOLED),
    ),
    figures=(Criterion("accuracy"),),
    rounds=8,
    seeds=(1, 2, 3),
    rates=("0.01", "0.03"),
    folds=2,
)
SMALL = replace(WHOLE, rounds=2, seeds=(1,), rates=("0.01",))
"""Enough to see that it runs."""

EXAMPLE = Example(
    name="adapter",
    about="What four desks get out of training a transformer's adapter together: accuracy on messages of their own.",
    data="Folder with NAME-train.csv and NAME-test.csv of each party: text, label (calm, urgent).  [default: made up]",
    stand_in="Made-up messages and a backbone of random weights: the table says nothing about language.",
    read=read,
    made_up=made_up,
    whole=WHOLE,
    small=SMALL,
)
