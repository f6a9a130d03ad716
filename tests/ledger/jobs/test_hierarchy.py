"""A job's section for edges: what it says, and what does not go with it, each refused by name with the way out."""

import json
from typing import Any

import pytest
from support.vectors import FOLDER

from ledger.errors import Malformed
from ledger.jobs.document import Job, parse
from ledger.jobs.hierarchy import describe

CASES = json.loads((FOLDER / "job.json").read_text())["cases"]
DOCUMENT = json.loads(CASES[0]["document"])
SECTION: dict[str, Any] = {
    "check": "children",
    "edges": {"0": "11" * 32, "7": "22" * 32},
    "max_children": 1024,
    "min_children": 3,
}


def job(hierarchy: Any = SECTION, **changes: Any) -> Job:
    document = DOCUMENT | {"hierarchy": hierarchy} | changes
    return parse(json.dumps(document, sort_keys=True, separators=(",", ":")).encode())


def test_a_job_says_which_members_are_edges() -> None:
    said = job()
    assert said.hierarchy is not None
    assert said.hierarchy.indices == [0, 7]
    assert [said.kind_of(index) for index in (0, 1, 7)] == ["sum", "update", "sum"]
    assert said.layout_of(0) == said.layout.wide
    assert said.layout_of(1) is said.layout
    assert (said.size_of(7), said.size_of(1)) == (said.layout.wide.size, said.layout.size)
    assert said.hierarchy.members(7) == bytes([0x22]) * 32
    assert json.loads(said.encode())["hierarchy"] == SECTION
    assert "members 0, 7" in describe(said.hierarchy)


def test_a_job_without_edges_is_encoded_as_before() -> None:
    plain = parse(CASES[0]["document"].encode())
    assert plain.hierarchy is None
    assert plain.encode() == CASES[0]["document"].encode()
    assert "every update is a member's own" in describe(plain.hierarchy)


@pytest.mark.parametrize(
    "changes",
    [
        {"edges": {}},
        {"edges": {"255": "11" * 32}},
        {"edges": {"00": "11" * 32}},
        {"edges": {"x": "11" * 32}},
        {"edges": {"0": "11" * 31}},
        {"edges": {"0": "AA" * 32}},
        {"edges": {"0": "11" * 32, "1": "11" * 32}},
        {"min_children": 0},
        {"min_children": 1025},
        {"max_children": 2049},
        {"max_children": 0},
        {"check": "nothing"},
        {"check": 1},
        {"more": 1},
    ],
)
def test_what_no_job_says_of_edges_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        job(SECTION | changes)


SCORED = {"score_seconds": 60, "reveal_seconds": 60, "scorers": 2}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"aggregation": {"rule": "median"}}, "aggregation.rule = median"),
        ({"aggregation": {"rule": "trimmed_mean", "trim": 1}}, "aggregation.rule = trimmed_mean"),
        ({"aggregation": {"rule": "multi_krum", "f": 0}}, "aggregation.rule = multi_krum"),
        ({"aggregation": {"rule": "geometric_median"}}, "aggregation.rule = geometric_median"),
        ({"aggregation": {"rule": "centred_clipping", "radius": 9}}, "aggregation.rule = centred_clipping"),
        ({"admission": DOCUMENT["admission"] | {"on_norm": "clip"}}, "admission.on_norm = clip"),
        ({"compression": {"bits": 8, "error_feedback": False}}, "compression does not go"),
        ({"privacy": {"mode": "sealed", "readers": ["members"]}}, "privacy.mode = sealed"),
        ({"server": {"optimiser": "dyn", "alpha": "1"}}, "server.optimiser = dyn"),
        ({"server": {"optimiser": "scaffold", "rate": "1"}}, "server.optimiser = scaffold"),
        (
            {
                "scoring": {"method": "cosine", "copy_ppm": 10, "weighting": "none"},
                "terms": DOCUMENT["terms"] | SCORED,
            },
            "scoring.method = cosine",
        ),
    ],
)
def test_what_needs_single_updates_does_not_go_with_edges(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Malformed, match=field) as caught:
        job(**changes)
    assert "does not go with hierarchy" in caught.value.message
    assert "leave hierarchy out" in caught.value.advice


@pytest.mark.parametrize("case", [case for case in CASES if '"mode":"masked"' in case["document"]][:1])
def test_masks_do_not_go_with_edges(case: dict[str, Any]) -> None:
    document = json.loads(case["document"]) | {"hierarchy": SECTION}
    with pytest.raises(Malformed, match=r"privacy.mode = masked does not go with hierarchy"):
        parse(json.dumps(document, sort_keys=True, separators=(",", ":")).encode())


def test_server_optimisers_of_the_mean_go_with_edges() -> None:
    assert job(server={"optimiser": "momentum", "rate": "1", "beta": "0.9"}).server.name == "momentum"
