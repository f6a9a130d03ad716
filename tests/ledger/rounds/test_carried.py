"""The carried file: one encoding, strictly read, and zero for nothing."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.formats.digest import NOTHING, sha256
from ledger.rounds.carried import LARGEST_SCALAR, MAX_SIZE, Carried, StateStream, decode

WORDS = st.binary(min_size=32, max_size=32)
NAMES = st.from_regex("[a-z][a-z0-9_]{0,15}", fullmatch=True)
STREAMS = st.lists(st.builds(StateStream, NAMES, WORDS, WORDS), max_size=8, unique_by=lambda one: one.name).map(tuple)
SCALARS = st.lists(st.integers(0, LARGEST_SCALAR), max_size=510).map(tuple)
ONE = Carried((StateStream("m", bytes(32), b"\x01" * 32),), (1, 2))


@given(st.builds(Carried, STREAMS, SCALARS))
def test_what_is_carried_comes_back_and_is_named_by_its_digest(carried: Carried) -> None:
    if carried.empty:
        assert carried.digest == NOTHING
        return
    data = carried.encode()
    assert len(data) <= MAX_SIZE
    assert decode(data) == carried
    assert (carried.digest, carried.cid.digest) == (sha256(data), sha256(data))


def test_the_largest_file_fits() -> None:
    streams = tuple(StateStream("s" * 15 + str(number), bytes(32), bytes(32)) for number in range(8))
    assert len(Carried(streams, (LARGEST_SCALAR,) * 510).encode()) <= MAX_SIZE


@pytest.mark.parametrize(
    "change",
    [
        {"fedledger": "carried/2"},
        {"scalars": [-1]},
        {"scalars": [LARGEST_SCALAR + 1]},
        {"scalars": [1.0]},
        {"scalars": [True]},
        {"scalars": [0] * 511},
        {"scalars": [], "streams": []},
        {"more": 1},
        {"streams": [{"cid": "00" * 32, "name": "M", "root": "00" * 32}]},
        {"streams": [{"cid": "00" * 32, "name": "", "root": "00" * 32}]},
        {"streams": [{"cid": "00" * 31, "name": "m", "root": "00" * 32}]},
        {"streams": [{"cid": "00" * 32, "name": "m", "root": "AA" * 32}]},
        {"streams": [{"cid": "00" * 32, "name": "m", "root": "00" * 32}] * 2},
    ],
)
def test_another_file_is_refused(change: dict[str, Any]) -> None:
    document = json.loads(ONE.encode()) | change
    with pytest.raises(Malformed):
        decode(json.dumps(document, sort_keys=True, separators=(",", ":")).encode())


@pytest.mark.parametrize("data", [b"", b"{}", ONE.encode() + b"\n", b" " * (MAX_SIZE + 1), b"\xff"])
def test_another_text_of_the_same_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        decode(data)
