"""What is compared: FedAvg, server optimisers, personal models, where a quarter of the parties trains in a round."""

from collections.abc import Mapping
from dataclasses import replace

import torch

from ledger.jobs.document import Setting
from ledger.jobs.server import Adagrad, Adam, Dyn, Momentum, Scaffold, Yogi
from participant.comparing.arms import Arm, Criterion, Design
from participant.comparing.federation import (
    DITTO,
    FEDERATED,
    FINE_TUNE,
    LOCAL,
    POOLED,
    PRIVATE,
    Federation,
    Party,
    evaluated,
)
from participant.examples.command import Example
from writers.data import BRIGHTEST, CLASSES, PIXELS, dealt, made_up, read

MOMENTS = {"beta1": "0.9", "beta2": "0.99", "tau": "0.001"}


def settings(rate: str, steps: int = 10) -> dict[str, Setting]:
    """The task's, as the job has them."""
    return {
        "model": "mlp",
        "hidden": ["32"],
        "columns": [f"pixel{number:02}" for number in range(PIXELS)],
        "ranges": [f"0:{BRIGHTEST}"] * PIXELS,
        "classes": [str(digit) for digit in range(CLASSES)],
        "learning_rate": rate,
        "batch_size": 16,
        "steps": steps,
    }


def merit(federation: Federation, module: torch.nn.Module, party: Party) -> Mapping[str, float]:
    """The task's figures on the party's own test rows, and `all_digits`: accuracy on all parties' test rows."""
    everyone = federation.task.join([one.test for one in federation.parties])
    all_digits = federation.task.evaluate(module, everyone)["accuracy"]
    return {**evaluated(federation, module, party), "all_digits": all_digits}


def arms(steps: int) -> tuple[Arm, ...]:
    """The methods, with personal models trained for so many steps; server rates are those of docs/benchmarks.md."""
    return (
        Arm("local", "each party alone", LOCAL),
        Arm("federated", "FedAvg", FEDERATED),
        Arm("momentum", "FedAvgM", FEDERATED, Momentum(rate="1", beta="0.9")),
        Arm("adam", "FedAdam", FEDERATED, Adam(rate="0.03", **MOMENTS)),
        Arm("yogi", "FedYogi", FEDERATED, Yogi(rate="0.03", **MOMENTS)),
        Arm("adagrad", "FedAdagrad", FEDERATED, Adagrad(rate="0.3", tau="0.001")),
        Arm("dyn", "FedDyn", FEDERATED, Dyn(alpha="0.1")),
        Arm("scaffold", "SCAFFOLD", FEDERATED, Scaffold(rate="1")),
        Arm("private", "FedAvg, last bias at home", PRIVATE, private=("2.bias",)),
        Arm("fine_tune", "FedAvg, then fine-tuned", FINE_TUNE, steps=steps),
        Arm("ditto", "FedAvg, then Ditto", DITTO, steps=steps, pull=0.1),
        Arm("pooled", "all digits in one place", POOLED),
    )


WHOLE = Design(
    task="tabular",
    settings=settings,
    arms=arms(50),
    figures=(Criterion("accuracy"), Criterion("all_digits")),
    rounds=40,
    seeds=(1, 2, 3),
    rates=("0.1",),
    taking_part=5,
    measure=merit,
)
SMALL = replace(WHOLE, rounds=4, seeds=(1,), arms=arms(10))
"""Enough to see that it runs."""
ABOUT = "What helps twenty parties with few of the ten digits each: server optimisers, or models of their own."


def example(name: str, partition: str) -> Example:
    """The example with rows dealt so."""
    return Example(
        name=name,
        about=ABOUT,
        data="Folder with optdigits.tra and optdigits.tes.  [default: made-up images]",
        stand_in="Made-up images: the table shows that it runs, and nothing about handwriting.",
        read=lambda data, folder, seed: dealt(*read(data), partition, folder),
        made_up=lambda folder, seed: dealt(*made_up(), partition, folder),
        whole=WHOLE,
        small=SMALL,
    )


EXAMPLE = example("digits", "classes:2")
DIRICHLET = example("dirichlet", "dirichlet:0.3")
