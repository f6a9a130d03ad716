"""Leaves of a file, several at a time from the local store: the same bytes, and the same answers, as one by one."""

import hashlib
from collections.abc import Iterator

import pytest
from support.content.holders import Memory

from ledger import kernel
from ledger.errors import Corrupt, Unavailable
from ledger.formats.cid import CHUNK, Cid, raw
from ledger.formats.merkle import LEAF
from ledger.kernel.rooms import leaves_of
from ledger.store import packs
from ledger.store.embedded import Embedded
from ledger.store.files import RUN
from ledger.store.holders import ROOMS, Holders

SIZE = 5 * CHUNK + 77
DATA = hashlib.shake_128(b"runs").digest(SIZE)


@pytest.fixture
def other() -> Memory:
    return Memory("another")


@pytest.fixture
def holders(embedded: Embedded, other: Memory) -> Iterator[Holders]:
    other.add(DATA)
    yield Holders(embedded, [other])


@pytest.fixture
def cid(embedded: Embedded) -> Cid:
    return embedded.put([DATA], "file")


def change(embedded: Embedded, cid: Cid, leaf: int, data: bytes | None) -> Cid:
    """Write over the first bytes of a leaf on the disk, or cut the pack off in the middle of it; the leaf's CID."""
    pack = embedded.packs / packs.name_of(cid)
    row = packs.rows(pack)[leaf]
    with pack.open("r+b") as file:
        if data is None:
            file.truncate(row.offset + 100)
        else:
            file.seek(row.offset)
            file.write(data)
    return row.cid


def test_a_file_comes_in_runs_behind_its_first_leaf(holders: Holders, cid: Cid, other: Memory) -> None:
    pieces = list(holders.read(cid))
    assert [len(piece) for piece in pieces] == [CHUNK, 2 * CHUNK, 2 * CHUNK, 77]
    assert b"".join(pieces) == DATA
    assert not other.asked


@pytest.mark.parametrize("start", [0, 5, CHUNK, CHUNK + 9, 3 * CHUNK - 1])
@pytest.mark.parametrize("stop", [3 * CHUNK - 1, 3 * CHUNK + 1, 4 * CHUNK + 3, SIZE, SIZE + 9, None])
def test_any_range(holders: Holders, cid: Cid, start: int, stop: int | None) -> None:
    assert b"".join(holders.read(cid, start, stop)) == DATA[start:stop]


@pytest.mark.parametrize("leaf", range(5))
@pytest.mark.parametrize("data", [b"damaged", None])
def test_a_bad_leaf_in_a_run_is_had_elsewhere_and_noted(
    holders: Holders, embedded: Embedded, cid: Cid, other: Memory, leaf: int, data: bytes | None
) -> None:
    bad = change(embedded, cid, leaf, data)
    assert b"".join(holders.read(cid)) == DATA
    assert bad in {found.block for found in holders.bad_copies}
    assert bad in other.asked
    assert {found.holder for found in holders.bad_copies} == {embedded.name}


def test_a_bad_leaf_without_another_copy_ends_the_file_there(embedded: Embedded, cid: Cid) -> None:
    change(embedded, cid, 3, b"damaged")
    had = []
    with pytest.raises(Corrupt):
        for piece in Holders(embedded).read(cid):
            had.append(bytes(piece))
    assert b"".join(had) == DATA[: 3 * CHUNK]


def test_a_leaf_in_two_packs_is_read_from_the_good_one(embedded: Embedded, cid: Cid) -> None:
    embedded.put([DATA[:-9]], "another file with the same leaves")
    change(embedded, cid, 2, b"damaged")
    holders = Holders(embedded)
    assert b"".join(holders.read(cid)) == DATA
    assert not holders.bad_copies


def test_a_pack_that_is_gone_is_missing(embedded: Embedded, cid: Cid) -> None:
    reading = Holders(embedded).read(cid)
    next(reading)
    (embedded.packs / packs.name_of(cid)).unlink()
    with pytest.raises(Unavailable):
        next(reading)


