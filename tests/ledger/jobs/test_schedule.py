"""A buffered job: its numbers have bounds, it travels, and what does not go with it is refused with the way out."""

import json
from typing import Any

import msgspec
import pytest
from support.worlds.world import LIMITS, TERMS, World

from ledger.errors import Malformed
from ledger.jobs.compression import Compression
from ledger.jobs.document import Job, check, parse
from ledger.jobs.hierarchy import Hierarchy
from ledger.jobs.private import Private
from ledger.jobs.rules import GeometricMedian, Median
from ledger.jobs.schedule import MAX_STALENESS, ROUNDS, Buffered
from ledger.jobs.scores import Cosine
from ledger.jobs.server import Adam, Dyn

BUFFERED = Buffered(max_staleness=4, staleness="sqrt")
JOB = World(schedule=BUFFERED, terms=msgspec.structs.replace(TERMS, buffer=2)).job


def with_(**changes: Any) -> Job:
    return msgspec.structs.replace(JOB, **changes)


def test_it_travels_and_the_ledger_is_told_of_the_buffer() -> None:
    data = JOB.encode()
    assert parse(data) == JOB
    said = json.loads(data)
    assert said["schedule"] == {"max_staleness": 4, "mode": "buffered", "staleness": "sqrt"}
    assert said["terms"]["buffer"] == JOB.terms.buffer == 2
    assert JOB.buffered == BUFFERED
    assert BUFFERED.fades
    assert World().job.buffered is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"terms": TERMS}, "terms.buffer is out of range"),
        ({"terms": msgspec.structs.replace(TERMS, buffer=256)}, "terms.buffer is out of range"),
        ({"schedule": ROUNDS}, "terms.buffer is of buffered jobs alone"),
        ({"schedule": Buffered(max_staleness=-1, staleness="sqrt")}, "max_staleness is out of range"),
        ({"schedule": Buffered(max_staleness=MAX_STALENESS + 1, staleness="none")}, "max_staleness is out of range"),
        ({"admission": msgspec.structs.replace(LIMITS, min_updates=3)}, "min_updates is above terms.buffer"),
        ({"admission": msgspec.structs.replace(LIMITS, max_weight=16_384)}, "max_weight is out of range"),
        ({"aggregation": Median()}, "aggregation.rule = median: a stale update weighs less"),
        ({"aggregation": GeometricMedian()}, "aggregation.rule = geometric_median"),
        ({"server": Dyn(alpha="0.1")}, "server.optimiser = dyn"),
        ({"private": Private.of(["head.*"])}, "private.tensors"),
    ],
)
def test_what_does_not_go_with_it_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(Malformed, match=message) as refused:
        check(with_(**changes))
    assert refused.value.exit_code == 2
    assert "out of range" in refused.value.message or refused.value.advice


def test_scores_do_not_go_with_it() -> None:
    terms = msgspec.structs.replace(JOB.terms, score_seconds=60, reveal_seconds=60, scorers=2)
    with pytest.raises(Malformed, match=r"scoring\.method = cosine: scores compare updates") as refused:
        check(with_(scoring=Cosine(), terms=terms))
    assert 'schedule.mode = "rounds"' in refused.value.advice


def test_masks_and_seals_do_not_go_with_it() -> None:
    from support.worlds.masked_job import MASKED

    terms = msgspec.structs.replace(JOB.terms, buffer=3, aggregate_seconds=6000)
    limits = msgspec.structs.replace(LIMITS, min_updates=3)
    with pytest.raises(Malformed, match=r"privacy\.mode = masked: masks and slips are made for a round's members"):
        check(with_(privacy=MASKED, terms=terms, admission=limits))


def test_noise_does_not_go_with_it() -> None:
    from support.worlds.noise import noise_of

    noise = noise_of(3)
    with pytest.raises(Malformed, match="a buffer does not go with dp"):
        check(with_(dp=noise))


def test_server_optimisers_without_a_half_in_training_and_clipping_do() -> None:
    check(with_(server=Adam(rate="0.1", beta1="0.9", beta2="0.99", tau="0.001")))
    check(with_(admission=msgspec.structs.replace(LIMITS, on_norm="clip")))
    check(with_(schedule=Buffered(max_staleness=0, staleness="none"), admission=msgspec.structs.replace(LIMITS)))


def test_compression_goes_with_it_and_error_feedback_does_not() -> None:
    check(with_(compression=Compression(bits=8, error_feedback=False)))
    with pytest.raises(Malformed, match=r"compression\.error_feedback: what rounding took"):
        check(with_(compression=Compression(bits=8, error_feedback=True)))


def test_edges_do_not_go_with_it() -> None:
    edges = Hierarchy(edges={"0": "ab" * 32}, min_children=1, max_children=4, check="sums")
    with pytest.raises(Malformed, match="hierarchy: an edge's clients train for one round"):
        check(with_(hierarchy=edges))
