"""Key files of other tools are opened, and nothing in them is believed that their key contradicts."""

import stat
import unicodedata
from pathlib import Path
from typing import Any

import msgspec
import pytest
from eth_account import Account

from ledger import keys
from ledger.errors import Malformed, UsageError
from ledger.keys import files

COST = 1 << 10


def written(folder: Path, opens: str = "right", **changes: Any) -> tuple[Path, str, dict[str, Any]]:
    """A key file, its key's address, and its document."""
    account = Account.create()
    keyfile: dict[str, Any] = dict(Account.encrypt(account.key, opens, iterations=COST)) | changes
    path = folder / "key.json"
    path.write_bytes(msgspec.json.encode({name: value for name, value in keyfile.items() if value is not None}))
    return path, str(account.address), keyfile


def test_a_file_without_address_is_opened_and_says_how_to_get_one(tmp_path: Path) -> None:
    """As Foundry's cast writes them."""
    path, address, _ = written(tmp_path, address=None)
    assert keys.unlock(path, "right").address == address
    with pytest.raises(UsageError, match="names no address") as caught:
        keys.address_of(path)
    assert "fedledger keys passphrase" in caught.value.advice
    assert keys.encrypt_again(path, "right", "new").address == address
    assert keys.address_of(path) == address


@pytest.mark.parametrize("prefix", ["", "0x", "0X"])
def test_an_address_may_have_any_case_and_prefix(tmp_path: Path, prefix: str) -> None:
    path, address, keyfile = written(tmp_path)
    for digits in (address[2:].lower(), address[2:].upper(), address[2:]):
        path.write_bytes(msgspec.json.encode(keyfile | {"address": prefix.lower() + digits}))
        assert keys.address_of(path) == keys.unlock(path, "right").address == address


def test_names_in_capitals_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    path, address, keyfile = written(tmp_path)
    keyfile["Crypto"] = {"KDFParams" if name == "kdfparams" else name: v for name, v in keyfile.pop("crypto").items()}
    path.write_bytes(b"\xef\xbb\xbf" + msgspec.json.encode(keyfile | {"version": "3", "name": "", "meta": "{}"}))
    assert keys.unlock(path, "right").address == address


def test_an_address_that_the_key_contradicts_is_not_believed(tmp_path: Path) -> None:
    path, address, _ = written(tmp_path, address="11" * 20)
    with pytest.raises(Malformed, match="another address than its key's") as caught:
        keys.unlock(path, "right")
    assert (caught.value.facts["expected"], caught.value.facts["actual"]) == (address, "0x" + "11" * 20)
    assert keys.encrypt_again(path, "right", "right").address == address
    assert keys.address_of(path) == address


@pytest.mark.parametrize(
    ("kdf", "cost", "light"),
    [("scrypt", 1 << 13, True), ("pbkdf2", 10_240, True), ("pbkdf2", 262_144, False), ("scrypt", 1 << 14, False)],
    ids=["Foundry", "Parity", "web3.js", "least"],
)
def test_a_quick_file_of_another_tool_is_refused_with_the_way_out(
    tmp_path: Path, kdf: Any, cost: int, light: bool
) -> None:
    path = tmp_path / "key.json"
    path.write_bytes(msgspec.json.encode(Account.encrypt(Account.create().key, "right", kdf=kdf, iterations=cost)))
    assert keys.is_light_file(path) is light
    if not light:
        assert not keys.unlock(path, "right", chain_id=1).light
        return
    with pytest.raises(UsageError, match="quick to open") as caught:
        keys.unlock(path, "right", chain_id=1)
    assert "fedledger keys passphrase" in caught.value.advice
    assert "--light" not in str(caught.value) + caught.value.advice


def test_a_cost_that_is_not_the_one_used_does_not_count(tmp_path: Path) -> None:
    """scrypt's parameters beside a quick PBKDF2."""
    account = Account.create()
    keyfile: Any = dict(Account.encrypt(account.key, "right", kdf="pbkdf2", iterations=1))
    keyfile["crypto"]["kdfparams"] |= {"n": 1 << 18, "r": 8, "p": 1}
    path = tmp_path / "key.json"
    path.write_bytes(msgspec.json.encode(keyfile | {"fedledger": {"light": False}}))
    with pytest.raises(UsageError, match="quick to open"):
        keys.unlock(path, "right", chain_id=1)