def test_a_store_without_runs_of_its_own_has_them_too(other: Memory) -> None:
    """What reads into memory is each holder's own matter; what is checked is not."""
    cid = other.add(DATA)
    leaves = [block for block in other.blocks if len(other.blocks[block]) == CHUNK]
    rooms = [memoryview(bytearray(CHUNK)) for _ in range(2)]
    assert other.get_run(leaves[:2], rooms) == b""
    assert b"".join(rooms) == b"".join(other.blocks[leaf] for leaf in leaves[:2])
    assert other.get_run(leaves[:2], rooms, LEAF) == kernel.leaf_hashes(DATA[: 2 * CHUNK], LEAF)
    assert other.get_run([cid], [memoryview(bytearray(CHUNK))]) is None, "a copy of another length fills no room"
    other.blocks[leaves[1]] = bytes(CHUNK)
    with pytest.raises(Corrupt):
        other.get_run(leaves[:2], rooms)
    with pytest.raises(Corrupt):
        other.get_run(leaves[:2], rooms, LEAF)


def test_what_was_read_stays_as_it_is_while_other_files_are_read(embedded: Embedded) -> None:
    """Pieces are held, of more files than there are rooms: the others come leaf by leaf."""
    files = {embedded.put([data], data[:8].hex()): data for data in (DATA[at:] for at in range(0, 77, 7))}
    holders, held = Holders(embedded), list[tuple[bytes | bytearray | memoryview, bytes]]()
    for cid, data in files.items():
        reading = holders.read(cid)
        next(reading)
        held.append((next(reading), data))
    lengths = [len(piece) for piece, _ in held]
    assert lengths == [RUN * CHUNK] * ROOMS + [CHUNK] * (len(files) - ROOMS)
    assert all(bytes(piece) == data[CHUNK : CHUNK + len(piece)] for piece, data in held)
    held.clear()
    assert [len(piece) for piece in list(holders.read(cid))][1] == RUN * CHUNK, "rooms are free again"


@pytest.mark.parametrize("along", [True, False])
def test_leaf_hashes_come_with_the_runs_after_the_one_that_was_asked_for_them(
    holders: Holders, cid: Cid, along: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it costs little, and nobody pays who never asks."""
    monkeypatch.setattr(kernel, "leaves_along", lambda: along)
    had = [leaves_of(piece) for piece in holders.read(cid)]
    runs = [DATA[CHUNK : 3 * CHUNK], DATA[3 * CHUNK : 5 * CHUNK], DATA[5 * CHUNK :]]
    assert had == [b"", *(kernel.leaf_hashes(run, LEAF) if along else b"" for run in runs)]
    silent = list(holders.read(cid))
    assert [leaves_of(piece) for piece in silent] == [b""] * 4


def test_a_bad_leaf_has_no_leaf_hashes(
    holders: Holders, embedded: Embedded, cid: Cid, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is had elsewhere comes block by block, without any; no hash is of bytes that are not the file's."""
    monkeypatch.setattr(kernel, "leaves_along", lambda: True)
    change(embedded, cid, 3, b"damaged")
    at = 0
    for piece in holders.read(cid):
        assert leaves_of(piece) in {b"", kernel.leaf_hashes(DATA[at : at + len(piece)], LEAF)}
        at += len(piece)
    assert at == SIZE


def test_a_run_of_two_packs_is_read_block_by_block(embedded: Embedded) -> None:
    rooms = [memoryview(bytearray(CHUNK)) for _ in range(2)]
    apart = [embedded.put([DATA[at * CHUNK : (at + 1) * CHUNK]], str(at)) for at in (3, 1)]
    assert embedded.get_run(apart, rooms) == b""
    assert b"".join(rooms) == DATA[3 * CHUNK : 4 * CHUNK] + DATA[CHUNK : 2 * CHUNK]
    with pytest.raises(Unavailable):
        embedded.get_run([apart[0], raw(b"nowhere")], rooms)
