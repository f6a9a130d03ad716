"""Children's records, lists, receipts and sums as files: frozen vectors, and what is refused."""

import json
from typing import Any

import msgspec
import numpy as np
import pytest
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st
from support.vectors import FOLDER, script

from ledger.errors import Malformed, Refuted
from ledger.formats import merkle
from ledger.formats.artifact import Layout, Tensor
from ledger.formats.digest import checksum_address, keccak
from ledger.formats.edges import children, members, receipts
from ledger.formats.edges.children import ChildRecord, Children, InclusionProof, check_signature, parse_proof
from ledger.formats.edges.members import EdgeMembers
from ledger.formats.edges.signed import RECEIPT_TYPES, UPDATE_TYPES, digest_of, update_to_sign
from ledger.formats.header import Binding
from ledger.formats.merkle import root_of
from ledger.formats.unixfs import cid_of

MAKE = script("make_edges")
WHOLE: dict[str, Any] = json.loads((FOLDER / "edges.json").read_text(encoding="utf-8"))
LIST = children.parse(WHOLE["list"]["document"].encode())
LAYOUT = Layout(tuple(Tensor(one["name"], tuple(one["shape"])) for one in WHOLE["tensors"]))


def address(number: int) -> str:
    return str(MAKE.account(number % 200).address)


def record(number: int, **said: Any) -> ChildRecord:
    fields: dict[str, Any] = {"weight": 1, "root": "11" * 32, "cid": "22" * 32, "signature": "33" * 65}
    return ChildRecord(party=address(number), **fields | said)


def binding() -> Binding:
    return Binding(
        kind="sum",
        chain=WHOLE["chain"],
        contract=WHOLE["ledger"],
        job=WHOLE["job"],
        round=WHOLE["round"],
        party=address(0),
        base=bytes.fromhex(WHOLE["base"]),
    )


def test_the_vectors_are_what_the_script_writes() -> None:
    assert MAKE.text() == (FOLDER / "edges.json").read_text(encoding="utf-8")


def test_digests_are_those_of_another_library() -> None:
    for said in WHOLE["children"]:
        update = LIST.children[LIST.find(said["party"]) or 0].update(WHOLE["job"], WHOLE["round"], WHOLE["edge"])
        signable = encode_typed_data(*update_to_sign(WHOLE["chain"], WHOLE["ledger"], update))
        text = b"\x19" + signable.version + signable.header + signable.body
        assert MAKE.account(0).address != said["party"]
        assert keccak(text).hex() == said["digest"] == digest_of(WHOLE["chain"], WHOLE["ledger"], update).hex()


def test_what_is_signed_is_what_the_specification_says() -> None:
    def declared(types: Any) -> str:
        ((name, fields),) = types.items()
        return f"{name}({','.join(one['type'] + ' ' + one['name'] for one in fields)})"

    page = (FOLDER.parents[1] / "docs" / "spec" / "commitments.md").read_text(encoding="utf-8")
    for types in (UPDATE_TYPES, RECEIPT_TYPES):
        assert declared(types) in page.replace("\n    ", "").replace("  ", "")


def test_every_child_of_the_list_signed_and_is_in_the_tree() -> None:
    assert (LIST.digest.hex(), LIST.root.hex(), LIST.weight) == (
        WHOLE["list"]["digest"],
        WHOLE["list"]["root"],
        WHOLE["sum"]["weight"],
    )
    leaves = [merkle.leaf_hash(one.encode()) for one in LIST.children]
    assert merkle.root(leaves) == LIST.root
    for one, proof in zip(LIST.children, WHOLE["list"]["proofs"], strict=True):
        check_signature(WHOLE["chain"], WHOLE["ledger"], one.update(1, 2, 0), one)
        parse_proof(proof.encode()).check(3, LIST.root)
        assert parse_proof(proof.encode()) == LIST.prove(one.party)


def test_a_sum_is_a_file_of_its_children() -> None:
    said = WHOLE["sum"]
    values = np.array([int(value) for value in said["values"]], "<i8")
    exact = [sum(one["weight"] * one["values"][k] for one in WHOLE["children"]) for k in range(8)]
    assert values.tolist() == exact
    data = LAYOUT.wide.header(binding().over(3, LIST.digest, LIST.root)) + values.tobytes()
    assert (str(cid_of([data])[0]), root_of(values).hex(), len(data)) == (said["cid"], said["root"], said["size"])
    whole = LAYOUT.wide.bound(data[: LAYOUT.wide.header_size], binding())
    assert whole is not None
    assert (whole.count, whole.children, whole.children_root) == (3, LIST.digest, LIST.root)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ('"count":"3"', '"count":"0"'),
        ('"count":"3"', '"count":"03"'),
        ('"count":"3"', '"count":3'),
        ('"kind":"sum"', '"kind":"update"'),
        ('"children":"b3', '"children":"B3'),
        ('"children_root":"45', '"children_root":"4Z'),
        ('"round":"2"', '"round":"3"'),
    ],
)
def test_a_sums_header_in_any_other_form_is_refused(name: str, other: str) -> None:
    head = LAYOUT.wide.header(binding().over(3, LIST.digest, LIST.root))
    broken = head.replace(name.encode(), other.encode()).ljust(len(head))[: len(head)]
    assert broken != head
    assert LAYOUT.wide.bound(broken, binding()) is None


