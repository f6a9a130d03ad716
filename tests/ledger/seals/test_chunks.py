"""Sealed files: they open to what was sealed, under one key, whole and in order; anything else is refused."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.seals import NAME, fresh, open_all, seal_all

from ledger.errors import Malformed
from ledger.formats.cid import CHUNK
from ledger.formats.sealed import HEAD, ROOM, TAG, chunk_at, count_of, sealed_size
from ledger.masks.secret import Secret
from ledger.seals.chunks import opened, sealed
from ledger.seals.keys import ContentKey, commitment_in, unpack_name

KEY = fresh()
THREE = os.urandom(2 * ROOM + 5000)
FILE = seal_all(THREE, KEY)


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


@pytest.mark.parametrize("size", [1, 1023, ROOM - HEAD - 1, ROOM - HEAD, ROOM - HEAD + 1, 2 * ROOM - HEAD, 5 * CHUNK])
def test_it_opens_to_what_was_sealed(size: int) -> None:
    data = os.urandom(size)
    file = seal_all(data, KEY)
    assert len(file) == sealed_size(size)
    assert open_all(file, KEY, size) == data


@given(st.integers(1, 3 * ROOM), st.integers(1, 2 * CHUNK), st.integers(1, 2 * CHUNK))
def test_pieces_may_have_any_length(size: int, one: int, other: int) -> None:
    one, other = max(one, size // 50), max(other, size // 50)
    data = THREE[:size]
    whole = seal_all(data, KEY)
    assert b"".join(bytes(piece) for piece in sealed(cut(data, one), KEY, len(data))) == whole
    assert b"".join(opened(cut(whole, other), KEY, len(data))) == data


@given(st.integers(0, len(THREE) - 1))
def test_any_part_is_read_without_what_stands_before_it(offset: int) -> None:
    chunk, start = chunk_at(offset)
    assert chunk < count_of(len(THREE))
    assert start <= offset < start + ROOM
    assert b"".join(opened([FILE[chunk * CHUNK :]], KEY, len(THREE), chunk)) == THREE[start:]


def test_all_pieces_but_the_last_are_whole_blocks() -> None:
    sizes = [len(piece) for piece in sealed([THREE * 4], KEY, 4 * len(THREE))]
    assert len(sizes) > 1
    assert all(size % CHUNK == 0 for size in sizes[:-1])


BLOCKS = [FILE[at : at + CHUNK] for at in range(0, len(FILE), CHUNK)]
OTHER = seal_all(THREE, fresh())
LIES = {
    "a bit of a chunk": FILE[:500] + bytes([FILE[500] ^ 1]) + FILE[501:],
    "a bit of the last tag": FILE[:-1] + bytes([FILE[-1] ^ 1]),
    "chunks swapped": BLOCKS[0][:HEAD] + BLOCKS[1][HEAD:] + FILE[:HEAD] + BLOCKS[0][HEAD:] + BLOCKS[2],
    "a chunk repeated": BLOCKS[0] + BLOCKS[0] + BLOCKS[2],
    "a chunk left out": BLOCKS[0] + BLOCKS[2],
    "the last chunk left out": BLOCKS[0] + BLOCKS[1],
    "cut in a chunk": FILE[:-1],
    "cut in the head": FILE[: HEAD - 1],
    "nothing": b"",
    "a byte more": FILE + b"\x00",
    "a chunk more": FILE + BLOCKS[2],
    "a chunk of another file of the update": BLOCKS[0] + OTHER[CHUNK : 2 * CHUNK] + BLOCKS[2],
    "another format": b"fedledger/seal/2" + FILE[16:],
    "another chain": FILE[:16] + bytes(8) + FILE[24:],
    "another party": FILE[:52] + bytes(20) + FILE[72:],
}


@pytest.mark.parametrize("file", LIES.values(), ids=LIES)
def test_anything_else_is_refused(file: bytes) -> None:
    with pytest.raises(Malformed, match="sealed file"):
        open_all(file, KEY, len(THREE))


def test_an_artifact_of_another_length_is_refused() -> None:
    """That of the table counts: neither the last chunk's end nor a chunk's border makes up for a byte."""
    for size in (1000, ROOM - HEAD, 2 * ROOM - HEAD):
        file = seal_all(THREE[:size], KEY)
        for other in (size - 1, size + 1):
            with pytest.raises(Malformed, match=r"sealed file|chunk"):
                open_all(file, KEY, other)


@pytest.mark.parametrize(("size", "message"), [(len(THREE) - 1, "longer"), (len(THREE) + 1, "truncated")])
def test_no_file_is_made_of_an_artifact_of_another_length(size: int, message: str) -> None:
    with pytest.raises(Malformed, match=message):
        for _ in sealed([THREE], KEY, size):
            pass


def test_a_file_has_one_key() -> None:
    """Another key's commitment is another, so no file opens under two: a wrong key is the reader's to look for."""
    other = ContentKey(NAME, Secret(bytes(32)))
    with pytest.raises(ValueError, match="another key"):
        open_all(FILE, other, len(THREE))
    forged = other.head + FILE[HEAD:]
    with pytest.raises(Malformed, match="chunk 0"):
        open_all(forged, other, len(THREE))


def test_a_key_of_another_update_opens_nothing() -> None:
    name = NAME._replace(round=NAME.round._replace(round=3))
    with pytest.raises(Malformed, match="another round"):
        open_all(FILE, ContentKey(name, KEY.secret), len(THREE))


def test_whose_a_file_is_shows_without_a_key() -> None:
    assert commitment_in(FILE, NAME) == KEY.commitment
    assert unpack_name(FILE[16:72]) == NAME
    with pytest.raises(Malformed, match="another job"):
        commitment_in(FILE, NAME._replace(round=NAME.round._replace(job=9)))


def test_equal_updates_are_not_seen_to_be_equal() -> None:
    """No 16 bytes at one place are the same in two files of one update: none of its bytes is there as it is."""
    pairs = ((FILE[at : at + TAG], OTHER[at : at + TAG]) for at in range(HEAD, len(FILE) - TAG, TAG))
    assert all(one != other for one, other in pairs)
