"""Where a published model, or what is carried beside it, differs from what recomputes: stream, tensor, chunk, value."""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

import numpy as np

from ledger.errors import Malformed, Unavailable
from ledger.formats import merkle
from ledger.formats.artifact import Layout
from ledger.formats.cid import RAW, Cid, of_file
from ledger.formats.digest import NOTHING
from ledger.formats.text import plural
from ledger.history.state import Aggregate
from ledger.jobs.document import Job
from ledger.rounds.admission import Verdict
from ledger.rounds.carried import Carried, StateStream
from ledger.rounds.facts import RoundFacts
from ledger.rounds.inputs import Fetch, Inputs
from ledger.rounds.outcome import Outcome
from ledger.rounds.server_state import Step, binding_of, layout_of, read_carried


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
        own = inputs_of(outcome).leaves(threads)
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
    layout, inputs = job.layout, inputs_of(outcome)
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


def inputs_of(outcome: Outcome) -> Inputs:
    """What the outcome's model is made of."""
    if outcome.inputs is None:
        raise ValueError("an outcome without a model has no values to compare")
    return outcome.inputs


def locate_carried(
    facts: RoundFacts, aggregate: Aggregate, outcome: Outcome, fetch: Fetch, threads: int = 1
) -> dict[str, Any]:
    """The evidence against the carried file that an aggregate names, and not the one that recomputes: fields of a
    finding, as exact as the bytes that can be read allow.
    """
    own, told = outcome.carried, {"expected": outcome.carried.digest.hex(), "actual": aggregate.carried.hex()}
    if aggregate.carried == NOTHING:
        return {"why": "the aggregate names no carried file, but its round carries something", **told}
    if own.empty:
        return {"why": "the aggregate names a carried file, but its round carries nothing", **told}
    try:
        theirs = read_carried(aggregate.carried, fetch)
    except Unavailable:
        return {"why": "the carried file does not recompute (its bytes could not be had)", **told}
    except Malformed as error:
        return {"why": f"the carried file is not one: {error}", **told, "cid": str(Cid(RAW, aggregate.carried))}
    return _streams(facts, own, theirs, outcome, fetch, threads) or _scalars(facts, outcome, theirs) or told


def _streams(
    facts: RoundFacts, own: Carried, theirs: Carried, outcome: Outcome, fetch: Fetch, threads: int
) -> dict[str, Any] | None:
    names = [[stream.name for stream in said.streams] for said in (own, theirs)]
    if names[0] != names[1]:
        expected, actual = (", ".join(said) for said in names)
        return {"why": "the carried file has other streams", "expected": expected, "actual": actual}
    for place, (mine, said) in enumerate(zip(own.streams, theirs.streams, strict=True)):
        if mine != said:
            return _stream(facts, place, mine, said, inputs_of(outcome), fetch, threads)
    return None


def locate_scalar(facts: RoundFacts, aggregate: Aggregate, outcome: Outcome, fetch: Fetch) -> dict[str, Any] | None:
    """The evidence against a scalar in the carried file that an aggregate names: whose update's it is, by its party's
    key, and both integers. None where all are right, or the file cannot be read, or is none.
    """
    if aggregate.carried == NOTHING:
        return None
    try:
        return _scalars(facts, outcome, read_carried(aggregate.carried, fetch))
    except (Unavailable, Malformed):
        return None


def _scalars(facts: RoundFacts, outcome: Outcome, theirs: Carried) -> dict[str, Any] | None:
    admitted = [one.update for one in outcome.judged if one.decision.verdict is Verdict.ADMITTED]
    for place, (mine, said) in enumerate(zip_longest(outcome.carried.scalars, theirs.scalars)):
        if mine is None or said is None:
            expected, actual = len(outcome.carried.scalars), len(theirs.scalars)
            return {
                "why": "the carried file has another number of scalars",
                "expected": str(expected),
                "actual": str(actual),
            }
        if mine != said:
            factors = len(admitted) if facts.job.admission.clips else 0
            kind = "factor" if place < factors else "share"
            why = f"the {kind} of an update is not the one that the job's rules lead to"
            party = admitted[place % len(admitted)].party
            return {"why": why, "party": party, "expected": str(mine), "actual": str(said)}
    return None


def _stream(
    facts: RoundFacts, place: int, mine: StateStream, said: StateStream, inputs: Inputs, fetch: Fetch, threads: int
) -> dict[str, Any]:
    layout, name = layout_of(facts.job.layout, mine.name), mine.name
    cid, roots = said.file(layout.size), {"expected": mine.root.hex(), "actual": said.root.hex()}
    if mine.root == said.root:
        why = f"stream {name!r} of the state recomputes, but the CID is not that of its file"
        return {"why": why, "expected": str(mine.file(layout.size)), "actual": str(cid)}
    try:
        leaves = layout.leaf_hashes(fetch(cid, 0, layout.size + 1), binding_of(facts.binding, name))
        different = [
            at for at, pair in enumerate(zip(_own(inputs, place, threads), leaves, strict=True)) if len(set(pair)) > 1
        ]
        if merkle.root(leaves) != said.root:
            why = f"the file of stream {name!r} does not have the root that is said of it"
            return {"why": why, "expected": said.root.hex(), "actual": merkle.root(leaves).hex(), "cid": str(cid)}
        return _value(layout, place, name, cid, different, inputs, fetch)
    except Unavailable:
        return {"why": f"stream {name!r} of the state does not recompute (its bytes could not be had)", **roots}
    except Malformed as error:
        return {"why": f"the file of stream {name!r} is not a state of this round: {error}", **roots, "cid": str(cid)}


def _own(inputs: Inputs, place: int, threads: int) -> Iterator[bytes]:
    """The leaf hashes of a stream as it recomputes."""
    states, step = inputs.states(), _step(inputs)
    for band in inputs.bands(threads):
        _, after = inputs.advance(band, next(states))
        yield from merkle.leaf_hashes(step.file(step.server.streams[place], after[place]).data.cast("B"))


def _value(
    layout: Layout, place: int, name: str, cid: Cid, chunks: list[int], inputs: Inputs, fetch: Fetch
) -> dict[str, Any]:
    held = merkle.LEAF // layout.width
    start, stop = chunks[0] * held, min((chunks[0] + 1) * held, layout.values)
    offset = layout.header_size
    pieces = fetch(cid, offset + layout.width * start, offset + layout.width * stop)
    theirs = np.frombuffer(b"".join(bytes(piece) for piece in pieces), "<i8" if layout.width == 8 else "<i4")
    mine = inputs.made(start, stop)[1][place]
    at = int(np.argmax(mine != theirs))
    tensor, value = layout.locate(start + at)
    return {
        "why": f"stream {name!r} of the state does not recompute: it differs in {len(chunks)} of "
        f"{plural(layout.leaves, 'chunk')}, first in value {value} of tensor {tensor!r}",
        "cid": str(cid),
        "stream": name,
        "tensor": tensor,
        "chunk": chunks[0],
        "value": value,
        "expected": str(int(mine[at])),
        "actual": str(int(theirs[at])),
    }


def _step(inputs: Inputs) -> Step:
    if not isinstance(inputs.step, Step):
        raise ValueError("a round without a server optimiser carries no streams")
    return inputs.step