@pytest.mark.parametrize(
    "parameters", [{"n": 1 << 40}, {"n": 1 << 20, "r": 1 << 10}, {"p": 1 << 30}, {"n": 0}, {"n": -1}, {"r": "x"}]
)
def test_a_cost_without_bounds_is_refused_before_it_is_paid(tmp_path: Path, parameters: dict[str, Any]) -> None:
    path, _, keyfile = written(tmp_path)
    keyfile["crypto"]["kdfparams"] |= parameters
    path.write_bytes(msgspec.json.encode(keyfile))
    with pytest.raises(Malformed):
        keys.unlock(path, "right")


@pytest.mark.parametrize("kdf", ["scrypt", "pbkdf2"])
@pytest.mark.parametrize("length", [1 << 26, 33, 16, 0, -1, "32", None])
def test_another_length_of_the_derived_key_is_refused_by_name(tmp_path: Path, kdf: Any, length: Any) -> None:
    """Before it is paid: PBKDF2 works once more for each 32 bytes."""
    keyfile: Any = dict(Account.encrypt(Account.create().key, "right", kdf=kdf, iterations=COST))
    keyfile["crypto"]["kdfparams"]["dklen"] = length
    path = tmp_path / "key.json"
    path.write_bytes(msgspec.json.encode(keyfile))
    with pytest.raises(Malformed, match="dklen"):
        keys.unlock(path, "right")
    with pytest.raises(Malformed, match="dklen"):
        keys.is_light_file(path)


@pytest.mark.parametrize("version", [4, 1, None, "x"])
def test_another_version_is_named(tmp_path: Path, version: Any) -> None:
    path, _, _ = written(tmp_path, version=version)
    with pytest.raises(Malformed, match="not a key file of version 3"):
        keys.unlock(path, "right")


@pytest.mark.parametrize(("made", "typed"), [("NFC", "NFD"), ("NFD", "NFC"), ("NFKC", "NFC")])
def test_a_passphrase_opens_in_the_form_of_any_keyboard(tmp_path: Path, made: Any, typed: Any) -> None:
    text = "Stra\u00dfe \u00c5ngstr\u00f6m" + ("\uff11" if made == "NFKC" else "")
    path, address, _ = written(tmp_path, unicodedata.normalize(made, text))
    assert keys.unlock(path, unicodedata.normalize(typed, text)).address == address


def test_a_space_at_the_end_is_named_and_never_shown(tmp_path: Path) -> None:
    path, _, _ = written(tmp_path)
    with pytest.raises(UsageError, match="does not open") as caught:
        keys.unlock(path, "right ")
    assert "begins or ends with a space" in caught.value.advice


def test_encrypting_again_keeps_the_key_and_replaces_the_file_whole(tmp_path: Path) -> None:
    path, address, _ = written(tmp_path)
    (tmp_path / "key.json.new").write_text("of an earlier try")
    with pytest.raises(UsageError, match="does not open"):
        keys.encrypt_again(path, "wrong", "new")
    assert keys.unlock(path, "right").address == address
    with pytest.raises(UsageError, match="empty passphrase"):
        keys.encrypt_again(path, "right", "")
    assert keys.encrypt_again(path, "right", "new").address == address
    assert not keys.unlock(path, "new", chain_id=1).light
    assert (stat.S_IMODE(path.stat().st_mode), [one.name for one in tmp_path.iterdir()]) == (0o600, ["key.json"])


def test_a_new_key_is_put_in_place_and_the_old_one_kept(tmp_path: Path) -> None:
    path, new, kept = tmp_path / "key.json", tmp_path / "next.json", tmp_path / "kept.json"
    old = keys.create(path, "right", light=True).address
    signer = keys.create(new, "right", light=True)
    files.put_in_place(new, path, kept)
    assert (keys.address_of(path), keys.address_of(kept), new.exists()) == (signer.address, old, False)
