"""Files that come block by block: only what their trees name is kept, and a restart loses nothing that came."""

import hashlib
import itertools
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.content.folders import indexed_again
from support.content.holders import Daemon, Memory

from ledger.errors import Malformed
from ledger.formats import unixfs
from ledger.formats.cid import CHUNK, Cid, raw
from ledger.store import files, packs
from ledger.store.arrivals import Arrivals
from ledger.store.embedded import Embedded
from ledger.store.holders import Holders
from ledger.store.kubo import Kubo

DATA = hashlib.shake_128(b"arrivals").digest(3 * CHUNK + 5)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Embedded]:
    store = Embedded(tmp_path / "store", create=True)
    yield store
    store.close()


def blocks_of(data: bytes) -> tuple[Cid, dict[Cid, bytes]]:
    memory = Memory()
    return memory.add(data), memory.blocks


@pytest.mark.parametrize("size", [0, 1, CHUNK, CHUNK + 1, len(DATA)])
def test_a_file_comes_in_the_order_in_which_it_is_asked_for(tmp_path: Path, store: Embedded, size: int) -> None:
    file, blocks = blocks_of(DATA[:size])
    arrivals = Arrivals(tmp_path / "in", store)
    while missing := arrivals.missing(file, size, "pin"):
        ends = [arrivals.take(file, size, "pin", cid, blocks[cid]) for cid in missing]
        assert not any(ends[:-1])
    assert store.pins() == {"pin": file}
    assert b"".join(map(bytes, files.read(store, file))) == DATA[:size]
    assert not list((tmp_path / "in").iterdir())
    assert arrivals.take(file, size, "pin", file, blocks[file])


def test_a_restart_after_each_block_loses_nothing(tmp_path: Path, store: Embedded) -> None:
    file, blocks = blocks_of(DATA)
    for count in itertools.count(1):
        missing = Arrivals(tmp_path / "in", store).missing(file, len(DATA), "pin")
        if not missing:
            break
        chosen = random.Random(count).choice(missing)
        Arrivals(tmp_path / "in", store).take(file, len(DATA), "pin", chosen, blocks[chosen])
    assert count == len(blocks) + 1
    assert store.pins() == {"pin": file}


def test_a_block_that_was_damaged_on_the_disk_is_asked_for_again(tmp_path: Path, store: Embedded) -> None:
    file, blocks = blocks_of(DATA)
    arrivals = Arrivals(tmp_path / "in", store)
    arrivals.take(file, len(DATA), "pin", file, blocks[file])
    first = arrivals.missing(file, len(DATA), "pin")[0]
    arrivals.take(file, len(DATA), "pin", first, blocks[first])
    (tmp_path / "in" / str(file) / str(first)).write_bytes(b"")
    again = Arrivals(tmp_path / "in", store).missing(file, len(DATA), "pin")
    assert first in again


@pytest.mark.parametrize("bad", ["other bytes", "another block", "a leaf before its node"])
def test_what_the_tree_does_not_name_is_refused(tmp_path: Path, store: Embedded, bad: str) -> None:
    file, blocks = blocks_of(DATA)
    leaf = next(cid for cid in blocks if cid != file)
    cid, data = {
        "other bytes": (file, blocks[file] + b"\0"),
        "another block": (raw(b"x"), b"x"),
        "a leaf before its node": (leaf, blocks[leaf]),
    }[bad]
    with pytest.raises(Malformed):
        Arrivals(tmp_path / "in", store).take(file, len(DATA), "pin", cid, data)
    assert not (tmp_path / "in").exists()


def test_a_file_that_is_too_long_is_refused_by_its_first_block(tmp_path: Path, store: Embedded) -> None:
    for data in (DATA, DATA[:CHUNK]):
        file, blocks = blocks_of(data)
        with pytest.raises(Malformed, match="longer"):
            Arrivals(tmp_path / "in", store).take(file, len(data) - 1, "pin", file, blocks[file])


def test_a_leaf_of_another_length_than_its_place(tmp_path: Path, store: Embedded) -> None:
    leaves = [raw(DATA[:CHUNK]), raw(b"short")]
    root = unixfs.encode(CHUNK + 7, 1, leaves)
    file = Cid(0x70, hashlib.sha256(root).digest())
    arrivals = Arrivals(tmp_path / "in", store)
    arrivals.take(file, 2 * CHUNK, "pin", file, root)
    with pytest.raises(Malformed, match="as long as its place"):
        arrivals.take(file, 2 * CHUNK, "pin", leaves[1], b"short")


def test_what_is_no_longer_owed_is_swept(tmp_path: Path, store: Embedded) -> None:
    arrivals = Arrivals(tmp_path / "in", store)
    for data in (DATA, DATA[:-1]):
        file, blocks = blocks_of(data)
        arrivals.take(file, len(DATA), "pin", file, blocks[file])
    arrivals.sweep([file])
    assert [path.name for path in (tmp_path / "in").iterdir()] == [str(file)]
    arrivals.sweep([])
    assert list((tmp_path / "in").iterdir()) == []
    Arrivals(tmp_path / "none", store).sweep([])


def test_a_file_that_the_store_has_is_pinned_at_once(tmp_path: Path, store: Embedded) -> None:
    file = store.put([DATA], "other")
    assert Arrivals(tmp_path / "in", store).missing(file, len(DATA), "pin") == []
    assert store.pins() == {"other": file, "pin": file}


@pytest.mark.parametrize("size", [1000, len(DATA)])
@pytest.mark.parametrize("torn", [True, False])
def test_a_file_that_is_damaged_in_the_store_is_taken_and_written_again(
    tmp_path: Path, store: Embedded, size: int, torn: bool
) -> None:
    file, blocks = blocks_of(DATA[:size])
    store.put([DATA[:size]], "pin")
    store = Embedded(store.folder)
    with (store.packs / packs.name_of(file)).open("r+b") as pack:
        if torn:
            pack.truncate(500)
            store = indexed_again(store)
        else:
            pack.seek(500)
            pack.write(b"damaged!")
    arrivals = Arrivals(tmp_path / "in", store)
    assert arrivals.missing(file, size, "pin") == [file]
    while missing := arrivals.missing(file, size, "pin"):
        for cid in missing:
            arrivals.take(file, size, "pin", cid, blocks[cid])
    assert Holders(store).trouble(file) is None
    store.close()


@pytest.mark.engine
def test_a_file_comes_into_a_kubo_daemon(tmp_path: Path, daemon: Daemon) -> None:
    file, blocks = blocks_of(DATA[::-1])
    with closing(Kubo(daemon.address)) as kubo:
        arrivals = Arrivals(tmp_path / "in", kubo)
        while missing := arrivals.missing(file, len(DATA), "arrived"):
            for cid in missing:
                arrivals.take(file, len(DATA), "arrived", cid, blocks[cid])
        assert kubo.pins()["arrived"] == file
        kubo.unpin("arrived")
