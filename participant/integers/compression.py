"""From an update to the nearest one that a compressed file can say, and what rounding took from it.

Integers alone, so that the same update leads to the same bytes on any machine. What rounding took may be added to the
party's next update: error feedback (F. Seide et al., 1-Bit Stochastic Gradient Descent and its Application to
Data-Parallel Distributed Training of Speech DNNs, Interspeech 2014).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ledger import kernel
from ledger.formats.compressed.packing import Packing
from ledger.formats.dtypes import HIGHEST
from ledger.jobs.document import Admission, Job
from participant.integers.fixed_point import Stream, check_length

if TYPE_CHECKING:
    import torch

RESIDUE = "residue"
"""The section of what stays at home (`participant.private.tensors`) that has what rounding took, in one tensor."""
VALUES = "update"
Wide = NDArray[np.int64]
PIECE = 1 << 16
"""Values rounded at a time: memory beside the update does not grow with it."""


def compressed(job: Job, update: Stream, residue: Stream | None = None) -> tuple[Stream, Stream | None]:
    """The update as the job's files say it, and what rounding took, for the next one; the update as it is, and nothing,
    where updates are not compressed. `residue` is what was taken before, with error feedback.

    Where an update within the job's norm would not be within it any more, it is rounded towards zero, and `residue`
    waits for a later round: a party whose update is refused keeps its residue, and would be refused ever after.
    """
    if job.packing is None or job.compression is None:
        return update, None
    limits, feedback = job.admission, job.compression.error_feedback
    given = (job.packing, update, limits.max_value, residue if feedback else None)
    made, left = rounded(*given)
    if not limits.clips and _is_longer(made, limits) and not _is_longer(update, limits):
        made, left = rounded(*given, shorten=True)
    return made, left if feedback else None


def _is_longer(values: Stream, limits: Admission) -> bool:
    return kernel.survey(values)[1] > limits.max_norm**2


def residue_of(job: Job, own: Mapping[str, Mapping[str, "torch.Tensor"]]) -> Stream | None:
    """What rounding took before, out of what stayed at home; None where nothing was. Raises Malformed for another
    model's.
    """
    found = own.get(RESIDUE, {}).get(VALUES)
    if found is None:
        return None
    residue: Stream = found.numpy()
    check_length(job.layout, residue)
    return residue


def rounded(
    packing: Packing, update: Stream, bound: int, residue: Stream | None = None, *, shorten: bool = False
) -> tuple[Stream, Stream]:
    """The update with `residue` added, each tensor rounded to multiples of 2^s, half away from zero; and the rest.

    s is the least with which the tensor's largest value has a q. An update within ±`bound` stays within it: what is
    beyond is cut off, and is in the rest. The rest is cut to int32. With `shorten` the update alone is rounded, towards
    zero, and all of `residue` is in the rest.
    """
    check_length(packing.model, update)
    made, left = np.empty_like(update), np.empty_like(update)
    most = _top(update)
    bound = bound if most <= bound else HIGHEST
    added = None if shorten else residue
    for number, tensor in enumerate(packing.model.tensors):
        first = packing.model.starts[number]
        places = [
            slice(start, min(start + PIECE, first + tensor.values))
            for start in range(first, first + tensor.values, PIECE)
        ]
        top = max(_top(_sum(update, added, place)) for place in places)
        shift = _shift(packing, min(top, bound))
        for place in places:
            divided = _divided(_sum(update, added, place), shift, shorten)
            values = np.clip(divided, -(limit := min(packing.most, bound >> shift)), limit) << shift
            made[place] = values
            left[place] = np.clip(_sum(update, residue, place) - values, -HIGHEST, HIGHEST)
    return made, left


def _sum(update: Stream, residue: Stream | None, place: slice) -> Wide:
    wide = update[place].astype(np.int64)
    return wide if residue is None else wide + residue[place]


def _top(values: NDArray[Any]) -> int:
    return max(int(values.max()), -int(values.min()))


def _shift(packing: Packing, top: int) -> int:
    """The least shift with which the nearest q of a magnitude is not too large."""
    shift = max(0, top.bit_length() - packing.bits + 1)
    if shift and (top + (1 << shift - 1)) >> shift > packing.most:
        shift += 1
    return min(shift, packing.largest_shift)


def _divided(values: Wide, shift: int, shorten: bool) -> Wide:
    """values / 2^shift, rounded half away from zero, or with `shorten` towards zero."""
    if not shift:
        return values
    sizes = (np.abs(values) + (0 if shorten else 1 << shift - 1)) >> shift
    return np.where(values < 0, -sizes, sizes)
