"""A key file is private, never overwritten, opened by its passphrase only, and a light one only for the local chain."""

import os
import stat
from pathlib import Path

import msgspec
import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from ledger import keys
from ledger.errors import Malformed, Unavailable, UsageError

TRANSACTION = {
    "type": 2,
    "chainId": 31337,
    "nonce": 0,
    "to": "0x" + "11" * 20,
    "value": 0,
    "data": "0x",
    "gas": 21_000,
    "maxFeePerGas": 0,
    "maxPriorityFeePerGas": 0,
}
TYPES = {"Vote": [{"name": "choice", "type": "uint8"}]}


def domain(chain_id=31337):
    return {"name": "fedledger", "version": "1", "chainId": chain_id, "verifyingContract": "0x" + "22" * 20}


@pytest.fixture(scope="module")
def light(tmp_path_factory):
    path = tmp_path_factory.mktemp("keys") / "light.json"
    return path, keys.create(path, "right", light=True)


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    path = tmp_path_factory.mktemp("keys") / "full.json"
    return path, keys.create(path, "right")


def test_only_the_owner_can_read_it_under_any_umask(tmp_path):
    old = os.umask(0)
    try:
        path = tmp_path / "new" / "keystore.json"
        keys.create(path, "right", light=True)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_key_is_never_overwritten(light):
    path, _ = light
    before = path.read_bytes()
    with pytest.raises(UsageError, match="not overwritten"):
        keys.create(path, "other", light=True)
    assert path.read_bytes() == before


def test_the_file_is_a_standard_one(full):
    path, signer = full
    keyfile = msgspec.json.decode(path.read_bytes())
    assert (keyfile["version"], keyfile["crypto"]["kdf"], keyfile["crypto"]["kdfparams"]["n"]) == (3, "scrypt", 1 << 18)
    assert "fedledger" not in keyfile
    assert keys.address_of(path) == signer.address
    assert not keys.is_light(keyfile)


def test_the_passphrase_opens_it(light, full):
    for path, signer in (light, full):
        assert keys.unlock(path, "right").address == signer.address


@pytest.mark.parametrize("passphrase", ["wrong", "", "Right", "right "])
def test_a_wrong_passphrase_is_a_usage_error(light, passphrase):
    with pytest.raises(UsageError, match="passphrase does not open") as caught:
        keys.unlock(light[0], passphrase)
    assert caught.value.facts["file"] == str(light[0])
    assert "right" not in str(caught.value).replace(str(light[0]), "")


def test_an_empty_passphrase_makes_no_file(tmp_path):
    with pytest.raises(UsageError, match="empty passphrase"):
        keys.create(tmp_path / "keystore.json", "")
    assert not (tmp_path / "keystore.json").exists()


def test_a_light_file_is_refused_off_the_local_chain(light):
    path, signer = light
    with pytest.raises(UsageError, match="local chain only") as caught:
        keys.unlock(path, "right", chain_id=1)
    assert (caught.value.facts["expected"], caught.value.facts["actual"]) == (31337, 1)
    unlocked = keys.unlock(path, "right", chain_id=31337)
    assert unlocked.light
    assert signer.light
    for action in (
        lambda: unlocked.sign_transaction(TRANSACTION | {"chainId": 1}),
        lambda: unlocked.sign_typed_data(domain(1), TYPES, {"choice": 1}),
    ):
        with pytest.raises(UsageError, match="local chain only"):
            action()


def test_key_files_of_other_programs_are_taken(tmp_path):
    account = Account.create()
    keyfile = Account.encrypt(account.key, "right", kdf="pbkdf2", iterations=200_000)
    path = tmp_path / "other.json"
    path.write_bytes(msgspec.json.encode(keyfile))
    signer = keys.unlock(path, "right", chain_id=1)
    assert signer.address == account.address
    assert not signer.light


@pytest.mark.parametrize("chain_id", [1, 31337])
def test_transactions_are_signed_for_their_chain(full, chain_id):
    raw = full[1].sign_transaction(TRANSACTION | {"chainId": chain_id})
    assert Account.recover_transaction(raw) == full[1].address
    assert raw == full[1].sign_transaction(TRANSACTION | {"chainId": chain_id})  # deterministic


def test_typed_data_is_signed_as_eip_712(full):
    signature = full[1].sign_typed_data(domain(), TYPES, {"choice": 1})
    assert len(signature) == 65
    message = encode_typed_data(domain(), TYPES, {"choice": 1})
    assert Account.recover_message(message, signature=signature) == full[1].address


@pytest.mark.parametrize("chain_id", [None, "31337"])
def test_nothing_is_signed_without_a_chain_id(light, chain_id):
    with pytest.raises(UsageError, match="without a chain id"):
        light[1].sign_transaction(TRANSACTION | {"chainId": chain_id})
    with pytest.raises(UsageError, match="without a chain id"):
        light[1].sign_typed_data(domain(chain_id), TYPES, {"choice": 1})


