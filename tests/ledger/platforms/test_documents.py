"""Platform documents: what an auditor's own roots say of them. Fixtures alone: no hardware was asked."""

import base64
import re
import sys
from hashlib import sha256
from pathlib import Path

import pytest

pytest.importorskip("cwt", reason="python-cwt is not installed: pip install 'fedledger[platform]'")
pytest.importorskip("jwt", reason="PyJWT is not installed: pip install 'fedledger[platform]'")

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from support.platforms import BETWEEN, CHAIN, MEASUREMENT, NOW, ROOT, certify, cose_token, jwt_token, write_roots

from ledger.errors import Malformed, UsageError
from ledger.platforms.cbor import check_plain
from ledger.platforms.checks import PlatformFound, look_at
from ledger.platforms.documents import nonce_of, sort_of
from ledger.platforms.roots import PlatformRoots, read_roots
from ledger.platforms.tokens import X5CHAIN

LEDGER = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
NONCE = nonce_of(31337, LEDGER, 1, 2, LEDGER)
ROOTS = PlatformRoots((ROOT.certificate,), frozenset({sha256(MEASUREMENT).digest()}))
DAY = 86400
make = pytest.mark.parametrize("token", [jwt_token, cose_token], ids=["JWT", "COSE_Sign1"])
Make = Callable[..., bytes]


def found(document: bytes, roots: PlatformRoots | None = ROOTS, when: int = NOW, nonce: bytes = NONCE) -> PlatformFound:
    return look_at(document, roots, when, nonce)


@make
def test_one_that_is_signed_under_a_root_is_right(token: Make) -> None:
    said = found(token(NONCE))
    assert (said.answer, said.sort[:3]) == ("right", "EAT"), said
    assert "made for this update" in said.why


@make
def test_one_without_the_update_s_nonce_may_be_older(token: Make) -> None:
    for nonce in (b"", nonce_of(31337, LEDGER, 1, 3, LEDGER)):
        said = found(token(nonce))
        assert said.answer == "right"
        assert "may be older" in said.why


@make
def test_another_measurement_is_wrong_where_one_is_expected(token: Make) -> None:
    other = token(NONCE, b"another machine")
    assert "measurements" in found(other).why
    assert found(other).answer == "wrong"
    assert found(other, ROOTS._replace(measurements=frozenset())).answer == "right"


@make
def test_another_key_s_signature_is_wrong(token: Make) -> None:
    said = found(token(NONCE, key=certify("Liar").key))
    assert (said.answer, "signature" in said.why) == ("wrong", True)


@make
def test_no_chain_to_a_root_is_wrong(token: Make) -> None:
    stranger = certify("Another vendor")
    alone, foreign = (
        token(NONCE, chain=CHAIN[:1]),
        token(NONCE, chain=(certify("Machine", stranger, authority=False), stranger)),
    )
    for document in (alone, foreign):
        said = found(document)
        assert (said.answer, "no chain" in said.why) == ("wrong", True), said
    assert found(alone, PlatformRoots((BETWEEN.certificate,), frozenset())).answer == "right"


@make
def test_certificates_are_valid_when_the_update_was_opened(token: Make) -> None:
    document = token(NONCE)
    assert found(document, when=NOW + 400 * DAY).answer == "wrong"
    assert found(document, when=NOW - 400 * DAY).answer == "wrong"


@make
def test_a_machine_cannot_certify_another(token: Make) -> None:
    """A leaf that is no authority signs no further certificate."""
    forged = certify("Forged", CHAIN[0], authority=False)
    assert found(token(NONCE, chain=(forged, *CHAIN))).answer == "wrong"


@make
@settings(max_examples=60)
@given(data=st.data())
def test_any_changed_byte_is_never_right(token: Make, data: st.DataObject) -> None:
    """Nor does it raise anything."""
    right = token(NONCE)
    changed = bytearray(right)
    place, value = data.draw(st.integers(0, len(right) - 1)), data.draw(st.integers(1, 255))
    changed[place] ^= value
    assert found(bytes(changed)).answer != "right" or decoded(bytes(changed)) == decoded(right)


def decoded(document: bytes) -> list[bytes]:
    """What a token says: in base64url the last digit of a part may have bits that say nothing."""
    parts = document.split(b".") if sort_of(document) == "EAT (JWT)" else []
    return [base64.urlsafe_b64decode(part + b"==") for part in parts] or [document]


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_no_bytes_raise_anything(data: bytes) -> None:
    for document in (data, b"\xd2\x84" + data, base64.urlsafe_b64encode(data) + b".AA.AA"):
        assert found(document).answer != "right"


def test_expired_tokens_are_wrong() -> None:
    """From the very second on (RFC 7519, 4.1.4); times may have fractions."""
    for expires in (NOW - 1, NOW, NOW - 0.5):
        assert found(jwt_token(NONCE, exp=expires)).why == "it had expired"
    for expires in (NOW + 1, NOW + 0.5):
        assert found(jwt_token(NONCE, exp=expires)).answer == "right"


@pytest.mark.parametrize("expires", [str(NOW - 1), True, [], {}, float("inf"), float("nan")])
def test_an_expiry_that_is_no_time_is_wrong(expires: object) -> None:
    """It is not taken for none."""
    said = found(jwt_token(NONCE, exp=expires))
    assert (said.answer, said.why) == ("wrong", "when it expires is not a time")


