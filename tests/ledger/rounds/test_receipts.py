"""Receipts: one form of the file, signatures that count, and certificates that contain an honest signer."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given, settings
from hypothesis import strategies as st
from support.vectors import script

from ledger.errors import Malformed
from ledger.events.haves import Have, Push, content_of, digest_of, have_to_sign, signer_of
from ledger.formats.cid import CHUNK
from ledger.rounds import receipts as r

FOLDER = Path(__file__).resolve().parents[2] / "vectors"
WHOLE = json.loads((FOLDER / "haves.json").read_text(encoding="utf-8"))
PLACE = (WHOLE["place"]["chain"], WHOLE["place"]["ledger"])
ONE = bytes(31) + b"\x01"
FORMED = ONE + ONE + b"\x1b"
"""A signature in its form, of some key."""
bitmaps = st.integers(1, (1 << 255) - 1)
entries = st.builds(
    r.SignedHave,
    st.integers(0, 4),
    bitmaps | st.integers(1, 63),
    st.integers(0, 9) | st.integers(0, (1 << 40) - 1),
    st.sampled_from([FORMED, ONE + ONE + b"\x1c", ONE + bytes(31) + b"\x02\x1b"]),
)


MAKE = script("make_haves")


def test_the_script_writes_what_is_committed() -> None:
    assert MAKE.text() == (FOLDER / MAKE.FILE).read_text(encoding="utf-8")


@pytest.mark.parametrize("case", WHOLE["files"], ids=lambda case: case["name"])
def test_files(case: dict[str, Any]) -> None:
    data = bytes.fromhex(case["file"])
    found = r.parse(data)
    assert r.encode(found) == data
    assert (str(r.cid_of(data)), r.cid_of(data).digest.hex()) == (case["cid"], case["digest"])
    assert {str(k): r.marks(v) for k, v in r.held(found, MAKE.roll()).items()} == case["held"]
    assert sorted(r.certified(found, MAKE.roll())) == case["certified"]
    signers = r.holders(found, MAKE.roll())
    assert signers.keys() == MAKE.OPENED.keys()
    assert {(m, u) for u, ms in signers.items() for m in ms} == {
        (int(m), u) for m, us in case["held"].items() for u in us
    }


@pytest.mark.parametrize("case", WHOLE["refused"], ids=lambda case: case["name"])
def test_files_that_are_refused(case: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        r.parse(bytes.fromhex(case["file"]))


def test_messages() -> None:
    for case in WHOLE["messages"]:
        have = Have(1, 2, int(case["updates"], 16), bytes.fromhex(case["content"]), case["block"])
        domain, types, message = have_to_sign(*PLACE, have)
        signable = encode_typed_data(domain, types, message)
        signature = bytes.fromhex(case["signature"])
        assert digest_of(*PLACE, have).hex() == case["digest"]
        assert Account.recover_message(signable, signature=signature) == WHOLE["keys"][case["member"]]
        assert signer_of(*PLACE, have, signature) == WHOLE["keys"][case["member"]]
    push, said = Push(1, 2, bytes.fromhex(WHOLE["push"]["file"])), WHOLE["push"]
    assert digest_of(*PLACE, push).hex() == said["digest"]
    assert signer_of(*PLACE, push, bytes.fromhex(said["signature"])) == WHOLE["keys"][0]


@pytest.mark.parametrize("length", [0, 64, 66])
def test_a_signature_of_another_length(length: int) -> None:
    with pytest.raises(Malformed, match="65 bytes"):
        signer_of(*PLACE, Have(1, 1, 1, bytes(32), 1), bytes(length))


@given(st.lists(entries, max_size=40))
def test_what_is_merged_reads_back_and_merges_to_itself(some: list[r.SignedHave]) -> None:
    merged = r.merged(some)
    assert r.parse(r.encode(merged)) == merged == r.merged([*merged[::-1], *merged])


@given(st.lists(entries, max_size=12))
def test_merging_loses_no_update_and_no_earliest_signature(some: list[r.SignedHave]) -> None:
    merged = r.merged(some)
    for member, bit in itertools.product(range(5), range(255)):
        blocks = [one.block for one in some if one.member == member and one.updates >> bit & 1]
        kept = [one.block for one in merged if one.member == member and one.updates >> bit & 1]
        assert (not blocks and not kept) or min(blocks) == min(kept)


@given(st.binary(max_size=400) | entries.map(r.SignedHave.encode))
@settings(max_examples=300)
def test_any_bytes_are_refused_or_come_back_as_they_were(data: bytes) -> None:
    try:
        found = r.parse(data)
    except Malformed:
        return
    assert r.encode(found) == data


def test_a_members_entries_are_bounded_and_the_last_adds_most() -> None:
    many = [r.SignedHave(0, 1 << i, i, FORMED) for i in range(30)]
    whole = r.SignedHave(0, (1 << 30) - 1, 29, FORMED)
    merged = r.merged([*many, whole])
    assert merged == (*many[:15], whole)
    full = [r.SignedHave(member, 1 << i, i, FORMED) for member in range(255) for i in range(r.MOST)]
    assert len(r.encode(r.merged(full))) == r.MAX_SIZE < CHUNK
    with pytest.raises(Malformed):
        r.parse(r.encode([r.SignedHave(0, 1 << i, i, FORMED) for i in range(17)]))


def test_a_certificate_has_an_honest_signer_whenever_a_majority_is_honest() -> None:
    for members in range(1, 256):
        hostile = members - (members // 2 + 1)
        assert r.signers_needed(members) == hostile + 1


def test_what_opposes_an_aggregate_was_signed_a_while_before_it_or_any_time_if_it_was_too_soon() -> None:
    assert (r.grace(600), r.patience(600)) == (75, 150)
    assert r.signed_in_time(1000, 1149, 600) is None
    assert r.signed_in_time(1000, 1150, 600) == 1075


@given(st.integers(8, 1 << 20), st.integers(1 << 21, 1 << 30))
def test_what_an_aggregator_saw_when_it_looked_last_is_all_that_opposes_an_aggregate_that_lands_in_time(
    seconds: int, looked: int
) -> None:
    """And one that lands a second later can be opposed by what it could not see settled."""
    latest, opened = looked + r.landing(seconds), looked - r.patience(seconds)
    assert r.signed_in_time(opened, latest, seconds) == r.settled_by(looked, seconds)
    assert r.signed_in_time(opened, latest + 1, seconds) == r.settled_by(looked, seconds) + 1
    assert r.spreading(seconds) + r.landing(seconds) == r.grace(seconds)
    assert r.spreading(seconds) >= 1


@given(st.sets(st.integers(0, 254)))
def test_bitmaps(indices: set[int]) -> None:
    assert r.marks(r.bitmap_of(indices)) == sorted(indices)


def test_the_example_of_the_specification() -> None:
    text = (FOLDER.parents[1] / "docs" / "spec" / "commitments.md").read_text(encoding="utf-8")
    case = WHOLE["messages"][0]
    for said in (
        *(case[name] for name in ("updates", "content", "digest")),
        *map("".join, zip(*[iter(case["signature"])] * 64, strict=False)),
    ):
        assert f" {said}\n" in text


def test_what_strangers_ask_about_is_not_remembered_for_ever() -> None:
    opened = {index: bytes([index]) * 32 for index in range(12)}
    roll = r.Roll(1, "0x" + "11" * 20, 1, 1, 12, {}, opened)
    for updates in range(1, 1 << 12):
        expected = content_of({index: opened[index] for index in r.marks(updates)})
        assert roll.content(updates) == expected == roll.content(updates)
    assert roll.content(1 << 12) is None
    assert len(roll._contents) <= 512


def test_what_another_thread_forgets_meanwhile_is_answered_all_the_same() -> None:
    class Forgetful(dict[int, bytes | None]):
        def __setitem__(self, key: int, value: bytes | None) -> None:
            super().__setitem__(key, value)
            self.clear()

    roll = r.Roll(1, "0x" + "11" * 20, 1, 1, 12, {}, {0: ONE})
    roll.__dict__["_contents"] = Forgetful()
    assert roll.content(1) == content_of({0: ONE})


def test_the_same_receipts_are_judged_once_for_a_roll(monkeypatch: pytest.MonkeyPatch) -> None:
    """A member that waits for bytes looks at the same file again and again."""
    case = next(one for one in WHOLE["files"] if one["certified"])
    roll, found = MAKE.roll(), r.parse(bytes.fromhex(case["file"]))
    judged: list[r.SignedHave] = []

    def counted(receipt: r.SignedHave, of: r.Roll) -> bool:
        judged.append(receipt)
        return counts(receipt, of)

    counts = r.counts
    monkeypatch.setattr(r, "counts", counted)
    once = r.certified(found, roll)
    assert judged
    before = len(judged)
    assert r.certified(iter(found), roll) == once
    once.clear()
    assert sorted(r.certified(found, roll)) == case["certified"]
    assert len(judged) == before
    r.certified(found, MAKE.roll())
    assert len(judged) == 2 * before, "what was opened by then may be more"
