"""What a model is worth to a bank: how well it ranks payments, and what it costs with the bank's own threshold.

The area under the precision-recall curve is average precision (`participant.comparing.ranking`). Where frauds are rare
it tells rankings apart that the area under the ROC curve finds alike.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from participant.comparing.federation import Federation, Party
from participant.comparing.ranking import average_precision

MISSED, ALARM = 10.0, 1.0
"""What a missed fraud costs, and a genuine payment that is held up: the unit is the latter."""


def merit(federation: Federation, module: torch.nn.Module, party: Party) -> Mapping[str, float]:
    """`all_banks`, average precision on all banks' payments of the second day; `average_precision` on the bank's own;
    and `cost`, of 100 of its own by the threshold that costs least on its training rows, which no other bank learns.
    """
    everyone = federation.task.join([one.test for one in federation.parties])
    threshold = cheapest(scores(module, party.data.inputs), party.data.targets)
    own = scores(module, party.test.inputs)
    return {
        "all_banks": average_precision(scores(module, everyone.inputs), everyone.targets),
        "average_precision": average_precision(own, party.test.targets),
        "cost": 100 * cost(own >= threshold, party.test.targets) / len(own),
        "samples": float(len(own)),
    }


def nothing(party: Party) -> Mapping[str, float]:
    """What is reached where no payment is told from another, and none is held up."""
    share = float(party.test.targets.double().mean())
    own = {"average_precision": share, "cost": 100 * MISSED * share, "samples": float(len(party.test.targets))}
    return {"all_banks": share, **own}


def scores(module: torch.nn.Module, inputs: Tensor) -> Tensor:
    """The margin of fraud of each payment."""
    module.eval()
    with torch.no_grad():
        outputs: Tensor = module(inputs).double()
    return outputs[:, 1] - outputs[:, 0]


def cheapest(margins: Tensor, targets: Tensor) -> float:
    """The threshold from which on payments are held up at the least cost; between two margins it is in the middle."""
    steps = margins.unique()
    edges = torch.cat([steps[:1] - 1, (steps[1:] + steps[:-1]) / 2, steps[-1:] + 1])
    costs = [cost(margins >= edge, targets) for edge in edges]
    return float(edges[costs.index(min(costs))])


def cost(held: Tensor, targets: Tensor) -> float:
    """The cost of holding up these payments and letting the others pass."""
    missed, alarms = (~held & (targets == 1)).sum(), (held & (targets == 0)).sum()
    return float(MISSED * missed + ALARM * alarms)
