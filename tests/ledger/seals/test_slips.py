"""Slips: each reader opens its own, a liar is named by any reader, and nobody by mistake."""

from dataclasses import replace
from hashlib import sha256

import coincurve
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st
from support.seals import NAME, POINTS, READERS, SIGNER, fresh, signed

from ledger.errors import Malformed, Refuted, Unavailable
from ledger.formats.signatures import _address
from ledger.masks.keys import point_of
from ledger.masks.secret import Secret
from ledger.seals.hpke import SUITE, encrypt
from ledger.seals.keys import ContentKey
from ledger.seals.slips import MOST, make_slips, read_slips

KEY, CID = fresh(), sha256(b"the sealed file").digest()
SLIPS = make_slips(KEY, CID, POINTS)
FILE = signed(SLIPS)


def test_each_reader_opens_its_own() -> None:
    slips, author = read_slips(FILE)
    assert author == NAME.party == _address(coincurve.PrivateKey(SIGNER).public_key.format(compressed=False))
    for reader in READERS:
        assert slips.open(reader) == KEY
    slips.check_for(NAME, CID, KEY.commitment)
    slips.check(KEY)


def test_every_byte_but_the_signature_follows_from_the_key() -> None:
    """In whatever order readers are named."""
    assert make_slips(KEY, CID, [*POINTS[::-1], *POINTS]).encode() == SLIPS.encode()
    assert make_slips(KEY, CID, POINTS[1:]).packets == {point: SLIPS.packets[point] for point in POINTS[1:]}


@settings(max_examples=25)
@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32), st.binary(max_size=40))
def test_our_sender_is_what_the_library_receives(sender: bytes, reader: bytes, data: bytes) -> None:
    sealed = encrypt(data, point_of(Secret(reader)), b"info", Secret(sender))
    assert SUITE.decrypt(sealed, X25519PrivateKey.from_private_bytes(reader), b"info") == data


def test_one_that_is_not_a_reader_has_no_slip() -> None:
    with pytest.raises(Unavailable, match="no slip"):
        SLIPS.open(Secret(bytes([9]) * 32))


def drawn(key: ContentKey, point: bytes, data: bytes | None = None) -> bytes:
    """A slip as the library's sender makes it: with a key of its own drawing."""
    info = b"fedledger slip/1" + NAME.packed + CID + KEY.commitment
    return SUITE.encrypt(data or key.secret.reveal(), X25519PublicKey.from_public_bytes(point), info)


GARBAGE = {
    "random bytes": bytes(80),
    "another reader's": SLIPS.packets[POINTS[0]],
    "another key's": drawn(fresh(), POINTS[1]),
    "too short a key": drawn(KEY, POINTS[1], b"short"),
}


@pytest.mark.parametrize("packet", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_refuted_by_its_reader_and_by_any_other(packet: bytes) -> None:
    """The party's signature stands on it: the victim says so, and a reader whose own slip is right shows it."""
    packet = packet.ljust(80, b"\x00")
    slips, author = read_slips(signed(replace(SLIPS, packets={**SLIPS.packets, POINTS[1]: packet})))
    assert author == NAME.party
    with pytest.raises(Refuted, match="a slip"):
        slips.open(READERS[1])
    key = slips.open(READERS[2])
    with pytest.raises(Refuted, match="not what their key makes") as caught:
        slips.check(key)
    assert caught.value.facts == {"readers": POINTS[1].hex(), "party": NAME.party}


def test_a_slip_with_the_key_that_is_not_in_its_form_is_seen_too() -> None:
    slips = replace(SLIPS, packets={**SLIPS.packets, POINTS[1]: drawn(KEY, POINTS[1])})
    assert slips.open(READERS[1]) == KEY
    with pytest.raises(Refuted, match=r"readers: "):
        slips.check(KEY)


def test_slips_for_something_else_are_told() -> None:
    others = {
        "update": (NAME._replace(party=NAME.round.ledger), CID, KEY.commitment),
        "file": (NAME, bytes(32), KEY.commitment),
        "key": (NAME, CID, fresh().commitment),
    }
    for what, other in others.items():
        with pytest.raises(Malformed, match=f"another {what}"):
            SLIPS.check_for(*other)


def test_a_slip_moved_to_another_file_does_not_open() -> None:
    moved = replace(SLIPS, cid=bytes(32))
    with pytest.raises(Refuted, match="does not open"):
        moved.open(READERS[0])


def test_anyone_with_the_key_adds_a_reader() -> None:
    """Nothing is encrypted again; who added it is its author, and the slip needs no trust in it."""
    auditor = Secret(bytes([77]) * 32)
    member = coincurve.PrivateKey(b"\x05" * 32)
    added = make_slips(SLIPS.open(READERS[0]), CID, [point_of(auditor)])
    slips, author = read_slips(signed(added, member.secret))
    assert author == _address(member.public_key.format(compressed=False)) != NAME.party
    assert slips.open(auditor) == KEY


def changed(at: int, data: bytes) -> bytes:
    return FILE[:at] + data + FILE[at + len(data) :]


ENTRIES = [FILE[at : at + 112] for at in range(138, len(FILE) - 65, 112)]
BROKEN = {
    "nothing": b"",
    "cut": FILE[:-1],
    "longer": FILE + b"\x00",
    "another format": changed(0, b"fedledger/slip/2"),
    "one reader more than there are": changed(136, b"\x00\x04"),
    "too many readers": FILE[:136] + (MOST + 1).to_bytes(2, "big") + bytes(112 * (MOST + 1) + 65),
    "readers in another order": FILE[:138] + b"".join(ENTRIES[::-1]) + FILE[-65:],
    "a reader twice": FILE[:138] + ENTRIES[0] * 2 + ENTRIES[2] + FILE[-65:],
    "a point of low order": FILE[:138] + bytes(32) + FILE[170:],
    "a signature of no form": FILE[:-1] + b"\x05",
}


@pytest.mark.parametrize("file", BROKEN.values(), ids=BROKEN)
def test_what_is_not_a_file_of_slips_is_refused(file: bytes) -> None:
    with pytest.raises(Malformed):
        read_slips(file)


@given(st.integers(0, len(SLIPS.encode()) - 1), st.integers(1, 255))
def test_no_byte_is_changed_under_the_signature(at: int, by: int) -> None:
    """Another byte is refused, or is another's word: never the party's."""
    try:
        _, author = read_slips(changed(at, bytes([FILE[at] ^ by])))
    except Malformed:
        return
    assert author != NAME.party


def test_there_are_no_more_readers_than_a_file_has_room_for() -> None:
    with pytest.raises(Malformed, match="too many readers"):
        make_slips(
            KEY, CID, (point_of(Secret(sha256(bytes([place % 256, place >> 8])).digest())) for place in range(MOST + 1))
        )


def test_a_read_key_of_low_order_gets_no_slip() -> None:
    with pytest.raises(Malformed, match="low order"):
        make_slips(KEY, CID, [bytes(32)])


def test_a_key_is_not_shown() -> None:
    assert KEY.secret.reveal().hex() not in repr(KEY) + repr(SLIPS)