@make
def test_an_authority_s_key_signs_no_tokens(token: Make) -> None:
    """Its certificate says that it is for certificates (RFC 5280, 4.2.1.3)."""
    for chain in ((BETWEEN,), (ROOT,)):
        said = found(token(NONCE, chain=chain))
        assert (said.answer, "key usage" in said.why) == ("wrong", True), said


def test_a_critical_header_that_is_not_known_is_wrong() -> None:
    """RFC 9052, 3.1, and RFC 7515, 4.1.11."""
    import jwt

    chain = [base64.b64encode(one.der).decode() for one in CHAIN]
    head = {"x5c": chain, "crit": ["more"], "more": 1}
    assert found(cose_token(NONCE, critical=(X5CHAIN,))).answer == "right"
    for document in (cose_token(NONCE, critical=(99,)), jwt.encode({}, CHAIN[0].key, "ES256", head).encode()):
        said = found(document)
        assert (said.answer, "critical" in said.why) == ("wrong", True), said


def asking(item: bytes) -> bytes:
    """A token whose unprotected header has this item."""
    import cbor2

    head = cbor2.dumps(cbor2.dumps({1: -7, 33: [one.der for one in CHAIN]}))
    return b"\xd2\x84" + head + b"\xa1\x01" + item + cbor2.dumps(b"\xa0") + cbor2.dumps(bytes(64))


def shared(levels: int) -> bytes:
    """An array of the one before it, twice, and so on: what it is written out doubles with each level."""
    item = b"\xd8\x1c\x81\x00"
    for level in range(levels, 0, -1):
        item = b"\xd8\x1c\x82" + item + b"\xd8\x1d" + bytes([level])
    return item


@pytest.mark.parametrize(
    ("item", "why"),
    [
        (shared(5), "tag 28"),
        (b"\xc4\x82\x1a\x3b\x9a\xca\x00\x01", "tag 4"),
        (b"\xc5\x82\x1a\x3b\x9a\xca\x00\x01", "tag 5"),
        (b"\xd8\x1e\x82\x01\x02", "tag 30"),
        (b"\xd8\x23\x61a", "tag 35"),
        (b"\x81" * 30 + b"\x00", "levels"),
        (b"\x9f" * 30, "levels"),
        (b"\x99\x10\x00" + b"\x00" * 4096, "items"),
        (b"\x9b" + b"\xff" * 8, "items|cut off"),
        (b"\x5b" + b"\xff" * 8, "cut off"),
        (b"\x1c", "a length that there is not"),
    ],
)
def test_items_that_cost_more_than_their_bytes_are_not_decoded(item: bytes, why: str) -> None:
    """A kilobyte of shared values would take an auditor's memory, or years."""
    said = found(asking(item))
    assert said.answer == "wrong"
    assert re.search(why, said.why), said


@pytest.mark.parametrize("item", [b"\x9f\x01\x02\xff", b"\xbf\x01\x02\xff", b"\x7f\x61a\xff", b"\xfb" + bytes(8)])
def test_items_of_any_length_are_looked_into(item: bytes) -> None:
    check_plain(item)
    assert "Failed to verify" in found(asking(item)).why
    with pytest.raises(ValueError, match="behind it"):
        check_plain(item + b"\x00")


def test_a_report_of_a_vendor_s_own_is_listed_and_not_looked_at() -> None:
    said = found(bytes(1184))
    assert (said.sort, said.answer) == ("opaque", "not looked at")
    assert found(jwt_token(NONCE), None).answer == "not looked at"


def test_tokens_without_a_signature_or_by_a_shared_secret_are_wrong() -> None:
    import jwt

    chain = {"x5c": [base64.b64encode(one.der).decode() for one in CHAIN]}
    for key, algorithm in ((None, "none"), ("a shared secret of 32 bytes, or longer", "HS256")):
        assert found(jwt.encode({}, key, algorithm=algorithm, headers=chain).encode()).answer == "wrong"


class TestRoots:
    def test_they_are_read_beside_their_certificates(self, tmp_path: Path) -> None:
        roots = read_roots(write_roots(tmp_path, sha256(MEASUREMENT).hexdigest()))
        assert roots == ROOTS

    @pytest.mark.parametrize("text", ["", "roots = 1", 'roots = "vendor.pem"\nmore = 1', 'roots = "platforms.toml"'])
    def test_other_files_are_refused(self, tmp_path: Path, text: str) -> None:
        file = write_roots(tmp_path)
        file.write_text(text)
        with pytest.raises(Malformed):
            read_roots(file)

    def test_measurements_are_digests(self, tmp_path: Path) -> None:
        with pytest.raises(Malformed, match="SHA-256"):
            read_roots(write_roots(tmp_path, "abc"))

    def test_one_that_is_not_there_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError):
            read_roots(tmp_path / "none.toml")


def test_without_the_extra_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    document = jwt_token(NONCE)
    monkeypatch.setitem(sys.modules, "cwt", None)
    with pytest.raises(UsageError, match="not installed") as caught:
        found(document)
    assert "fedledger[platform]" in caught.value.advice
