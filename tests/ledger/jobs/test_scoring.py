"""How a job makes scores: each method travels, every number has bounds, and what cannot be computed is refused."""

import json
from typing import Any

import pytest
import support.worlds.committed_set as sw
from support.worlds.world import Files, World

from ledger.errors import Malformed
from ledger.jobs.document import parse
from ledger.jobs.scores import MAX_FACTOR, MAX_WEIGHT, PrivateSets, recomputable

FILES = Files()
EVIDENCE = sw.committed(FILES)
JOB = sw.world(files=FILES).job


def canonical(document: Any) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def changed(path: str, value: Any, document: bytes = b"") -> bytes:
    found = json.loads(document or JOB.encode())
    *parents, last = path.split(".")
    table = found
    for name in parents:
        table = table[int(name) if name.isdigit() else name]
    if value is KeyError:
        del table[last]
    else:
        table[int(last) if last.isdigit() else last] = value
    return canonical(found)


METHODS = [*sw.methods(EVIDENCE), *sw.methods(PrivateSets())[:6]]


@pytest.mark.parametrize("method", METHODS, ids=lambda m: f"{m.method} {getattr(m, 'evidence', '').__class__.__name__}")
def test_each_method_travels(method: Any) -> None:
    job = sw.world(method, files=FILES).job
    assert parse(job.encode()) == job
    assert json.loads(job.encode())["scoring"]["method"] == method.method == job.scoring.method
    assert recomputable(job.scoring) == (getattr(method, "evidence", EVIDENCE) == EVIDENCE)


def test_a_job_without_scores_keeps_its_bytes() -> None:
    """What was written before there were scores is what is written now."""
    document = json.loads(World().job.encode())
    assert document["scoring"] == {"method": "none"}
    seconds = {f"{phase}_seconds" for phase in ("update", "open", "aggregate", "attest")}
    assert set(document["terms"]) == seconds | {"rounds", "attempts"}
    assert not recomputable(World().job.scoring)


BOUNDS: list[tuple[str, int, int]] = [
    ("terms.score_seconds", 1, 365 * 86400),
    ("terms.reveal_seconds", 1, 365 * 86400),
    ("terms.scorers", 1, 64),
    ("scoring.copy_ppm", 0, 1_000_000),
    ("scoring.evaluations", 2, 1 << 20),
    ("scoring.tolerance", 0, 1_000_000_000),
    ("scoring.evidence.samples", 1, 1 << 24),
    ("scoring.evidence.classes", 2, 1 << 12),
]
GTG = sw.world(sw.methods(EVIDENCE)[3], files=FILES).job.encode()


@pytest.mark.parametrize(("path", "low", "high"), BOUNDS)
def test_every_number_has_bounds(path: str, low: int, high: int) -> None:
    for value in (low - 1, high + 1):
        with pytest.raises(Malformed) as caught:
            parse(changed(path, value, GTG))
        omitted = path.startswith("terms.") and not value
        assert omitted or path in caught.value.message
    if "evidence" not in path:
        for value in (low, high):
            assert parse(changed(path, value, GTG)).encode() == changed(path, value, GTG)


@pytest.mark.parametrize("field", ["score_seconds", "reveal_seconds", "scorers"])
def test_scores_need_time_and_a_quorum(field: str) -> None:
    with pytest.raises(Malformed, match=f"terms.{field}"):
        parse(changed(f"terms.{field}", KeyError))
    with pytest.raises(Malformed, match="canonical"):
        parse(changed(f"terms.{field}", 0))


def test_a_job_without_scores_gives_them_no_time() -> None:
    with pytest.raises(Malformed, match=r"scoring\.method is none"):
        parse(changed("scoring", {"method": "none"}))


LAYERS = json.loads(JOB.encode())["scoring"]["evidence"]["layers"]
WRONG: list[tuple[str, Any, str]] = [
    ("scoring.method", "banzhaf", "not a valid document"),
    ("scoring.utility", "f1", "not a valid document"),
    ("scoring.weighting", "lottery", "not a valid document"),
    ("scoring.unknown", 1, "not a valid document"),
    ("scoring.utility", KeyError, "not a valid document"),
    ("scoring.copy_ppm", KeyError, "canonical"),
    ("scoring.weighting", KeyError, "canonical"),
    ("scoring.evaluations", 10, "not a valid document"),
    ("scoring.evidence.kind", "hearsay", "not a valid document"),
    ("scoring.evidence.layers.0.layer", "dropout", "not a valid document"),
    ("scoring.evidence.layers.0.unknown", 1, "not a valid document"),
    ("scoring.evidence.cid", "bafy", "CID"),
    ("scoring.evidence.root", "0" * 63, r"scoring\.evidence\.root"),
    ("scoring.evidence.root", "G" * 64, r"scoring\.evidence\.root"),
    ("scoring.evidence.shape", [], r"scoring\.evidence\.shape"),
    ("scoring.evidence.shape", [0], r"scoring\.evidence\.shape"),
    ("scoring.evidence.shape", [2, 2, 2, 1], r"scoring\.evidence\.shape"),
    ("scoring.evidence.shape", [9], r"layer 1 \(linear\)"),
    ("scoring.evidence.layers", [], "at least one layer"),
    ("scoring.evidence.layers", LAYERS[:1], "belongs to no layer"),
    ("scoring.evidence.layers", [*LAYERS, LAYERS[0]], "another layer uses"),
    ("scoring.evidence.layers.0.weight", "9.weight", "the job does not have"),
    ("scoring.evidence.classes", 4, "one output a class"),
    ("scoring.utility", "auc", "two classes"),
]


@pytest.mark.parametrize(("path", "value", "why"), WRONG)
def test_scores_that_could_not_be_made_are_refused(path: str, value: Any, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        parse(changed(path, value))


def test_a_set_too_large_to_hold_is_refused() -> None:
    with pytest.raises(Malformed, match="evaluation set is too large"):
        parse(changed("scoring.evidence.samples", 1 << 24, changed("scoring.evidence.shape", [8, 8, 8])))


def test_past_scores_weigh_only_where_weights_count() -> None:
    light = changed("admission.max_weight", MAX_WEIGHT // MAX_FACTOR)
    assert parse(changed("scoring.weighting", "past_scores", light)).scoring.method == "shapley"
    heavy = changed("admission.max_weight", MAX_WEIGHT // MAX_FACTOR + 1)
    with pytest.raises(Malformed, match=r"admission\.max_weight"):
        parse(changed("scoring.weighting", "past_scores", heavy))
    median = changed("aggregation", {"rule": "median"}, light)
    with pytest.raises(Malformed, match="a rule that uses weights"):
        parse(changed("scoring.weighting", "past_scores", median))
