"""Personal figures in a report: named for what they are, apart from the global model's, and in no mean."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from ledger.errors import Malformed
from ledger.formats.digest import checksum_address
from ledger.releases.personal import KINDS, METHODS, PersonalFigures
from ledger.releases.report import Evaluation, PartyFigures, check, join, parse


def figures(kind: Any, accuracy: str = "0.95") -> PersonalFigures:
    return PersonalFigures(personal=True, kind=kind, metrics={"accuracy": accuracy})


def report(*personal: PersonalFigures, number: int = 1) -> Evaluation:
    party = PartyFigures(
        party=f"Hospital {number}",
        key=checksum_address(bytes([number]) * 20),
        samples=100,
        rows="own_file",
        metrics={"accuracy": "0.8"},
        personal=personal,
    )
    return Evaluation(
        fedledger="evaluation/1",
        chain=31337,
        ledger=checksum_address(b"\xab" * 20),
        job=1,
        round=2,
        root="ab" * 32,
        parties=(party,),
    )


def test_they_travel_and_say_what_they_are() -> None:
    made = report(figures("ditto"), figures("private_tensors", "0.97"))
    said = json.loads(made.encode())["parties"][0]["personal"]
    assert said[0] == {"kind": "ditto", "metrics": {"accuracy": "0.95"}, "personal": True}
    assert parse(made.encode()) == made
    assert "personal" not in json.loads(report().encode())["parties"][0]
    assert set(METHODS) | {"private_tensors"} == set(KINDS)


def test_they_are_in_no_mean() -> None:
    joined = join([report(figures("ditto")), report(number=2)])
    assert joined.mean == {"accuracy": "0.800000"}
    assert joined.parties[0].personal == (figures("ditto"),)


@pytest.mark.parametrize(
    "personal",
    [
        (figures("private_tensors"), figures("ditto")),
        (figures("ditto"), figures("ditto")),
        (replace(figures("ditto"), metrics={}),),
        (replace(figures("ditto"), metrics={"Accuracy": "0.9"}),),
        (figures("ditto", "1e5"),),
    ],
)
def test_figures_that_are_not_in_their_form_are_refused(personal: tuple[PersonalFigures, ...]) -> None:
    with pytest.raises(Malformed):
        check(report(*personal))


@pytest.mark.parametrize("change", [{"personal": False}, {"kind": "own"}, {"personal": 1}, {"more": 1}])
def test_what_is_not_marked_as_personal_is_refused(change: dict[str, Any]) -> None:
    document = json.loads(report(figures("ditto")).encode())
    document["parties"][0]["personal"][0] |= change
    with pytest.raises(Malformed):
        parse(json.dumps(document, sort_keys=True, separators=(",", ":")).encode())
