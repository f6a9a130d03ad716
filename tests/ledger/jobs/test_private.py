"""Private tensors in a job: what patterns are of, and what is refused, by name."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.vectors import FOLDER

from ledger.errors import Malformed
from ledger.jobs.document import Job, parse
from ledger.jobs.private import NONE, Private, chosen, describe, is_private, matches

CASES = json.loads((FOLDER / "job.json").read_text())["cases"]
DOCUMENT = json.loads(CASES[0]["document"])
NAMES = st.lists(st.text("ab.", min_size=1, max_size=5), min_size=1, max_size=8, unique=True)


def job(**private: Any) -> Job:
    return parse(json.dumps(DOCUMENT | {"private": private}, sort_keys=True, separators=(",", ":")).encode())


def test_a_job_says_its_private_tensors_and_is_encoded_as_it_was_read() -> None:
    said = job(tensors=["head.*", "scale"], start="common")
    assert said.private == Private.of(["scale", "head.*", "scale"])
    assert json.loads(said.encode())["private"] == {"tensors": ["head.*", "scale"], "start": "common"}
    assert json.loads(job(tensors=[]).encode())["private"] == {"tensors": []}
    assert Private.of([]) == NONE
    assert "head.*, scale" in describe(said.private)
    assert describe(NONE).startswith("none")


@pytest.mark.parametrize(
    ("private", "message"),
    [
        ({"tensors": ["b", "a"], "start": "common"}, "ascending"),
        ({"tensors": ["a", "a"], "start": "common"}, "ascending"),
        ({"tensors": ["a*b"], "start": "common"}, "end of a pattern"),
        ({"tensors": ["a**"], "start": "common"}, "end of a pattern"),
        ({"tensors": [""], "start": "common"}, "a pattern of private.tensors"),
        ({"tensors": ['a"']}, "a pattern of private.tensors"),
        ({"tensors": ["a"]}, "go together"),
        ({"tensors": [], "start": "common"}, "go together"),
        ({"tensors": ["a"], "start": "own"}, "not a valid document"),
        ({"tensors": ["layer.*"], "start": "common"}, "tensor 'layer.bias' is on the ledger"),
        ({"tensors": ["*"], "start": "common"}, "is on the ledger"),
        ({"tensors": [f"t{n:05}" for n in range(1025)], "start": "common"}, "too many patterns"),
        ({}, "not a valid document"),
    ],
)
def test_what_no_job_says_is_refused(private: dict[str, Any], message: str) -> None:
    with pytest.raises(Malformed, match=message):
        job(**private)


def test_a_committed_set_does_not_go_with_private_tensors() -> None:
    from ledger.jobs.private import check_private

    check_private(Private.of(["head.*"]), ["body.weight"], committed=False)
    check_private(NONE, ["body.weight"], committed=True)
    with pytest.raises(Malformed, match="committed set") as caught:
        check_private(Private.of(["head.*"]), ["body.weight"], committed=True)
    assert "private_sets" in caught.value.advice


def test_masks_and_private_tensors_go_together() -> None:
    masked = json.loads(next(case["document"] for case in CASES if "masking" in case))
    said = masked | {"private": {"tensors": ["head.*"], "start": "common"}}
    made = parse(json.dumps(said, sort_keys=True, separators=(",", ":")).encode())
    assert made.masked is not None
    assert made.private.tensors == ("head.*",)


@given(NAMES, st.lists(st.text("ab.", max_size=3).map(lambda text: text + "*"), max_size=3))
def test_patterns_choose_exactly_the_names_that_begin_so(names: list[str], patterns: list[str]) -> None:
    wanted = {name for name in names if any(name.startswith(one[:-1]) for one in patterns)}
    unused = [one for one in patterns if not any(name.startswith(one[:-1]) for name in names)]
    if unused or (patterns and wanted == set(names)):
        with pytest.raises(Malformed):
            chosen(patterns, names)
    else:
        assert set(chosen(patterns, names)) == wanted
    assert {name for name in names if is_private(patterns, name)} == wanted


def test_a_name_is_no_beginning() -> None:
    assert matches("head", "head")
    assert not matches("head", "head.bias")
    assert matches("head*", "head")


def test_a_pattern_of_nothing_is_refused_with_the_way_out() -> None:
    with pytest.raises(Malformed, match="'tail' is of no tensor of the model") as caught:
        chosen(["tail"], ["head.bias", "head.weight"])
    assert "head.bias" in str(caught.value.facts["names"])
    with pytest.raises(Malformed, match="leaves no tensor to share"):
        chosen(["h*"], ["head.bias", "head.weight"])


def test_unset_is_never_written_as_a_default() -> None:
    assert "start" not in msgspec.to_builtins(NONE)
