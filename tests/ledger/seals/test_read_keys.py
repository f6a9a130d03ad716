"""Read keys in age's files: age's own examples are read, and nothing that is not one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.masks.keys import point_of
from ledger.masks.secret import Secret
from ledger.seals.read_keys import read_key_file, read_point, show_key, show_point

IDENTITY = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
"""Of age's test vectors (C2SP, testkit): 32 bytes 0x42."""


def test_age_s_own_identity_is_read() -> None:
    key = read_key_file(f"# created: 2026-01-01\n\n{IDENTITY}\n".encode())
    assert key == Secret(b"\x42" * 32)
    assert show_key(key) == IDENTITY


@given(st.binary(min_size=32, max_size=32))
def test_what_is_shown_is_read(data: bytes) -> None:
    key = Secret(data)
    assert read_key_file(show_key(key).encode()) == key
    assert read_point(show_point(point_of(key))) == point_of(key)


@given(st.integers(0, len(IDENTITY) - 17), st.sampled_from("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"))
def test_one_wrong_sign_is_noticed_and_not_shown(place: int, sign: str) -> None:
    at = 16 + place
    wrong = IDENTITY[:at] + sign + IDENTITY[at + 1 :]
    if wrong == IDENTITY:
        return
    with pytest.raises(Malformed) as caught:
        read_key_file(wrong.encode())
    assert wrong[20:40] not in str(caught.value)


FILES = {
    "empty": b"",
    "two keys": f"{IDENTITY}\n{IDENTITY}\n".encode(),
    "lower case": IDENTITY.lower().encode(),
    "a recipient": show_point(point_of(Secret(bytes(32)))).encode(),
    "a plugin's": b"AGE-PLUGIN-YUBIKEY-1QYQSZQGPQYQSZQGP",
    "not ASCII": "clé".encode(),
    "cut": IDENTITY[:-1].encode(),
}


@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
def test_other_files_are_refused(file: bytes) -> None:
    with pytest.raises(Malformed, match=r"read key|AGE-SECRET-KEY-1"):
        read_key_file(file)


@pytest.mark.parametrize(
    "text", ["", "age1", show_point(b"\x09" + bytes(31)).upper(), show_point(b"\x09" + bytes(31))[:-1] + "q", IDENTITY]
)
def test_other_readers_are_refused(text: str) -> None:
    with pytest.raises(Malformed, match="a reader is age1"):
        read_point(text)


def test_a_point_of_low_order_is_no_reader_s() -> None:
    with pytest.raises(Malformed, match="low order"):
        read_point(show_point(bytes(32)))
