"""Trees of blocks: the same CIDs as everyone's, and no other form of a node."""

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.content.holders import Daemon, Memory

from ledger.errors import Malformed
from ledger.formats import unixfs
from ledger.formats.cid import CHUNK, DAG_PB, Cid, of_file, raw
from ledger.formats.digest import sha256
from ledger.store import car, files

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "cid.json").read_text())


def tree_of(size: int) -> tuple[Cid, list[tuple[Cid, bytes]]]:
    """The tree of a file of zero bytes."""
    tree = unixfs.TreeBuilder()
    full = raw(bytes(CHUNK))
    for _ in range(size // CHUNK):
        tree.add(full, CHUNK)
    if size % CHUNK:
        tree.add(raw(bytes(size % CHUNK)), size % CHUNK)
    return tree.finish()


@pytest.mark.parametrize("vector", VECTORS["files"], ids=lambda vector: str(vector["size"]))
def test_files_have_the_frozen_cids(vector: dict[str, object]) -> None:
    data = hashlib.shake_128(str(vector["shake128"]).encode()).digest(int(str(vector["size"])))
    cid, size = unixfs.cid_of([data])
    assert (str(cid), size) == (vector["cid"], vector["size"])
    assert of_file(cid.digest, size) == cid


@pytest.mark.parametrize("vector", VECTORS["zeros"], ids=lambda vector: str(vector["size"]))
def test_trees_have_the_frozen_cids(vector: dict[str, object]) -> None:
    assert str(tree_of(int(str(vector["size"])))[0]) == vector["cid"]


def test_the_published_vectors_of_kubo_hold() -> None:
    chacha = pytest.importorskip("Crypto.Cipher.ChaCha20")
    small, at_most, over = VECTORS["published"]
    assert str(unixfs.cid_of([small["text"].encode()])[0]) == small["cid"]
    key = sha256(at_most["chacha20"].encode())
    stream = chacha.new(key=key, nonce=bytes(12))
    zeros = bytes(CHUNK)
    leaves = [raw(stream.encrypt(zeros)) for _ in range(over["size"] // CHUNK)]
    for vector in (at_most, over):
        tree = unixfs.TreeBuilder()
        for leaf in leaves[: vector["size"] // CHUNK]:
            tree.add(leaf, CHUNK)
        assert str(tree.finish()[0]) == vector["cid"]


@pytest.mark.engine
@pytest.mark.parametrize("size", [0, 5, CHUNK, CHUNK + 1, 3 * CHUNK + 17, 180 * CHUNK])
def test_kubo_computes_the_same_cid(daemon: Daemon, size: int) -> None:
    data = hashlib.shake_128(b"kubo").digest(size)
    assert daemon.run("add", "-Q", "--only-hash", data=data) == str(unixfs.cid_of([data])[0])


@pytest.mark.engine
def test_kubo_reads_a_tree_of_two_levels(daemon: Daemon, tmp_path: Path) -> None:
    size = CHUNK * 1024 + 5
    root, nodes = tree_of(size)
    blocks = [*nodes, (raw(bytes(CHUNK)), bytes(CHUNK)), (raw(bytes(5)), bytes(5))]
    archive = car.header(root) + b"".join(car.frame(cid, len(block)) + block for cid, block in blocks)
    (tmp_path / "two.car").write_bytes(archive)
    daemon.run("dag", "import", "--pin-roots=false", str(tmp_path / "two.car"))
    stat = daemon.stat(root)
    assert stat["Size"] == size
    assert stat["CumulativeSize"] == size + sum(len(block) for _, block in nodes)
    assert daemon.run("cat", f"--offset={size - 7}", str(root)) == "\0" * 7


def test_no_node_reaches_the_ceiling() -> None:
    children = [Cid(DAG_PB, bytes(32))] * 1024
    assert len(unixfs.encode(unixfs.MAX_SIZE, 2, children)) < unixfs.MAX_NODE
    with pytest.raises(Malformed):
        unixfs.height_of(unixfs.MAX_SIZE + 1)


@given(st.lists(st.binary(max_size=9), max_size=9), st.integers(1, 5))
def test_chunks_do_not_depend_on_the_pieces(pieces: list[bytes], times: int) -> None:
    whole = b"".join(pieces) * times
    chunks = [bytes(chunk) for chunk in unixfs.chunks(pieces * times)]
    assert b"".join(chunks) == whole
    assert unixfs.cid_of(pieces * times) == unixfs.cid_of([whole])


@settings(max_examples=25)
@given(st.integers(0, 3 * CHUNK + 2), st.integers(1, 2 * CHUNK))
def test_a_file_cut_anywhere_has_one_cid(size: int, step: int) -> None:
    data = memoryview(bytes(range(256)) * (size // 256 + 1))[:size]
    pieces = [data[at : at + step] for at in range(0, size, step)]
    assert unixfs.cid_of(pieces) == unixfs.cid_of([data])


@settings(max_examples=60)
@given(st.data())
def test_a_range_returns_its_bytes_and_fetches_its_blocks_only(data: st.DataObject) -> None:
    size = data.draw(st.integers(0, 4 * CHUNK))
    start = data.draw(st.integers(0, size + 3))
    stop = data.draw(st.one_of(st.none(), st.integers(start, size + 3)))
    content = hashlib.shake_128(b"range").digest(size)
    holder = Memory()
    root = holder.add(content)
    assert b"".join(files.read(holder, root, start, stop)) == content[start:stop]
    end = min(size, size if stop is None else stop)
    leaves = max(0, -(-end // CHUNK) - start // CHUNK) if start < end else 0
    assert len(holder.asked) <= leaves + 1


def test_a_range_under_two_levels_fetches_one_path() -> None:
    root, nodes = tree_of(CHUNK * 1500)
    holder = Memory()
    holder.blocks = {**dict(nodes), raw(bytes(CHUNK)): bytes(CHUNK)}
    at = CHUNK * 1400 - 5
    assert b"".join(files.read(holder, root, at, at + 10)) == bytes(10)
    assert len(holder.asked) == 2 + 2
    assert files.size_of(holder, root) == CHUNK * 1500


def _node(size: int = 3 * CHUNK) -> tuple[Cid, bytes]:
    return tree_of(size)[1][-1]


def _renamed(block: bytes) -> tuple[Cid, bytes]:
    return Cid(DAG_PB, sha256(block)), block


HOSTILE = {
    "empty": b"",
    "only data": b"\x0a\x04\x08\x02\x18\x05",
    "a directory": b"\x0a\x02\x08\x01",
    "a link without data": b"\x12\x2a\x0a\x24" + bytes(raw(b"x")) + b"\x12\x00\x18\x01",
    "a byte after the end": _node()[1] + b"\0",
    "a byte cut off": _node()[1][:-1],
    "data before links": b"\x0a\x04\x08\x02\x18\x05" + _node()[1],
    "a file that fits one chunk": unixfs.encode(CHUNK, 1, [raw(b"a")]),
    "a link with a name": _node()[1].replace(b"\x12\x00\x18", b"\x12\x01a\x18", 1),
    "another total size": _node()[1].replace(b"\x18\x80\x80\xc0\x01", b"\x18\x81\x80\xc0\x01", 1),
    "another codec": _node()[1].replace(b"\x01\x55\x12\x20", b"\x01\x70\x12\x20", 1),
    "another hash": _node()[1].replace(b"\x01\x55\x12\x20", b"\x01\x55\x13\x20", 1),
    "a size without end": b"\x0a\xff\xff\xff\xff\xff\x7f" + b"\xff" * 30,
    "a size beyond bounds": b"\x0a\x0a\x08\x02\x18" + b"\xff\xff\xff\xff\xff\x7f",
    "longer than any node": bytes(unixfs.MAX_NODE + 1),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_nodes_are_refused(name: str) -> None:
    cid, block = _renamed(HOSTILE[name])
    with pytest.raises(Malformed):
        unixfs.parse_root(block, cid)


@given(st.binary(max_size=300))
def test_any_other_bytes_are_refused(block: bytes) -> None:
    with pytest.raises(Malformed):
        unixfs.parse_root(block, Cid(DAG_PB, sha256(block)))


@given(st.data())
def test_a_changed_byte_is_refused_or_a_digest(data: st.DataObject) -> None:
    _, block = _node()
    at = data.draw(st.integers(0, len(block) - 1))
    changed = bytearray(block)
    changed[at] ^= data.draw(st.integers(1, 255))
    try:
        _, children = unixfs.parse_root(bytes(changed), Cid(DAG_PB, sha256(changed)))
    except Malformed:
        return
    assert [child.stop for child in children] == [CHUNK, 2 * CHUNK, 3 * CHUNK]
    assert unixfs.encode(3 * CHUNK, 1, [child.cid for child in children]) == changed


def test_a_leaf_of_another_length_is_refused() -> None:
    holder = Memory()
    short = raw(b"short")
    _, block = _renamed(unixfs.encode(2 * CHUNK, 1, [short, short]))
    cid = Cid(DAG_PB, sha256(block))
    holder.blocks = {short: b"short", cid: block}
    with pytest.raises(Malformed, match="leaf"):
        list(files.read(holder, cid))


def test_a_long_raw_block_is_refused() -> None:
    holder = Memory()
    data = bytes(CHUNK + 1)
    holder.blocks = {raw(data): data}
    with pytest.raises(Malformed, match="longer"):
        list(files.read(holder, raw(data)))


def test_a_file_over_the_readers_limit_is_refused_before_its_leaves() -> None:
    holder = Memory()
    root = holder.add(bytes(2 * CHUNK))
    with pytest.raises(Malformed, match="longer"):
        list(files.read(holder, root, limit=CHUNK))
    assert holder.asked == [root]


def test_a_builder_refuses_leaves_out_of_place() -> None:
    tree = unixfs.TreeBuilder()
    with pytest.raises(ValueError, match="without a leaf"):
        tree.finish()
    tree.add(raw(b"end"), 3)
    with pytest.raises(ValueError, match="can follow"):
        tree.add(raw(b"more"), 4)
    with pytest.raises(ValueError, match="can follow"):
        unixfs.TreeBuilder().add(Cid(DAG_PB, bytes(32)), 4)
