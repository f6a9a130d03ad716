"""Invites and address files: one form, signed whole; whatever is changed is noticed."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.invites import HOUR, INVITER, NEWCOMER, NOW, address_of, invite

from ledger.errors import FedledgerError, Malformed, UsageError
from ledger.events.records import Rules
from ledger.formats.digest import encode, sha256
from participant.joining.checks import (
    AddressChanged,
    InviteChanged,
    InviteExpired,
    OtherChain,
    check_address,
    check_signed,
    check_time,
    require_chain,
)
from participant.joining.documents import parse_address_file, parse_invite
from participant.joining.files import file_name
from participant.joining.fingerprint import words_of


def test_the_words_of_a_digest_are_bip_39s() -> None:
    """The list's first word, its last, and eleven bits for each."""
    assert words_of(bytes(32)) == "abandon " * 7 + "abandon"
    assert words_of(b"\xff" * 32) == "zoo " * 7 + "zoo"
    assert words_of(bytes.fromhex("000004" + "00" * 29)) == "abandon ability" + " abandon" * 6
    assert words_of((1 << 168).to_bytes(32)) == "abandon " * 7 + "ability"
    assert words_of((1 << 167).to_bytes(32)) == "abandon " * 7 + "abandon", "what follows 88 bits does not show"


def test_an_invite_and_its_answer_hold() -> None:
    made = invite()
    assert parse_invite(made.encode()) == made
    check_signed(made)
    answer = address_of(made)
    assert parse_address_file(answer.encode()) == answer
    check_address(answer, NOW)
    assert answer.key == NEWCOMER.address


def test_an_invite_and_its_answer_are_these_bytes() -> None:
    """Frozen: an invite that was made once is read, and reads the same by phone, for good."""
    made = invite(founders=msgspec.UNSET)
    answer = address_of(made)
    assert sha256(made.encode()).hex() == "6192bf25c9e4d202e3d4e0719c09ffcea9627955df728bd6acaa4a2869098bb7"
    assert sha256(answer.encode()).hex() == "ae67fef65e811b8f746fbf2fb3b806571a92481956618bdd194a450f2da45158"
    assert words_of(answer.digest) == "bubble save way problem where lawsuit together defy"


def test_the_founders_are_under_the_signature_and_the_words() -> None:
    made = invite(founders=("North", "South", "West"))
    assert parse_invite(made.encode()) == made
    check_signed(made)
    other = msgspec.structs.replace(made, founders=("East", "North", "South", "West"))
    assert words_of(other.digest) != words_of(made.digest)
    with pytest.raises(InviteChanged):
        check_signed(other)


@pytest.mark.parametrize(
    "founders", [(), ("North",), ("South", "North"), ("North", "South", "South"), ("North", "South", "x\n")], ids=str
)
def test_founders_that_no_founding_has_are_refused(founders: tuple[str, ...]) -> None:
    with pytest.raises(FedledgerError):
        parse_invite(invite(founders=founders).encode())


FORGED = {
    "consortium": "Four clinics",
    "name": "East",
    "roles": ("participant", "scorer"),
    "expires": NOW + 2 * HOUR,
    "nonce": "00" * 16,
    "rules": Rules(5_000, 1, 0, 60),
}


@pytest.mark.parametrize("field", FORGED)
def test_an_invite_that_was_changed_is_known(field: str) -> None:
    changed = msgspec.structs.replace(invite(founders=("East", "North", "South")), **{field: FORGED[field]})
    with pytest.raises(InviteChanged) as told:
        check_signed(parse_invite(changed.encode()))
    assert told.value.facts["expected"] == INVITER.address


def test_an_invite_that_somebody_else_signed_is_known() -> None:
    with pytest.raises(InviteChanged):
        check_signed(invite(signer=NEWCOMER))


@given(st.data())
def test_no_byte_of_an_invite_or_an_answer_can_be_changed(data: Any) -> None:
    """Either the file is no document any more, or its signature is another key's, or it is the key that others see."""
    content = address_of(invite()).encode()
    place = data.draw(st.integers(0, len(content) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda one: one != content[place]))
    forged = content[:place] + bytes([byte]) + content[place + 1 :]
    with pytest.raises(FedledgerError):
        check_address(parse_address_file(forged), NOW)


def test_an_answer_with_another_key_is_known() -> None:
    answer = address_of(invite())
    with pytest.raises(AddressChanged):
        check_address(msgspec.structs.replace(answer, key=INVITER.address), NOW)


def test_an_answer_to_another_invite_is_known() -> None:
    """The signature covers the invite that it answers."""
    answer = address_of(invite())
    with pytest.raises(AddressChanged):
        check_address(msgspec.structs.replace(answer, invite=invite(name="East")), NOW)


@pytest.mark.parametrize(("now", "good"), [(NOW + HOUR, True), (NOW + HOUR + 1, False)])
def test_an_invite_is_good_until_its_last_second(now: int, good: bool) -> None:
    if good:
        return check_time(invite(), now)
    with pytest.raises(InviteExpired) as told:
        check_time(invite(), now)
    assert "fedledger invite South" in told.value.advice
    return None


def test_another_chain_is_told() -> None:
    require_chain(invite(), 31337, "http://x")
    with pytest.raises(OtherChain) as told:
        require_chain(invite(), 1, "http://x")
    assert (told.value.facts["expected"], told.value.facts["actual"]) == (31337, 1)


BROKEN: list[dict[str, Any]] = [
    {"format": "fedledger/invite/2"},
    {"more": 1},
    {"roles": []},
    {"roles": ["participant", "participant"]},
    {"roles": ["owner"]},
    {"name": "South\u202eclinic"},
    {"name": ""},
    {"consortium": " two  spaces"},
    {"expires": -1},
    {"expires": 1 << 60},
    {"nonce": "xyz"},
    {"rules": None},
    {"rules": {"majority": 1, "vote_seconds": 1, "delay_seconds": 1, "execute_seconds": 1}},
    {"chain": {"id": 0, "rpc": "http://x"}},
    {"chain": {"id": 1, "rpc": ""}},
    {"chain": {"id": 1, "rpc": "ws://x"}},
    {"chain": {"id": 1, "rpc": "http://user:secret@x"}},
    {"chain": {"id": 1, "rpc": "http://x/?key=secret"}},
    {"inviter": {"name": "North", "key": "0x" + "a" * 40}},
    {"network": {"fedledger": "network/1"}},
]


@pytest.mark.parametrize("change", BROKEN, ids=str)
def test_what_is_not_an_invite_is_refused(change: dict[str, Any]) -> None:
    document = json.loads(invite(founders=msgspec.UNSET).encode()) | change
    with pytest.raises(UsageError):
        parse_invite(encode(document))


@pytest.mark.parametrize("spoil", [lambda data: data + b"\n", lambda data: b" " + data, lambda data: data[:-1]])
def test_an_invite_has_one_encoding(spoil: Any) -> None:
    with pytest.raises(Malformed):
        parse_invite(spoil(invite().encode()))


@pytest.mark.parametrize(
    ("name", "file"),
    [("South clinic", "south-clinic"), ("../../x", "x"), ("台大醫院", "台大醫院"), ("…", "member"), ("A/B.C", "a-b-c")],
)
def test_a_file_is_named_after_its_party(name: str, file: str) -> None:
    assert file_name(name, "invite") == f"{file}.invite.json"
