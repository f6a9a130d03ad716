"""`fedledger keys`: a key is shown, encrypted again, replaced, recovered and held, on a real chain."""

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.command import PROGRAM
from support.consortia.voters import refused, run, said
from support.passphrases import write_passphrase

from ledger import keys
from ledger.errors import Rejected, UsageError


def key(member: Any) -> tuple[object, ...]:
    return ("--home", member.home.folder, "--passphrase-file", member.passphrase_file)


@pytest.fixture
def short() -> Iterator[str]:
    """A folder with a short path, as a socket's must be."""
    with tempfile.TemporaryDirectory(prefix="fl") as folder:
        yield folder


def active(consortium: Any, index: int) -> str:
    (key,) = consortium.client.view("consortium", "keyOf", index)
    return str(key)


def test_a_key_file_without_address_is_shown_once_it_is_opened(tmp_path: Path) -> None:
    path, passphrase = tmp_path / "key.json", write_passphrase(tmp_path / "passphrase", "right")
    signer = keys.create(path, "right", light=True)
    assert said("keys", "show", "--keystore", path, "--json")["address"] == signer.address
    keyfile = msgspec.json.decode(path.read_bytes())
    path.write_bytes(msgspec.json.encode({name: value for name, value in keyfile.items() if name != "address"}))
    shown = ("keys", "show", "--keystore", path, "--passphrase-file", passphrase)
    assert said(*shown, "--json")["address"] == signer.address
    again = ("keys", "passphrase", "--keystore", path, "--passphrase-file", passphrase)
    assert run(*again, "--new-passphrase-file", passphrase).stdout.strip() == signer.address
    assert said("keys", "show", "--keystore", path, "--json")["address"] == signer.address
    assert refused(UsageError, "keys", "show", "--keystore", tmp_path / "nowhere").exit_code == 2


def test_a_member_goes_on_with_a_new_key(consortium: Any, tmp_path: Path) -> None:
    member = consortium.members[1]
    new = write_passphrase(tmp_path / "passphrase", "new")
    facts = said("keys", "rotate", *key(member), "--new-passphrase-file", new, "--json")
    assert active(consortium, 1) == facts["address"] == keys.address_of(member.home.keystore) != member.address
    assert keys.unlock(member.home.keystore, "new").address == facts["address"]
    assert keys.address_of(member.home.folder / f"keystore-{member.address}.json") == facts["before"] == member.address
    old = ("--home", member.home.folder, "--passphrase-file", member.passphrase_file)
    assert "does not open" in str(refused(UsageError, "keys", "rotate", *old, "--new-passphrase-file", new))


def test_a_rotation_that_was_interrupted_goes_on_where_it_was(consortium: Any, tmp_path: Path) -> None:
    """After the ledger has the new key, before the home does: nothing is sent again, and no third key is made."""
    member = consortium.members[2]
    beside = keys.create(member.home.folder / "keystore.next.json", "new", light=True)
    consortium.send(2, "consortium", "rotateKey", beside.address)
    facts = said("keys", "rotate", *key(member), "--json")
    assert facts["address"] == active(consortium, 2) == keys.address_of(member.home.keystore) == beside.address


def test_a_majority_recovers_a_lost_key(consortium: Any, tmp_path: Path) -> None:
    new = keys.create(tmp_path / "new.json", "new", light=True).address
    first = said("keys", "recover", 3, new.lower(), *key(consortium.members[0]), "--json")
    assert (first["done"], first["approvals"], first["needed"]) == (False, 1, 3)
    assert active(consortium, 3) == consortium.members[3].address
    again = run("keys", "recover", 3, new, *key(consortium.members[0]), fails=Rejected)
    assert "approved this rotation already" in str(again.exception)
    told = run("keys", "recover", 3, new, *key(consortium.members[1])).output
    assert f"approved by 2 of the 3 members that it takes; the others type:\n  fedledger keys recover 3 {new}" in told
    last = said("keys", "recover", 3, new, *key(consortium.members[2]), "--json")
    assert (last["done"], active(consortium, 3)) == (True, new)
    assert said("keys", "recover", 3, new, *key(consortium.members[0]), "--json")["done"]
    assert "no member 9" in str(refused(UsageError, "keys", "recover", 9, new, *key(consortium.members[0])))
    mistyped = run("keys", "recover", 3, "0x1", *key(consortium.members[0]), fails=UsageError)
    assert "not an address" in str(mistyped.exception)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_agent_signs_for_commands_until_it_is_ended(
    consortium: Any, tmp_path: Path, short: str, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", short)
    member = consortium.members[0]
    new = keys.create(tmp_path / "new.json", "new", light=True).address
    recover = ("keys", "recover", 3, new, "--home", member.home.folder)
    assert "no terminal" in str(run(*recover, fails=UsageError).exception)
    command = [*PROGRAM, "keys", "agent", *map(str, key(member))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as held:
        assert held.stdout is not None
        assert member.address in held.stdout.readline()
        while keys.find_agent(member.home.keystore, 31337) is None:
            assert held.poll() is None
        assert json.loads(run(*recover, "--json").stdout)["done"] is False
        held.send_signal(number)
        assert "forgotten" in held.stdout.read()
    assert held.returncode == 130
    assert keys.find_agent(member.home.keystore, 31337) is None
