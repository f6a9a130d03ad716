"""The set-up file: one form, and every field that differs has its author named."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.masked import Members

from ledger.errors import Malformed
from ledger.formats.digest import sha256
from ledger.masks.blame import Fault, Guilty
from ledger.masks.reveals import cast_of, check_new, read_packet
from ledger.masks.segment import sound_keys
from ledger.masks.setup import HEAD, SecretKind, read_setup, size_of
from ledger.masks.sums import masking

MEMBERS = Members([0, 1, 3, 6], rounds=2, number=2)
SEGMENT = MEMBERS.segment
FILE = MEMBERS.setups[3].encode()
FIELDS = {
    "format": 0,
    "chain": 16,
    "ledger": 24,
    "job": 44,
    "segment": 48,
    "number of rounds": 52,
    "member": 54,
    "threshold": 55,
    "roster": 56,
    "digest of the mask keys": 88,
}
POINT = HEAD
"""Where the first round's key stands; the second's is after seed and shares of the first."""
ROUND = 32 * (2 + 2 * 4)


def changed(at: int, new: bytes) -> bytes:
    return FILE[:at] + new + FILE[at + len(new) :]


def test_a_file_is_read_as_it_was_written() -> None:
    found = read_setup(FILE, SEGMENT, 3)
    assert found == MEMBERS.setups[3]
    assert found.encode() == FILE
    assert found.digest == sha256(FILE)
    assert len(FILE) == size_of(SEGMENT) == 120 + 64 * 2 * (1 + 2 * 4) + 48 * 4


def test_each_member_has_its_shares_and_nobody_elses() -> None:
    setup = read_setup(FILE, SEGMENT, 3)
    for holder, key in MEMBERS.mask_keys.items():
        first, second = read_packet(setup, holder, key)
        assert len({*first.values(), *second.values()}) == 4
        for other in MEMBERS.mask_keys.keys() - {holder}:
            with pytest.raises(Malformed, match="does not open"):
                read_packet(setup, other, key)


@pytest.mark.parametrize("field", FIELDS)
def test_another_field_is_named_with_the_author(field: str) -> None:
    with pytest.raises(Guilty, match=f"member 3: its set-up file is refused: its {field} is another") as caught:
        read_setup(changed(FIELDS[field], bytes([FILE[FIELDS[field]] ^ 1])), SEGMENT, 3)
    assert (caught.value.member, caught.value.fault) == (3, Fault.SETUP)


@pytest.mark.parametrize("data", [b"", FILE[:50], FILE[:-1], FILE + b"\0", FILE[:HEAD]])
def test_a_file_that_is_cut_or_longer_is_refused(data: bytes) -> None:
    with pytest.raises(Guilty, match="member 3"):
        read_setup(data, SEGMENT, 3)


@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda more: FILE[:HEAD] + more))
def test_junk_is_refused_by_the_same_error(data: bytes) -> None:
    with pytest.raises(Guilty):
        read_setup(data, SEGMENT, 3)


def test_a_file_of_another_member_replayed_is_refused() -> None:
    with pytest.raises(Guilty, match=r"member 1: .* its member is another"):
        read_setup(FILE, SEGMENT, 1)


def test_who_copied_a_round_key_cannot_be_told_and_is_not_named() -> None:
    """Its author might be the one that came second. Nobody else can use it."""
    copied = read_setup(changed(54, b"\x01"), SEGMENT, 1)
    check_new(copied, set())
    with pytest.raises(Malformed, match="not the one of this member's set-up file"):
        masking(cast_of({1: copied, 6: MEMBERS.setups[6]}, 4), 1, MEMBERS.at(6).key, MEMBERS.at(6).seed)


def test_a_file_of_another_segment_is_refused() -> None:
    earlier = replace(SEGMENT, number=1)
    with pytest.raises(Guilty, match=r"member 3: .* its segment is another"):
        read_setup(FILE, earlier, 3)


def test_a_file_for_a_member_that_has_none_is_refused() -> None:
    with pytest.raises(Guilty, match=r"member 2: .* not a member of the segment"):
        read_setup(FILE, SEGMENT, 2)


def test_a_round_key_that_is_there_twice_is_refused() -> None:
    with pytest.raises(Guilty, match=r"member 3: .* the key of round 4 is that of an earlier round"):
        read_setup(changed(POINT + ROUND, FILE[POINT : POINT + 32]), SEGMENT, 3)


def test_a_round_key_that_its_dealer_had_in_an_earlier_segment_is_refused() -> None:
    used = {MEMBERS.setups[3].of(4).point}
    with pytest.raises(Guilty, match="a round key was used before") as caught:
        check_new(MEMBERS.setups[3], used)
    assert caught.value.facts["round"] == 4
    check_new(MEMBERS.setups[6], used)


@pytest.mark.parametrize(
    ("point", "why"),
    [(bytes(32), "is a point of low order"), (b"\xff" * 32, "is not a point in its one form")],
)
def test_a_round_key_that_is_not_a_good_point_is_refused(point: bytes, why: str) -> None:
    with pytest.raises(Guilty, match=f"member 3: .* the key of round 3 {why}"):
        read_setup(changed(POINT, point), SEGMENT, 3)


def test_a_packet_with_other_shares_than_listed_convicts_its_dealer() -> None:
    listed = POINT + 64 + 32  # of the key of round 3, for the second holder: member 1
    setup = read_setup(changed(listed, bytes(32)), SEGMENT, 3)
    read_packet(setup, 0, MEMBERS.mask_keys[0])
    with pytest.raises(Guilty, match="the share that it sealed for member 1") as caught:
        read_packet(setup, 1, MEMBERS.mask_keys[1])
    assert (caught.value.member, caught.value.fault, caught.value.facts["round"]) == (3, Fault.SETUP, 3)


def test_a_packet_that_does_not_open_convicts_nobody() -> None:
    setup = read_setup(FILE[:-1] + bytes([FILE[-1] ^ 1]), SEGMENT, 3)
    with pytest.raises(Malformed, match="does not open") as caught:
        read_packet(setup, 6, MEMBERS.mask_keys[6])
    assert not isinstance(caught.value, Guilty)


def test_a_packet_is_bound_to_the_file_it_stands_in() -> None:
    """Of the same dealer and holder, but from another segment."""
    again = Members([0, 1, 3, 6], rounds=2, number=1)
    moved = replace(again.setups[3], packets=MEMBERS.setups[3].packets)
    assert again.mask_keys == MEMBERS.mask_keys
    with pytest.raises(Malformed, match="does not open"):
        read_packet(moved, 0, again.mask_keys[0])


def test_the_cast_is_of_one_segment() -> None:
    cast = cast_of(MEMBERS.setups, 4)
    assert cast == MEMBERS.cast(1)
    other = Members([0, 1, 3, 6], rounds=2, number=1)
    with pytest.raises(Malformed, match="several segments"):
        cast_of(MEMBERS.setups | {0: other.setups[0]}, 4)
    with pytest.raises(Malformed, match="of another segment"):
        cast_of(MEMBERS.setups, 5)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"keys": {0: b""}}, "3 to 255 members"),
        ({"threshold": 2}, "above half"),
        ({"threshold": 5}, "above half"),
        ({"rounds": 0}, "1 to 256 rounds"),
        ({"rounds": 257}, "1 to 256 rounds"),
        ({"number": 0}, "from 1"),
        ({"keys": {**SEGMENT.keys, 6: bytes(32)}}, "the mask key of member 6 is a point of low order"),
        ({"keys": {**SEGMENT.keys, 255: SEGMENT.keys[0]}, "threshold": 4}, "3 to 255 members"),
    ],
)
def test_a_segment_that_would_not_hide_or_last_is_refused(change: dict[str, object], why: str) -> None:
    with pytest.raises(Malformed, match=why):
        replace(SEGMENT, **change)  # type: ignore[arg-type]


def test_secrets_of_a_segment_are_all_different() -> None:
    drawn = [secret for m in MEMBERS.secrets.values() for one in m for secret in (one.key, one.seed)]
    assert len(set(drawn)) == 4 * 2 * 2
    assert len(SecretKind) == 2


def test_a_bad_mask_key_keeps_its_member_out_and_nobody_else() -> None:
    good, other = SEGMENT.keys[3], SEGMENT.keys[6]
    assert sound_keys([(3, good), (1, bytes(32)), (6, b"\xff" * 32), (6, other)]) == {3: good, 6: other}
    assert sound_keys([(3, good), (3, bytes(32))]) == {}, "the latest counts"
    assert sound_keys([(3, good), (6, good), (3, other)]) == {3: other, 6: good}, "a copy keeps nobody out"
