"""What is compared: alone, with heads at home over a shared trunk, and with all assays known to all."""

from collections.abc import Mapping
from dataclasses import replace
from statistics import fmean

import torch

from ledger.errors import UsageError
from ledger.jobs.document import Setting
from participant.comparing.arms import Arm, Criterion, Design, PartyFiles
from participant.comparing.federation import FEDERATED, LOCAL, POOLED, PRIVATE, Federation, Party
from participant.comparing.ranking import average_precision
from participant.examples.command import Example
from partners.data import ALL, COLUMNS, made_up


def settings(rate: str, steps: int = 30) -> dict[str, Setting]:
    """The task's, as the job has them: it names no assay."""
    return {
        "columns": list(COLUMNS),
        "ranges": ["0:1"] * len(COLUMNS),
        "hidden": ["32"],
        "learning_rate": rate,
        "batch_size": 32,
        "optimiser": "adam",
        "steps": steps,
    }


def merit(_: Federation, module: torch.nn.Module, party: Party) -> Mapping[str, float]:
    """Average precision in the mean of the assays that the party has results of."""
    module.eval()
    with torch.no_grad():
        outputs = module(party.test.inputs).double()
    found = []
    for own, targets in zip(outputs.T, party.test.targets.T, strict=True):
        known = ~targets.isnan()
        if bool((targets[known] == 1).any()):
            found.append(average_precision(own[known], targets[known]))
    return {"average_precision": fmean(found), "samples": float(len(outputs))}


def none(*_: object) -> list[PartyFiles]:
    """Real data: there are none to be had, since no partner of such a network shows its own."""
    raise UsageError("this example has no data but those that it makes up", advice="leave --data out")


WHOLE = Design(
    task="multitask",
    settings=settings,
    arms=(
        Arm("local", "each partner alone", LOCAL, heads=True),
        Arm("private", "one trunk, heads at home", PRIVATE, private=("head.*",), heads=True),
        Arm("federated", "FedAvg, all assays known to all", FEDERATED, settings={"tasks": ALL}),
        Arm("pooled", "all molecules in one place", POOLED, settings={"tasks": ALL}),
    ),
    figures=(Criterion("average_precision"),),
    rounds=20,
    seeds=(1, 2, 3),
    rates=("0.003", "0.01"),
    folds=2,
    measure=merit,
)
SMALL = replace(WHOLE, settings=lambda rate: settings(rate, 5), rounds=3, seeds=(1,), rates=("0.003",))
"""Enough to see that it runs."""


EXAMPLE = Example(
    name="melloddy",
    about="What partners with assays of their own get out of a trunk that they train together.",
    data="There is none: the molecules are made up.",
    stand_in="Made-up molecules: the table shows that heads of one's own work, and nothing about chemistry.",
    read=none,
    made_up=made_up,
    whole=WHOLE,
    small=SMALL,
)