def test_what_is_not_a_transaction_is_malformed(light):
    with pytest.raises(Malformed, match="not a transaction"):
        light[1].sign_transaction({"chainId": 31337, "nonce": "x"})
    with pytest.raises(Malformed, match="not typed data"):
        light[1].sign_typed_data(domain(), TYPES, {"choice": "x"})


def test_a_signer_does_not_show_its_key(light):
    assert repr(light[1]) == f"LocalSigner({light[1].address})"


def test_an_ephemeral_key_is_for_the_local_chain():
    signer = keys.ephemeral()
    assert Account.recover_transaction(signer.sign_transaction(TRANSACTION)) == signer.address
    with pytest.raises(UsageError, match="local chain only"):
        signer.sign_transaction(TRANSACTION | {"chainId": 1})


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"crypto": 1}', b'{"crypto": {"kdfparams": {"n": "x"}}}', b"\xff\xfe"]
)
def test_what_is_not_a_key_file_is_malformed(tmp_path, content):
    path = tmp_path / "keystore.json"
    path.write_bytes(content)
    with pytest.raises(Malformed, match="key file"):
        keys.unlock(path, "right")


def test_a_key_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="no such key file"):
        keys.unlock(tmp_path / "keystore.json", "right")
    with pytest.raises(Unavailable, match="cannot be read"):
        keys.unlock(tmp_path, "right")


def passphrase_file(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    path = folder / "passphrase"
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    "content",
    [b"right\n", b"right", b"right\nsecond line\n", b"right\r\n", b"\xef\xbb\xbfright\r\n", b"right\rsecond"],
)
def test_a_passphrase_is_a_files_first_line(tmp_path, content):
    assert keys.read_passphrase(passphrase_file(tmp_path, content)) == "right"


@pytest.mark.parametrize("line", ["a\u2028b", "a\x85b", " right ", "tab\tbed", "\u5bc6\u78bc", "x" * 4000])
def test_a_first_line_is_read_whole_whatever_signs_are_in_it(tmp_path, line):
    assert keys.read_passphrase(passphrase_file(tmp_path, line.encode() + b"\nsecond\n")) == line


@pytest.mark.parametrize("content", [b"", b"\n", b"\nsecond", b"\xef\xbb\xbf\n"])
def test_an_empty_first_line_is_not_a_passphrase(tmp_path, content):
    with pytest.raises(UsageError, match="first line is empty"):
        keys.read_passphrase(passphrase_file(tmp_path, content))


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("right\n".encode("utf-16"), "UTF-16"),
        ("right\n".encode("utf-16-le"), "UTF-16"),
        ("right\n".encode("utf-16-be"), "UTF-16"),
        ("right\n".encode("utf-32"), "UTF-32"),
        (b"\xfe\xff\0r", "UTF-16"),
        (b"r\xffght", "byte 1"),
        (b"ri\x0bght", "control character at byte 2"),
        (b"x" * 5000, "too long"),
    ],
)
def test_a_passphrase_in_another_encoding_is_refused(tmp_path, content, named):
    with pytest.raises(UsageError, match=named):
        keys.read_passphrase(passphrase_file(tmp_path, content))


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o660, 0o700, 0o4600])
def test_a_passphrase_file_that_others_may_read_or_change_is_refused(tmp_path, mode):
    path = passphrase_file(tmp_path, b"right\n", mode)
    with pytest.raises(UsageError, match=f"mode {mode:04o}") as caught:
        keys.read_passphrase(path)
    assert caught.value.advice == f"chmod 600 {path}"
    path.chmod(0o400)
    assert keys.read_passphrase(path) == "right"


def test_a_passphrase_file_of_another_user_is_refused(tmp_path, monkeypatch):
    path = passphrase_file(tmp_path, b"right\n")
    monkeypatch.setattr("os.geteuid", lambda: path.stat().st_uid + 1)
    with pytest.raises(UsageError, match="another user"):
        keys.read_passphrase(path)


def test_a_passphrase_may_come_through_a_pipe():
    reader, writer = os.pipe()
    os.write(writer, b"right\n")
    os.close(writer)
    assert keys.read_passphrase(Path(f"/dev/fd/{reader}")) == "right"
    os.close(reader)


def test_a_passphrase_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="no such passphrase file"):
        keys.read_passphrase(tmp_path / "passphrase")


def test_the_terminal_is_asked_twice_for_a_new_one():
    answers = iter(["right", "right", "right", "wrong"])
    assert keys.read_passphrase(None, confirm=True, prompt=lambda _: next(answers)) == "right"
    with pytest.raises(UsageError, match="differ"):
        keys.read_passphrase(None, confirm=True, prompt=lambda _: next(answers))


def test_without_a_terminal_there_is_advice():
    def prompt(_):
        raise EOFError

    with pytest.raises(UsageError) as caught:
        keys.read_passphrase(None, prompt=prompt)
    assert "--passphrase-file" in caught.value.advice
