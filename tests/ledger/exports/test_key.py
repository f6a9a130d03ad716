"""The export key: kept as secrets are, tied to its member, and of no use on the ledger."""

import json
import stat
from pathlib import Path

import pytest
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st
from support.consortia.voters import Council, refused, run
from support.exports import make_key
from support.passphrases import write_passphrase

from ledger.errors import FedledgerError, Malformed, UsageError
from ledger.events import signed
from ledger.events.signed import EXPORT_KEY_TYPES, parse_export_key
from ledger.exports import envelope, p256
from ledger.exports.training import named_in
from ledger.formats.digest import encode
from ledger.formats.typed import typed_digest
from ledger.keys import create_export_key, ephemeral, open_export_key
from ledger.masks.secret import Secret
from ledger.party.upkeep.backups import back_up, restore

VECTOR = Secret(bytes.fromhex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"))
"""The key of RFC 6979, A.2.5."""
LOCAL = 31337


def statement(point: bytes = p256.point_of(VECTOR), **said: object) -> dict[str, object]:
    """A statement under a key of nobody's, or what a liar makes of it."""
    signer = ephemeral()
    unsigned = signed.SignedExportKey(
        fedledger="signed/1",
        chain=LOCAL,
        contract=signer.address,
        member=signer.address,
        curve="P-256",
        public=point.hex(),
        signature="",
    )
    made: dict[str, object] = json.loads(unsigned.under(signer.sign_typed_data(*unsigned.to_sign)).encode())
    return made | said


def test_signatures_are_those_of_rfc_6979() -> None:
    r = "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
    s = "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
    made = p256.sign(VECTOR, b"sample")
    assert made.hex() == f"3046022100{r}022100{s}"
    assert p256.is_signed(p256.point_of(VECTOR), made, b"sample")
    assert not p256.is_signed(p256.point_of(VECTOR), made, b"sampler")
    assert not p256.is_signed(p256.point_of(p256.draw()), made, b"sample")


@pytest.mark.parametrize("bad", [b"", b"\x04" + bytes(64), b"\x04" + b"\xff" * 64, b"\x05" + bytes(64)])
def test_a_point_off_the_curve_is_refused(bad: bytes) -> None:
    for use in (p256.pem, p256.key_id, lambda point: p256.is_signed(point, b"", b"")):
        with pytest.raises(Malformed):
            use(bad)


def test_the_statement_is_typed_data_that_wallets_show() -> None:
    found = parse_export_key(encode(statement()))
    domain, types, message = found.to_sign
    shown = encode_typed_data(domain, types, message)
    digest = typed_digest(found.chain, found.contract, EXPORT_KEY_TYPES, message)
    from eth_account import Account

    assert Account.recover_message(shown, signature=found.signature) == found.member
    assert signed.signer(digest, bytes.fromhex(found.signature[2:])) == found.member
    assert "acts nowhere on the ledger" in message["use"]


@pytest.mark.parametrize(
    "lie",
    [
        {"chain": 1},
        {"chain": 0},
        {"contract": "0x" + "11" * 20},
        {"member": "0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF"},
        {"public": p256.point_of(Secret(bytes(31) + b"\x02")).hex()},
        {"public": "02" + "11" * 32},
        {"curve": "P-384"},
        {"signature": "0x" + "00" * 65},
        {"signature": ""},
        {"kind": "ballot"},
        {"more": 1},
    ],
    ids=lambda lie: f"{next(iter(lie))}-{str(next(iter(lie.values())))[:8]}",
)
def test_a_changed_statement_is_refused(lie: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        parse_export_key(encode(statement(**lie)))


def test_no_relay_takes_it() -> None:
    with pytest.raises(Malformed):
        signed.parse(encode(statement()))


@given(st.binary(max_size=300) | st.recursive(st.text() | st.integers(), st.lists).map(encode))
def test_other_bytes_are_refused(data: bytes) -> None:
    point = p256.point_of(VECTOR)
    for read in (
        parse_export_key,
        named_in,
        envelope.parse,
        lambda found: envelope.opened_bundle(found, point, "the bundle"),
    ):
        with pytest.raises(FedledgerError):
            read(data)


@given(st.text(max_size=100), st.text(max_size=100), st.text(max_size=100))
def test_an_envelope_of_other_bytes_is_refused(payload: str, keyid: str, sig: str) -> None:
    document = {"payload": payload, "payloadType": envelope.PAYLOAD, "signatures": [{"keyid": keyid, "sig": sig}]}
    with pytest.raises(FedledgerError):
        envelope.opened(envelope.parse(encode(document)), p256.point_of(VECTOR), "the envelope")


def test_the_key_is_kept_as_secrets_are(released: Council) -> None:
    home = released.members[0].home
    assert stat.S_IMODE(home.export_key.stat().st_mode) == 0o600
    words = released.members[0].passphrase_file.read_text().strip()
    key, point = open_export_key(home.export_key, words, LOCAL)
    assert p256.point_of(key) == point
    assert repr(key) == "Secret(hidden)"
    for path in (home.export_key, home.export_statement):
        assert key.reveal().hex() not in path.read_text().lower()
    with pytest.raises(UsageError, match="does not open"):
        open_export_key(home.export_key, "wrong", LOCAL)
    with pytest.raises(UsageError, match="quick to open"):
        open_export_key(home.export_key, words, 1)


def test_no_command_takes_it_for_a_key_of_the_ledger(released: Council) -> None:
    file, words = released.members[0].home.export_key, released.members[0].passphrase_file
    error = refused_or_malformed("keys", "show", "--keystore", file, "--passphrase-file", words)
    assert "not a key file of version 3" in error.message


def refused_or_malformed(*arguments: object) -> FedledgerError:
    error = run(*arguments, fails=Malformed).exception
    assert isinstance(error, FedledgerError)
    return error


def test_killed_between_key_and_statement_it_goes_on(released: Council) -> None:
    home = released.members[1].home
    first = make_key(released, 1)
    before = home.export_key.read_bytes()
    home.export_statement.unlink()
    where = ("--output", home.folder / "never", *released.key(1))
    assert "release provenance key" in refused(UsageError, "release", "provenance", "write", "cardio", *where).advice
    again = make_key(released, 1)
    assert again["public"] == first["public"]
    assert home.export_key.read_bytes() == before
    assert make_key(released, 1) == again


def test_a_file_that_names_another_key(released: Council, tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    create_export_key(file, p256.draw(), p256.point_of(VECTOR), "words", light=True)
    home = released.members[1].home
    kept = home.export_key.read_bytes()
    home.export_key.write_bytes(file.read_bytes())
    try:
        words = write_passphrase(tmp_path / "words", "words")
        new = ("--new-passphrase-file", words)
        run("release", "provenance", "key", *released.key(1), *new, fails=Malformed)
    finally:
        home.export_key.write_bytes(kept)
    with pytest.raises(UsageError, match="not overwritten"):
        create_export_key(file, p256.draw(), b"", "words", light=True)
    for junk in (b"", b"{}", b"\xff", b'{"fedledger":"export-key/1","public":"zz","crypto":{}}'):
        file.write_bytes(junk)
        with pytest.raises(Malformed):
            open_export_key(file, "words", LOCAL)


def test_a_cost_in_another_spelling_is_bounded_as_well(tmp_path: Path) -> None:
    """The library lowers names: a bound on a small `kdfparams` would not be one on the `KDFPARAMS` beside it."""
    file = tmp_path / "export.json"
    create_export_key(file, p256.draw(), p256.point_of(VECTOR), "words", light=True)
    kept = json.loads(file.read_bytes())
    kept["crypto"]["KDFPARAMS"] = kept["crypto"]["kdfparams"] | {"n": 1 << 40}
    file.write_text(json.dumps(kept))
    with pytest.raises(Malformed):
        open_export_key(file, "words", LOCAL)


def test_a_backup_carries_it(released: Council, tmp_path: Path) -> None:
    pytest.importorskip("pyrage", reason='pyrage is not installed: pip install "fedledger[backup]"')
    home = type(released.members[0].home)
    source, target = home(tmp_path / "before"), home(tmp_path / "after")
    source.folder.mkdir()
    member = released.members[0].home
    for name in ("keystore", "export_key", "export_statement"):
        getattr(source, name).write_bytes(getattr(member, name).read_bytes())
    back_up(source, tmp_path / "file.age", "nine blue horses")
    restore(target, tmp_path / "file.age", "nine blue horses")
    for name in ("export_key", "export_statement"):
        assert getattr(target, name).read_bytes() == getattr(source, name).read_bytes()
