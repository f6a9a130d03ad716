"""Where a published model differs from the one that recomputes: tensor, chunk and value."""

from typing import Any

import numpy as np

from ledger.errors import Malformed, Unavailable
from ledger.formats import merkle
from ledger.formats.cid import Cid, of_file
from ledger.formats.text import plural
from ledger.history.state import Aggregate
from ledger.jobs.document import Job
from ledger.rounds.facts import RoundFacts
from ledger.rounds.inputs import Fetch, Inputs
from ledger.rounds.outcome import Outcome


def locate_difference(
    facts: RoundFacts, aggregate: Aggregate, outcome: Outcome, fetch: Fetch, threads: int = 1
) -> dict[str, Any]:
    """The evidence against a published model: fields of a finding, as exact as the bytes that can be read allow."""
    job = facts.job
    cid = of_file(aggregate.cid, job.layout.size)
    if aggregate.root == outcome.root:
        message = "the model's integers recompute, but the published CID is not that of its file"
        return {"why": message, "expected": str(of_file(outcome.cid, job.layout.size)), "actual": str(cid)}
    roots = {"expected": outcome.root.hex(), "actual": aggregate.root.hex()}
    try:
        leaves = job.layout.leaf_hashes(fetch(cid, 0, job.layout.size + 1), facts.binding)
        own = _inputs(outcome).leaves(threads)
    except Unavailable:
        return {"why": "the published model does not recompute (its bytes could not be had)", **roots}
    except Malformed as error:
        return {"why": f"the published file is not a model of this round: {error}", **roots}
    if merkle.root(leaves) != aggregate.root:
        message = "the file under the published CID does not have the published root"
        return {"why": message, "expected": aggregate.root.hex(), "actual": merkle.root(leaves).hex()}
    different = [i for i, (mine, theirs) in enumerate(zip(own, leaves, strict=True)) if mine != theirs]
    try:
        return _first_value(job, outcome, cid, different, fetch)
    except Unavailable:
        tensor, _ = job.layout.locate(different[0] * merkle.VALUES)
        message = f"the published model does not recompute: it differs in {plural(len(different), 'chunk')}"
        return {"why": message, "tensor": tensor, "chunk": different[0], **roots}


def _first_value(job: Job, outcome: Outcome, cid: Cid, chunks: list[int], fetch: Fetch) -> dict[str, Any]:
    layout, inputs = job.layout, _inputs(outcome)
    start = chunks[0] * merkle.VALUES
    stop = min(start + merkle.VALUES, layout.values)
    mine, theirs = inputs.model(start, stop), inputs.values(cid, start, stop)
    at = int(np.argmax(mine != theirs))
    tensor, place_in_tensor = layout.locate(start + at)
    return {
        "why": "the published model does not recompute: it differs in "
        f"{len(chunks)} of {plural(layout.leaves, 'chunk')}, first in value {place_in_tensor} of tensor {tensor!r}",
        "tensor": tensor,
        "chunk": chunks[0],
        "value": place_in_tensor,
        "expected": str(int(mine[at])),
        "actual": str(int(theirs[at])),
    }


def _inputs(outcome: Outcome) -> Inputs:
    if outcome.inputs is None:
        raise ValueError("an outcome without a model has no values to compare")
    return outcome.inputs
