"""How well a model ranks rows of which few are what is looked for."""

from torch import Tensor, searchsorted


def average_precision(margins: Tensor, targets: Tensor) -> float:
    """Average precision: the mean, over rows of class 1, of the precision down to each one's place in a ranking by
    `margins` n, of `targets` n, 0 or 1. NaN where no row is of class 1.

    It is the area under the precision-recall curve without straight lines between its points, which would flatter (J.
    Davis and M. Goadrich 2006, "The Relationship Between Precision-Recall and ROC Curves"). Rows of equal margins share
    the last one's place.
    """
    order = margins.argsort(descending=True, stable=True)
    found, ranked = targets[order].double().cumsum(0), -margins[order]
    last = searchsorted(ranked, ranked, right=True) - 1
    precision = found[last] / (last + 1)
    return float((precision * targets[order]).sum() / found[-1])
