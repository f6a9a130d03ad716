"""The page's own SHA-256, trees, files, headers and documents: to the byte what Python makes of them."""

import hashlib
import json
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.oracle import document_of

from ledger.bundle import verify_bundle
from ledger.errors import Malformed
from ledger.formats import merkle, unixfs
from ledger.formats.artifact import Layout, Tensor
from ledger.formats.cid import RAW, Cid
from ledger.formats.digest import checksum_address, keccak, sha256
from ledger.formats.grammar import check_json
from ledger.formats.header import Binding
from ledger.formats.unixfs import Part

VECTORS = Path(__file__).parents[2] / "vectors"
EDGES = (0, 1, 55, 56, 63, 64, 119, 120, 135, 136, 137, 271, 272, 1023, 1024, 1025, 70_000)


def read(name: str) -> Any:
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


def said(binding: Binding) -> dict[str, str]:
    return {name: text for name, text in binding.metadata().items() if text}


@pytest.mark.parametrize("size", EDGES)
def test_digests_are_python_s(modules: Any, size: int) -> None:
    data = random.Random(size).randbytes(size)
    assert modules("sha256", data.hex()) == [hashlib.sha256(data).hexdigest()] * 2
    assert modules("keccak", data.hex()) == keccak(data).hex()
    assert modules("root", data.hex()) == merkle.root_of(data).hex()


def test_addresses_have_their_one_form(modules: Any) -> None:
    for number in range(50):
        address = random.Random(number).randbytes(20)
        assert modules("address", address.hex()) == checksum_address(address)


@settings(max_examples=60)
@given(st.integers(1, 40), st.integers(0, 39), st.integers(0, 3), st.binary(min_size=1, max_size=40))
def test_a_path_leads_to_its_root_and_to_no_other(
    modules: Any, leaves: int, place: int, bent: int, data: bytes
) -> None:
    place %= leaves
    pieces = [bytes([number]) + data for number in range(leaves)]
    hashes = [merkle.leaf_hash(piece) for piece in pieces]
    root, path = merkle.root(hashes), [one.hex() for one in merkle.proof(hashes, place)]
    assert modules("path", root.hex(), pieces[place].hex(), place, leaves, path) is True
    wrong = {
        0: (root, pieces[place] + b"x", place, path),
        1: (root, pieces[place], place, [*path, "00" * 32]),
        2: (root, pieces[place], leaves, path),
        3: (bytes(32), pieces[place], place, path),
    }[bent]
    assert modules("path", wrong[0].hex(), wrong[1].hex(), wrong[2], leaves, wrong[3]) is False


def test_cids_are_those_of_the_profile(modules: Any) -> None:
    for case in read("cid.json")["files"]:
        cid = Cid.parse(case["cid"])
        assert modules("cid", case["cid"]) == [cid.codec, cid.digest.hex(), case["cid"]]
    assert modules("cid", "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvykz") is None, "stray bits"


@settings(max_examples=40)
@given(st.integers(1, 3000), st.integers(1, 1 << 20), st.randoms(use_true_random=False))
def test_a_file_s_tree_is_python_s(modules: Any, full: int, last: int, source: random.Random) -> None:
    tree = unixfs.TreeBuilder()
    leaves = [source.randbytes(32) for _ in range(full + 1)]
    for at, digest in enumerate(leaves):
        tree.add(Cid(RAW, digest), unixfs.CHUNK if at < full else last)
    root, nodes = tree.finish()
    assert modules("file", [leaf.hex() for leaf in leaves], tree.size) == root.digest.hex()
    part = Part(root, 0, tree.size, unixfs.height_of(tree.size))
    expected = [[one.cid.codec, one.cid.digest.hex(), one.stop - one.start] for one in unixfs.parse(nodes[-1][1], part)]  # type: ignore[operator]
    assert modules("children", nodes[-1][1].hex(), tree.size, part.height) == expected