def test_a_sum_without_its_children_has_no_header() -> None:
    with pytest.raises(Malformed, match="whose updates it is made of"):
        LAYOUT.wide.header(binding())


def test_the_longest_sums_header_fits() -> None:
    longest = Binding(
        kind="sum",
        chain=(1 << 64) - 1,
        contract=WHOLE["ledger"],
        job=(1 << 32) - 1,
        round=(1 << 24) - 1,
        party=address(0),
        base=bytes(32),
    ).over(9999, bytes(32), bytes(32))
    for values in range(1, 200):
        layout = Layout((Tensor("x" * values, (1,)),), "I64")
        assert layout.bound(layout.header(longest), longest) == longest


@given(st.integers(1, 40), st.data())
def test_every_child_can_show_that_it_is_there_and_no_other_can(count: int, data: st.DataObject) -> None:
    listed = Children.of([record(number) for number in range(count)])
    place = data.draw(st.integers(0, count - 1))
    proof = listed.prove(listed.children[place].party)
    proof.check(count, listed.root)
    assert len(proof.path) <= (count - 1).bit_length()
    lie = data.draw(st.sampled_from(["record", "place", "path", "longer"]))
    false = {
        "record": msgspec.structs.replace(proof, child=record(number=count)),
        "place": msgspec.structs.replace(proof, place=proof.place + 1),
        "path": msgspec.structs.replace(proof, path=tuple("00" * 32 for _ in proof.path)),
        "longer": msgspec.structs.replace(proof, path=(*proof.path, "00" * 32)),
    }[lie]
    if false != proof:
        with pytest.raises((Refuted, Malformed)):
            false.check(count, listed.root)


@pytest.mark.parametrize(
    "said",
    [
        {"weight": 0},
        {"weight": 1 << 32},
        {"root": "11" * 31},
        {"root": "AA" * 32},
        {"cid": "zz" * 32},
        {"signature": "33" * 64},
    ],
)
def test_a_record_in_any_other_form_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        record(1, **said)
    fields = json.loads(record(1).encode()) | said
    text = json.dumps({"children": [fields], "fedledger": "children/1"}, separators=(",", ":"), sort_keys=True)
    with pytest.raises(Malformed):
        children.parse(text.encode())


def test_a_list_has_one_to_2048_children_in_one_block() -> None:
    with pytest.raises(Malformed, match="at least one"):
        Children.of([])
    heaviest = record(1, weight=(1 << 24) - 1)
    assert 2048 * (len(heaviest.encode()) + 1) + 64 <= children.MAX_SIZE
    with pytest.raises(Malformed, match="too large"):
        children.parse(b" " * (children.MAX_SIZE + 1))
    keys = [checksum_address(number.to_bytes(20, "big")) for number in range(2049)]
    many = [msgspec.structs.replace(heaviest, party=one) for one in keys[:2048]]
    listed = Children.of(many)
    assert children.parse(listed.encode()) == listed
    with pytest.raises(Malformed, match="not too many"):
        Children.of([*many, msgspec.structs.replace(heaviest, party=keys[2048])])


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b'{"fedledger":"edge-members/2","members":[]}',
        b'{"fedledger":"edge-members/1","members":[]}',
        b'{"fedledger":"edge-members/1","members":["0x00"]}',
        b'{"fedledger":"edge-members/1","members":[1]}',
    ],
)
def test_what_is_no_member_list_is_refused(document: bytes) -> None:
    with pytest.raises(Malformed):
        members.parse(document)


def test_a_member_list_is_sorted_and_names_each_once() -> None:
    said = members.parse(WHOLE["members"]["document"].encode())
    assert said.digest.hex() == WHOLE["members"]["digest"]
    assert EdgeMembers.of(reversed(said.members)) == said
    first, second, *rest = said.members
    for order in ([second, first, *rest], [first, first, *rest]):
        document = json.dumps({"fedledger": "edge-members/1", "members": order}, separators=(",", ":")).encode()
        with pytest.raises(Malformed, match=r"twice|order"):
            members.parse(document)


def test_a_receipt_says_who_signed_it() -> None:
    receipt = receipts.parse(WHOLE["receipt"]["document"].encode())
    assert receipt.signer() == WHOLE["receipt"]["signer"] == address(0)
    assert digest_of(WHOLE["chain"], WHOLE["ledger"], receipt.said).hex() == WHOLE["receipt"]["digest"]
    assert LIST.children[LIST.find(receipt.party) or 0] == receipt.child


def test_a_receipt_has_one_form() -> None:
    """Evidence that is written in two ways would be two pieces of evidence."""
    document, signed = WHOLE["receipt"]["document"], json.loads(WHOLE["receipt"]["document"])["receipt"]
    for other in (signed.upper(), signed + " ", "zz" + signed[2:], signed[2:]):
        with pytest.raises(Malformed, match="hexadecimal"):
            receipts.parse(document.replace(signed, other).encode())


@given(st.binary(max_size=300))
def test_no_bytes_end_a_reader(data: bytes) -> None:
    for read in (children.parse, members.parse, receipts.parse, parse_proof):
        with pytest.raises(Malformed):
            read(data)


def test_proofs_are_small() -> None:
    with pytest.raises(Malformed, match="too large"):
        parse_proof(b" " * (1 << 15))
    long = InclusionProof(fedledger="child-proof/1", child=record(1), place=0, path=("00" * 32,) * 12)
    with pytest.raises(Malformed, match="too long"):
        long.check(1, bytes(32))
