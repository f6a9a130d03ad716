"""What every store promises, held against each of them."""

import hashlib
import io

import pytest

from ledger.errors import Corrupt, Malformed, Unavailable, UsageError
from ledger.formats import unixfs
from ledger.formats.cid import CHUNK, Cid, raw
from ledger.store import Store, car, files

LONG = hashlib.shake_128(b"long").digest(2 * CHUNK + 9)


def exported(store: Store, cid: Cid) -> bytes:
    out = io.BytesIO()
    store.export_car(cid, out)
    return out.getvalue()


def archive(*blocks: tuple[Cid, bytes], root: Cid | None = None) -> io.BytesIO:
    head = car.header(root or blocks[0][0])
    return io.BytesIO(head + b"".join(car.frame(cid, len(block)) + block for cid, block in blocks))


@pytest.mark.parametrize("size", [0, 1, CHUNK, CHUNK + 1, len(LONG)])
def test_what_is_put_is_read_again(store: Store, size: int) -> None:
    data = LONG[:size]
    cid = store.put([data[:5], data[5:]], "file")
    assert cid == unixfs.cid_of([data])[0]
    assert b"".join(files.read(store, cid)) == data
    assert store.pins() == {"file": cid}
    assert store.put([data], "file") == cid
    assert store.put([data], "again") == cid
    assert store.pins() == {"file": cid, "again": cid}


def test_a_pin_moves_and_goes(store: Store) -> None:
    one, two = store.put([b"one"], "name"), store.put([b"two"], "name")
    assert store.pins() == {"name": two}
    store.pin("old", one)
    store.pin("name", one)
    store.pin("name", one)
    assert store.pins() == {"old": one, "name": one}
    store.unpin("old")
    assert store.pins() == {"name": one}
    with pytest.raises(UsageError, match="old"):
        store.unpin("old")


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 161])
def test_names_that_no_store_holds_are_refused(store: Store, name: str) -> None:
    with pytest.raises(UsageError, match="pin name"):
        store.put([b"data"], name)
    assert store.pins() == {}


def test_the_longest_name_in_any_script_is_held(store: Store) -> None:
    name = "ж:/" + "y" * 156
    cid = store.put([b"named"], name)
    assert store.pins() == {name: cid}


def test_a_missing_block_is_unavailable_and_names_it(store: Store) -> None:
    nobody = raw(b"nobody has this")
    assert not store.has(nobody)
    with pytest.raises(Unavailable) as caught:
        store.get(nobody)
    assert not isinstance(caught.value, Corrupt)
    assert str(nobody) in str(caught.value)
    with pytest.raises(Unavailable):
        store.pin("never", nobody)
    assert store.pins() == {}


def test_a_source_that_breaks_leaves_nothing(store: Store) -> None:
    def broken() -> object:
        yield LONG[:CHUNK]
        yield LONG[CHUNK:]
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        store.put(broken(), "broken")
    assert store.pins() == {}


def test_a_file_that_is_not_the_expected_one_leaves_nothing(store: Store) -> None:
    expected = unixfs.cid_of([LONG])[0]
    with pytest.raises(Malformed, match="not the file that was named"):
        store.put([LONG[:-1]], "file", expected=expected)
    assert store.pins() == {}
    assert store.put([LONG], "file", expected=expected) == expected


def test_blocks_that_the_caller_checked_are_a_file(store: Store) -> None:
    root, nodes = _tree(LONG)
    leaves = [(raw(LONG[at : at + CHUNK]), LONG[at : at + CHUNK]) for at in range(0, len(LONG), CHUNK)]
    store.put_checked(root, [*leaves, *nodes], "file")
    assert store.pins() == {"file": root}
    assert b"".join(files.read(store, root)) == LONG


def test_a_car_goes_round(store: Store) -> None:
    cid = store.put([LONG], "file")
    data = exported(store, cid)
    store.unpin("file")
    assert store.import_car(io.BytesIO(data), "back") == cid
    assert store.pins() == {"back": cid}
    assert exported(store, cid) == data
    assert data.startswith(car.header(cid))


def test_blocks_in_any_order_and_twice_are_taken(store: Store) -> None:
    data = bytes(3 * CHUNK)
    root, nodes = _tree(data)
    leaf = (raw(data[:CHUNK]), data[:CHUNK])
    assert store.import_car(archive(leaf, *nodes, leaf, root=root), "zeros") == root
    assert b"".join(files.read(store, root)) == data


def _tree(data: bytes) -> tuple[Cid, list[tuple[Cid, bytes]]]:
    tree = unixfs.TreeBuilder()
    for chunk in unixfs.chunks([data]):
        tree.add(raw(chunk), len(chunk))
    return tree.finish()


def _broken_archives() -> dict[str, tuple[io.BytesIO, type[Exception]]]:
    root, nodes = _tree(LONG)
    leaves = [(raw(LONG[at : at + CHUNK]), LONG[at : at + CHUNK]) for at in range(0, len(LONG), CHUNK)]
    whole = archive(*nodes, *leaves).getvalue()
    stray = (raw(b"stray"), b"stray")
    long_varint = car.header(root) + b"\xff\xff\xff\xff\x7f" + whole
    padded = car.header(root) + b"\xa4\x80\x00" + bytes(nodes[0][0]) + nodes[0][1]
    two_roots = b"\x12\xa2\x65roots\x82" + bytes(8) + b"\x67version\x01"
    return {
        "empty": (io.BytesIO(b""), Malformed),
        "text": (io.BytesIO(b"hello world" * 20), Malformed),
        "two roots": (io.BytesIO(two_roots), Malformed),
        "cut inside a block": (io.BytesIO(whole[:-1]), Malformed),
        "cut inside a frame": (io.BytesIO(whole + b"\x30\x01"), Malformed),
        "cut between blocks": (archive(*nodes, *leaves[:-1]), Malformed),
        "without its root": (archive(*leaves, root=root), Malformed),
        "a wrong block": (archive(*nodes, *leaves[:-1], (leaves[-1][0], b"x" * 9)), Corrupt),
        "a wrong node": (archive((root, nodes[0][1][:-1] + b"\0"), *leaves), Corrupt),
        "a stray block": (archive(*nodes, *leaves, stray), Malformed),
        "a length without end": (io.BytesIO(long_varint), Malformed),
        "a padded length": (io.BytesIO(padded), Malformed),
        "a section of nothing": (io.BytesIO(whole + b"\x00"), Malformed),
        "a long block": (archive((raw(bytes(CHUNK + 1)), bytes(CHUNK + 1))), Malformed),
        "another kind of CID": (io.BytesIO(car.header(root) + b"\x25\x01\x71\x12\x20" + bytes(33)), Malformed),
    }


@pytest.mark.parametrize("name", _broken_archives())
def test_a_broken_car_is_refused_and_leaves_nothing(store: Store, name: str) -> None:
    source, error = _broken_archives()[name]
    with pytest.raises(error) as caught:
        store.import_car(source, "broken")
    assert type(caught.value) is error
    assert store.pins() == {}
