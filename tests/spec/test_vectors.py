"""Frozen vectors: what every release, here and elsewhere, must compute forever."""

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from support.judging import judge_bytes
from support.seeds import scoring_seed
from support.vectors import script

from ledger.formats import claims, merkle
from ledger.formats.artifact import Layout, Tensor
from ledger.formats.cid import Cid
from ledger.formats.header import Binding
from ledger.formats.unixfs import cid_of
from ledger.jobs import document as job
from ledger.jobs.document import Admission
from ledger.jobs.rules import Median, TrimmedMean, WeightedMean
from ledger.rounds.admission import weigh
from ledger.rounds.rules import combine

FOLDER = Path(__file__).resolve().parents[1] / "vectors"
RULES = {"weighted_mean": WeightedMean(), "median": Median(), "trimmed_mean, trim 1": TrimmedMean(trim=1)}


def read(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


MAKE = script("make_vectors")


@pytest.mark.parametrize("name", MAKE.FILES)
def test_the_script_writes_what_is_committed(name: str) -> None:
    assert MAKE.text(name) == (FOLDER / name).read_text(encoding="utf-8")


def binding(fields: dict[str, Any]) -> Binding:
    digests = ("base", "data", "platform")
    return Binding(**fields | {name: bytes.fromhex(fields[name]) for name in digests if name in fields})


def layout(tensors: list[dict[str, Any]]) -> Layout:
    return Layout(msgspec.convert(tensors, tuple[Tensor, ...]))


@pytest.mark.parametrize("case", read("merkle.json")["cases"], ids=lambda case: str(case["values"]))
def test_roots_and_proofs(case: dict[str, Any]) -> None:
    data = MAKE.integers(case["values"]).tobytes()
    root = bytes.fromhex(case["root"])
    assert merkle.root_of(data) == root
    for proof in case["proofs"]:
        chunk = data[merkle.LEAF * proof["index"] :][: merkle.LEAF]
        path = [bytes.fromhex(node) for node in proof["path"]]
        assert merkle.root_from_proof(chunk, proof["index"], case["leaves"], path) == root


@pytest.mark.parametrize("case", read("artifact.json")["cases"], ids=lambda case: case["name"])
def test_artifacts(case: dict[str, Any]) -> None:
    made = layout(case["tensors"])
    header = case["header"].encode("latin-1").ljust(case["header_size"])
    assert made.header(binding(case["binding"])) == header
    data = header + MAKE.integers(made.values).tobytes()
    assert (len(data), str(cid_of([data])[0])) == (case["size"], case["cid"])
    body = b"".join(made.body(iter([data]), binding(case["binding"])))
    assert merkle.root_of(body).hex() == case["root"]


JOBS = [
    *("weighted_mean", "median", "trimmed_mean", "multi_krum", "geometric_median", "centred_clipping"),
    *("masked", "masked, equal weights", "masked, median of groups", "private", "prepared"),
]


@pytest.mark.parametrize("case", read("job.json")["cases"], ids=JOBS)
def test_jobs(case: dict[str, Any]) -> None:
    found = job.parse(case["document"].encode())
    assert found.encode().decode() == case["document"]
    assert (found.digest.hex(), str(found.cid)) == (case["digest"], case["cid"])
    assert Cid.parse(case["cid"]).digest.hex() == case["digest"]


@pytest.mark.parametrize("case", read("admission.json")["cases"], ids=lambda case: case["name"])
def test_verdicts(case: dict[str, Any]) -> None:
    whole = read("admission.json")
    made, limits = layout(whole["tensors"]), msgspec.convert(whole["limits"], Admission)
    data = case["header"].encode("latin-1").ljust(made.header_size) + bytes.fromhex(case["values"])
    decision = weigh(case["weight"], limits.cap(case["member"]))
    if decision.verdict == 0:
        root = bytes.fromhex(case["root"])
        decision = judge_bytes(iter([data]), made, binding(whole["binding"]), root, limits)
    assert decision.verdict == case["verdict"], decision.message


def test_every_verdict_that_bytes_can_earn_has_a_vector() -> None:
    assert {case["verdict"] for case in read("admission.json")["cases"]} == {0, 1, 5, 6, 7, 8}


@pytest.mark.parametrize("case", read("aggregation.json")["cases"], ids=lambda case: str(len(case["weights"])))
def test_results(case: dict[str, Any]) -> None:
    columns = np.array(case["updates"], dtype="<i4")
    for name, expected in case["results"].items():
        assert combine(RULES[name], case["weights"], lambda k: columns[k]).tolist() == expected


@pytest.mark.parametrize("case", read("scores.json")["cases"], ids=lambda case: f"chain {case['chain']}")
def test_scorings(case: dict[str, Any]) -> None:
    job, round_, place = case["job"], case["round"], (case["chain"], case["board"], case["job"], case["round"])
    said, block = told(claims.Claimed, case["aggregate"]), bytes.fromhex(case["block"])
    verdicts, opened = said.verdicts, bytes.fromhex(case["aggregate"]["opened"])
    claim = claims.claim_of(claims.RoundName(case["chain"], case["ledger"], job, round_), opened, said)
    seed = scoring_seed(block, *place, claim)
    assert (claim.hex(), seed.hex()) == (case["claim"], case["seed"])
    for said in case["scorers"]:
        packed = bytes.fromhex(said["packed"])
        assert claims.unpack_scores(packed, verdicts.count(0)) == tuple(said["scores"])
        assert claims.scores_hash(said["key"], said["scores"]).hex() == said["hash"]
        hashed = claims.scores_commitment(*place, said["key"], bytes.fromhex(said["salt"]), said["scores"])
        assert hashed.hex() == said["commitment"]
    revealed = {said["index"]: (said["key"], said["scores"]) for said in case["scorers"] if said["reveals"]}
    medians = [claims.lower_median(column) for column in zip(*(scores for _, scores in revealed.values()), strict=True)]
    assert (medians, claims.pack_scores(medians).hex()) == (case["medians"], case["packed"])
    assert claims.scores_root(job, round_, seed, case["withheld"], revealed, medians).hex() == case["scores_root"]


@pytest.mark.parametrize("case", read("commitments.json")["rounds"], ids=lambda case: f"chain {case['chain']}")
def test_commitments_openings_and_claims(case: dict[str, Any]) -> None:
    name = claims.RoundName(case["chain"], case["ledger"], case["job"], case["round"])
    assert claims.update_domain(name).hex() == case["domain"]
    openings = [told(claims.UpdateOpening, said) for said in case["openings"]]
    assert claims.unpack_openings(bytes.fromhex(case["packed"])) == openings
    assert [claims.commitment(name, one).hex() for one in openings] == [said["commitment"] for said in case["openings"]]
    aggregate = told(claims.Claimed, case["aggregate"])
    said = case["aggregate"]
    calls = [[told(claims.OpenedEntry, one) for one in call] for call in case["calls"]]
    opened = claims.opened_digest(bytes.fromhex(case["document"]), calls)
    assert opened.hex() == said["opened"]
    assert claims.claim_of(name, opened, aggregate).hex() == said["claim"]
    shown = claims.witness(said["member"], bytes.fromhex(said["claim"]), bytes.fromhex(said["sums"]))
    assert shown.hex() == said["witness"]


def told(kind: Any, said: dict[str, Any]) -> Any:
    """A named tuple from what the file says of it."""
    fields = kind.__annotations__
    return kind(**{name: bytes.fromhex(said[name]) if fields[name] is bytes else said[name] for name in fields})
