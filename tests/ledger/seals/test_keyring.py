"""A reader with slips from several authors: it finds the key, and names those whose slips are wrong."""

from dataclasses import replace
from hashlib import sha256

import coincurve
import pytest
from support.seals import NAME, POINTS, READERS, fresh, signed

from ledger.errors import Malformed
from ledger.formats.typed import typed_digest
from ledger.masks.secret import Secret
from ledger.seals.erasure import ERASURE_TYPES, SIZE, Erasure, read_erasure
from ledger.seals.keyring import find_key
from ledger.seals.slips import make_slips, read_slips

KEY, CID = fresh(), sha256(b"the sealed file").digest()
GOOD = read_slips(signed(make_slips(KEY, CID, POINTS)))
MEMBER = b"\x05" * 32
GARBAGE = read_slips(signed(replace(GOOD[0], packets={POINTS[0]: bytes(80)}), MEMBER))
WHERE = (NAME, CID, KEY.commitment)


def test_the_key_is_found_whatever_else_is_there() -> None:
    others = [
        read_slips(signed(make_slips(fresh(), CID, POINTS))),
        read_slips(signed(make_slips(KEY, bytes(32), POINTS))),
        read_slips(signed(make_slips(KEY, CID, POINTS[1:]))),
    ]
    found = find_key(*WHERE, [*others, GARBAGE, GOOD], [Secret(bytes([9]) * 32), READERS[0]])
    assert found.key == KEY
    assert [(bad.author, bad.slips) for bad in found.bad] == [(GARBAGE[1], GARBAGE[0])]


def test_without_a_slip_for_it_a_reader_finds_nothing_and_blames_nobody() -> None:
    found = find_key(*WHERE, [GOOD], [Secret(bytes([9]) * 32)])
    assert (found.key, found.bad) == (None, ())


def test_garbage_alone_is_its_author_s_by_the_reader_s_word() -> None:
    found = find_key(*WHERE, [GARBAGE], READERS)
    assert found.key is None
    assert [bad.author for bad in found.bad] == [GARBAGE[1]] != [NAME.party]


def test_garbage_for_another_reader_is_seen() -> None:
    found = find_key(*WHERE, [GOOD, GARBAGE], READERS[2:])
    assert [bad.author for bad in found.bad] == [GARBAGE[1]]


def erased(said: Erasure, private: bytes) -> bytes:
    chain, ledger, _, _ = said.name.round
    digest = typed_digest(chain, ledger, ERASURE_TYPES, said.to_sign()[2])
    signature = coincurve.PrivateKey(private).sign_recoverable(digest, hasher=None)
    return said.encode(signature[:64] + bytes([signature[64] + 27]))


def test_an_erasure_is_its_party_s_own_word() -> None:
    said = Erasure(NAME, CID)
    file = erased(said, bytes(range(1, 33)))
    assert len(file) == SIZE
    assert read_erasure(file) == said
    for wrong in (erased(said, MEMBER), file[:-1], file + b"\x00", bytes(SIZE), file[:80] + b"\x01" + file[81:]):
        with pytest.raises(Malformed):
            read_erasure(wrong)