@settings(max_examples=300)
@given(st.integers(0, 200), st.integers(0, 255), st.booleans())
def test_a_bent_node_is_refused_as_python_refuses_it(modules: Any, at: int, byte: int, cut: bool) -> None:
    size = unixfs.CHUNK + 1
    node = bytearray(unixfs.encode(size, 1, [Cid(RAW, bytes([one]) * 32) for one in (1, 2)]))
    bent = bytes(node[:at]) if cut else bytes(node[: at % len(node)] + bytes([byte]) + node[at % len(node) + 1 :])
    try:
        parts = unixfs.parse(bent, Part(Cid(0x70, bytes(32)), 0, size, 1))
        expected = [[one.cid.codec, one.cid.digest.hex(), one.stop - one.start] for one in parts]  # type: ignore[operator]
    except Malformed:
        expected = None
    assert modules("children", bent.hex(), size, 1) == expected


def test_headers_are_made_to_the_byte(modules: Any) -> None:
    for case in read("artifact.json")["cases"]:
        words = {"U64", "I64", "I8", "U8"} & set(case["header"].split('"'))
        if case["binding"]["kind"] not in ("initial", "model", "update") or words or case["binding"].get("platform"):
            continue
        binding = {name: str(value) for name, value in case["binding"].items() if value} | {"format": "fedledger/1"}
        header = case["header"].encode("latin-1").ljust(case["header_size"])
        assert modules("header", case["tensors"], binding) == header.hex()


TENSORS = (Tensor("W", (3, 2)), Tensor("layer.bias", (2,)), Tensor("~", (1,)))
UPDATE = Binding(
    kind="update",
    chain=31337,
    contract="0x5FbDB2315678afecb367f032d93F642f64180aa3",
    job=1,
    round=2,
    party="0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
    base=bytes(range(32)),
)


@settings(max_examples=400)
@given(
    st.integers(1, (1 << 32) - 1),
    st.binary(min_size=32, max_size=32),
    st.booleans(),
    st.one_of(st.none(), st.tuples(st.integers(0, 900), st.binary(min_size=1, max_size=12))),
)
def test_a_header_fits_exactly_where_python_says_so(
    modules: Any, rows: int, data: bytes, platform: bool, bend: tuple[int, bytes] | None
) -> None:
    layout = Layout(TENSORS)
    head = layout.header(UPDATE.on(rows, data, data if platform else b""))
    if bend is not None:
        at, more = bend
        head = head[:at] + more + head[at + len(more) :]
    fits = layout.bound(head, UPDATE) is not None
    assert modules("bound", msgspec.to_builtins(TENSORS), head.hex(), said(UPDATE)) is fits


def test_documents_are_those_of_the_strict_grammar(modules: Any) -> None:
    for case in read("grammar.json")["documents"]:
        assert (modules("document", document_of(case).hex()) is True) is case["accepted"], case["name"]


@settings(max_examples=500)
@given(
    st.recursive(
        st.one_of(st.booleans(), st.none(), st.integers(-(1 << 64), 1 << 64), st.text(max_size=5)),
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=3), inner, max_size=4)),
        max_leaves=12,
    ),
    st.one_of(st.none(), st.tuples(st.integers(0, 60), st.binary(min_size=1, max_size=2))),
)
def test_any_document_is_taken_exactly_where_python_takes_it(
    modules: Any, value: Any, bend: tuple[int, bytes] | None
) -> None:
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode("utf-8", "surrogatepass")
    if bend is not None:
        data = data[: bend[0]] + bend[1] + data[bend[0] + 1 :]
    try:
        check_json(data, "it")
        taken = True
    except Malformed:
        taken = False
    assert (modules("document", data.hex()) is True) is taken


@pytest.mark.parametrize("first", [0, 1])
def test_a_node_in_another_form_decides_before_one_that_is_missing(modules: Any, first: int) -> None:
    size, bent = (1 << 30) + 1, b"of another form"
    children = [sha256(b"nowhere"), sha256(bent)]
    node = verify_bundle.make_node(size, 2, children if first else children[::-1])
    blocks = {sha256(block).hex(): block.hex() for block in (node, bent)}
    assert modules("leaves", sha256(node).hex(), size, blocks) is None
    del blocks[sha256(bent).hex()]
    assert modules("leaves", sha256(node).hex(), size, blocks) == "it is not here"
