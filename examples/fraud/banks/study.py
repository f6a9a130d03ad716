"""What is compared, by whose figures, and how it is trained."""

from dataclasses import replace

from banks.data import COLUMNS, LABELS, dealt, made_up, read
from banks.merit import merit, nothing
from ledger.jobs.document import Setting
from participant.comparing.arms import Arm, Baseline, Criterion, Design
from participant.comparing.federation import FEDERATED, LOCAL, POOLED, PRIVATE
from participant.examples.command import Example

RANGES = [*["-10:10"] * 28, "0:10"]
"""Components are scaled to about 1, amounts are logarithms."""


def settings(rate: str, steps: int = 50) -> dict[str, Setting]:
    """The task's, as the job has them."""
    return {
        "model": "mlp",
        "hidden": ["16"],
        "columns": list(COLUMNS),
        "ranges": list(RANGES),
        "outside": "clip",
        "label": "kind",
        "classes": list(LABELS),
        "learning_rate": rate,
        "batch_size": 16,
        "steps": steps,
    }


WHOLE = Design(
    task="tabular",
    settings=settings,
    arms=(
        Arm("local", "each bank alone", LOCAL),
        Arm("federated", "FedAvg", FEDERATED),
        Arm("private", "FedAvg, bias at home", PRIVATE, private=("2.bias",)),
        Arm("pooled", "all payments in one place", POOLED),
    ),
    figures=(Criterion("all_banks"), Criterion("average_precision"), Criterion("cost", least=True)),
    rounds=15,
    seeds=tuple(range(11, 31)),
    rates=("0.03", "0.1", "0.3", "1"),
    folds=3,
    baselines=(Baseline("nothing", "no payment held up", nothing),),
    measure=merit,
)
SMALL = replace(WHOLE, settings=lambda rate: settings(rate, 10), rounds=3, seeds=(1,), rates=("0.3",))
"""Enough to see that it runs."""
EXAMPLE = Example(
    name="fraud",
    about="What each of five banks gets out of joining: card fraud found on the second of two days.",
    data="Folder with the card payments, a CSV file with Time, V1 to V28, Amount and Class.  [default: made-up rows]",
    stand_in="Made-up payments: the table shows that it runs, and nothing about fraud.",
    read=lambda data, folder, seed: dealt(read(data), seed, folder),
    made_up=lambda folder, seed: dealt(made_up(), seed, folder),
    whole=WHOLE,
    small=SMALL,
    ahead=("all_banks", "federated", "local"),
)
