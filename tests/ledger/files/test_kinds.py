"""Which kind of file a head is of: each of ours is known, and none is taken for another."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.chain import rlp
from ledger.court.conviction import FORMAT
from ledger.files.kinds import BUNDLE, CONVICTION, EVIDENCE, HEAD, JOB, REPORT, another, kind_at, kind_of

CORPUS = Path(__file__).parents[2] / "corpus"


def test_bundles_are_known_whole_or_cut() -> None:
    cars = sorted((CORPUS / "honest").glob("*.car"))
    assert cars
    assert all(kind_at(path) is BUNDLE for path in cars)
    assert kind_of(cars[0].read_bytes()[:200]) is BUNDLE


@pytest.mark.parametrize("size", [0, 60, 300, 70_000])
def test_convictions_are_known_by_their_format(size: int) -> None:
    assert kind_of(rlp.encode([FORMAT, [b"\x01" * size]])) is CONVICTION
    assert kind_of(rlp.encode([b"conviction/1x", [b"\x01" * size]])) is None


def test_documents_are_known_by_what_they_say_of_themselves() -> None:
    for tag, kind in (("job/2", JOB), ("report/2", REPORT), ("evidence/1", EVIDENCE)):
        assert kind_of(json.dumps({"fedledger": tag, "more": [1]}).encode()) is kind
        assert kind_of(json.dumps({"aggregation": {}, "fedledger": tag}, indent=2).encode()) is kind
    assert kind_of(b'{"fedledger": "else/1"}') is None
    export = kind_of(b'{"payload":"","payloadType":"application/vnd.in-toto+json"}')
    assert export is not None
    assert "provenance check" in export.command
    page = kind_of(b"<!doctype html>\n<html>")
    assert page is not None
    assert "report.json" in page.command


def test_a_name_is_quoted_and_a_folder_or_a_link_to_none_is_no_kind(tmp_path: Path) -> None:
    odd = tmp_path / "a b;c.car"
    odd.write_bytes(next((CORPUS / "honest").glob("*.car")).read_bytes())
    assert another(odd, CONVICTION) == f"this is a bundle: fedledger bundle check '{odd}'"
    assert another(odd, BUNDLE) == ""
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    assert kind_at(tmp_path) is kind_at(tmp_path / "link") is kind_at(tmp_path / "none") is None


@given(st.binary(max_size=2 * HEAD))
def test_any_bytes_are_of_a_kind_or_of_none(data: bytes) -> None:
    assert kind_of(data) in (None, kind_of(data[:HEAD]))
