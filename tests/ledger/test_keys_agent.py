"""The keys agent signs for this user's commands, for one chain and a time, and never sends its key."""

import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data

from ledger import keys
from ledger.errors import FedledgerError, Malformed, Unavailable, UsageError
from ledger.formats.sign_in import SignIn
from ledger.keys import agent as agents
from ledger.keys import talk
from ledger.keys.agent import Agent

TRANSACTION: dict[str, Any] = {"type": 2, "chainId": 31337, "nonce": 0, "to": "0x" + "11" * 20, "value": 0}
TRANSACTION |= {"data": "0x", "gas": 21_000, "maxFeePerGas": 0, "maxPriorityFeePerGas": 0}
DOMAIN = {"name": "fedledger", "version": "1", "chainId": 31337, "verifyingContract": "0x" + "22" * 20}
TYPES = {"Vote": [{"name": "proposal", "type": "bytes32"}]}
MESSAGE = {"proposal": b"\x07" * 32}


def one_field(kind: str) -> dict[str, Any]:
    return {"A": [{"name": "x", "type": kind}]}


@pytest.fixture
def keystore(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A key file, and a runtime folder of its own; a socket's path must be short."""
    keys.create(tmp_path / "key.json", "right", light=True)
    with tempfile.TemporaryDirectory(prefix="fl") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield tmp_path / "key.json"


def answers(path: Path) -> bool:
    """Whether anyone listens at a socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


@contextmanager
def serving(keystore: Path, seconds: float = 60, chain: int = 31337) -> Iterator[Path]:
    """An agent in a thread; the socket it listens at. It ends by its time."""
    path = talk.socket_path(keystore)
    ends = threading.Event()
    clock = agents._now

    def now() -> float:
        return clock() + (1e6 if ends.is_set() else 0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(agents, "_now", now)
        patch.setattr(agents, "LOOK_SECONDS", 0.05)
        thread = threading.Thread(target=Agent(keys.unlock(keystore, "right"), chain).serve, args=(keystore, seconds))
        thread.start()
        try:
            while thread.is_alive() and not answers(path):
                time.sleep(0.01)
            yield path
        finally:
            ends.set()
            thread.join()


def test_it_signs_as_the_key_does(keystore: Path) -> None:
    own = keys.unlock(keystore, "right")
    with serving(keystore):
        signer = keys.find_agent(keystore, 31337)
        assert signer is not None
        assert signer.address == own.address
        assert signer.sign_transaction(TRANSACTION) == own.sign_transaction(TRANSACTION)
        signature = signer.sign_typed_data(DOMAIN, TYPES, MESSAGE)
    message = encode_typed_data(DOMAIN, TYPES, MESSAGE)
    assert Account.recover_message(message, signature=signature) == own.address


def test_its_socket_and_folder_are_the_users_alone(keystore: Path) -> None:
    with serving(keystore) as path:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert not path.exists()


@pytest.mark.parametrize(
    "request_",
    [
        {"ask": "transaction", "transaction": TRANSACTION | {"chainId": 1}},
        {"ask": "transaction", "transaction": {"nonce": 0}},
        {"ask": "transaction", "transaction": TRANSACTION | {"value": 1}},
        {"ask": "typed data", "domain": DOMAIN | {"chainId": 1}, "types": TYPES, "message": MESSAGE},
        {"ask": "typed data", "domain": DOMAIN | {"chainId": "31337"}, "types": TYPES, "message": MESSAGE},
        {"ask": "typed data", "domain": DOMAIN, "types": 5, "message": {}},
        {"ask": "typed data", "domain": DOMAIN, "types": one_field("uint8"), "message": {"x": 300}},
        {"ask": "typed data", "domain": DOMAIN, "types": one_field("uint7"), "message": {"x": 1}},
        {"ask": "typed data", "domain": DOMAIN, "types": one_field("bytes4"), "message": {"x": b"\0" * 9}},
        {"ask": "typed data", "domain": DOMAIN, "types": one_field("uint256"), "message": {"x": 10**400}},
        {"ask": "typed data", "domain": DOMAIN, "types": {}, "message": {}},
        {"ask": "transaction", "transaction": TRANSACTION | {"type": 9}},
        {"ask": "key"},
        {},
    ],
)
def test_anything_else_is_refused_in_words(keystore: Path, request_: dict[str, Any]) -> None:
    answer = Agent(keys.unlock(keystore, "right"), 31337).answer(request_)
    assert answer.keys() == {"error", "advice"}


@pytest.mark.parametrize(
    "fees",
    [
        {"maxFeePerGas": 10**18 // 21_000 + 1},
        {"maxFeePerGas": 10**30, "maxPriorityFeePerGas": 10**30},
        {"gas": 10**18 + 1, "maxFeePerGas": 1},
        {"gas": "0x5208", "maxFeePerGas": 10**30},
        {"maxFeePerGas": hex(10**30)},
        {"maxFeePerBlobGas": 1},
    ],
)
def test_fees_that_are_a_payment_are_refused(keystore: Path, fees: dict[str, Any]) -> None:
    agent = Agent(keys.unlock(keystore, "right"), 31337)
    answer = agent.answer({"ask": "transaction", "transaction": TRANSACTION | fees})
    assert answer.keys() == {"error", "advice"}
    most = TRANSACTION | {"maxFeePerGas": 10**18 // 21_000}
    assert "signed" in agent.answer({"ask": "transaction", "transaction": most})


def test_fees_in_the_old_form_are_bounded_too(keystore: Path) -> None:
    old = {name: TRANSACTION[name] for name in ("chainId", "nonce", "to", "value", "data", "gas")}
    agent = Agent(keys.unlock(keystore, "right"), 31337)
    assert "signed" in agent.answer({"ask": "transaction", "transaction": old | {"gasPrice": 1}})
    assert "no fees as high" in agent.answer({"ask": "transaction", "transaction": old | {"gasPrice": 10**30}})["error"]


def test_nothing_is_signed_once_its_time_is_over(keystore: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for a caller that was there in time, and took its time."""
    heard = threading.Event()
    monkeypatch.setattr(agents, "check_peer", lambda _: heard.set())
    request = json.dumps({"ask": "transaction", "transaction": TRANSACTION}).encode() + b"\n"
    with serving(keystore) as path, socket.socket(socket.AF_UNIX) as caller, pytest.MonkeyPatch.context() as patch:
        caller.settimeout(60)
        heard.clear()
        caller.connect(str(path))
        caller.sendall(request[:9])
        assert heard.wait(60)
        time.sleep(0.2)  # what is left is computed by now
        clock = agents._now
        patch.setattr(agents, "_now", lambda: clock() + 1e6)
        caller.sendall(request[9:])
        assert caller.recv(1000) == b""


def test_a_caller_that_drips_bytes_is_left(keystore: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(keystore) as path, socket.socket(socket.AF_UNIX) as caller:
        monkeypatch.setattr(agents, "SECONDS", 0.5)
        caller.connect(str(path))
        with pytest.raises(OSError, match=r"pipe|reset"):
            while True:
                caller.sendall(b" ")
                time.sleep(0.05)
        monkeypatch.setattr(agents, "SECONDS", 60)
        assert keys.find_agent(keystore, 31337) is not None


def test_it_forgets_when_its_time_is_over_also_where_the_machine_slept(keystore: Path) -> None:
    with serving(keystore) as path:
        signer = keys.find_agent(keystore, 31337)
        assert signer is not None
    assert not path.exists()
    with pytest.raises(Unavailable, match="keys agent") as caught:
        signer.sign_transaction(TRANSACTION)
    assert "fedledger keys agent" in caught.value.advice
    assert keys.find_agent(keystore, 31337) is None


def test_another_chain_or_another_key_file_does_not_find_it(keystore: Path, tmp_path: Path) -> None:
    with serving(keystore):
        assert keys.find_agent(keystore, 1) is None
        assert keys.find_agent(tmp_path / "other.json", 31337) is None
        keystore.unlink()
        keys.create(keystore, "right", light=True)  # a rotated key
        assert keys.find_agent(keystore, 31337) is None


def test_a_second_one_is_refused_and_a_socket_left_behind_is_not(keystore: Path) -> None:
    path = talk.socket_path(keystore)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with serving(keystore), pytest.raises(UsageError, match="holds this key already"):
        Agent(keys.ephemeral(), 31337).serve(keystore, 1)


def test_of_two_that_start_at_once_one_is_refused(keystore: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one comes when the first holds the key and does not listen yet."""
    bind = os.umask

    def late(mask: int) -> int:
        monkeypatch.setattr("os.umask", bind)
        with pytest.raises(UsageError, match="holds this key already"):
            Agent(keys.ephemeral(), 31337).serve(keystore, 0.1)
        return bind(mask)

    monkeypatch.setattr("os.umask", late)
    with serving(keystore) as path:
        assert answers(path)
    assert os.umask is bind, "the second one came"


def test_callers_that_misbehave_stop_nothing(keystore: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agents, "SECONDS", 0.1)
    with serving(keystore) as path:
        for data in (b"", b"\xff\n", b"[]\n", b"[" * 100_000 + b"\n", b"no end"):
            with (
                socket.socket(socket.AF_UNIX) as caller,
                suppress(ConnectionError),
            ):  # it may be left before it sent all
                caller.connect(str(path))
                caller.sendall(data)
                caller.shutdown(socket.SHUT_WR)
                caller.recv(10)
        monkeypatch.setattr(agents, "SECONDS", 60)
        assert keys.find_agent(keystore, 31337) is not None


@pytest.mark.skipif(not hasattr(socket, "SO_PEERCRED"), reason="the system does not say who is at the other end")
def test_another_user_hears_nothing(keystore: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        talk.check_peer(ours)
        user = os.geteuid()
        monkeypatch.setattr("os.geteuid", lambda: user + 1)
        with pytest.raises(Unavailable, match="another user"):
            talk.check_peer(ours)


def test_a_folder_that_is_not_the_users_alone_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    folder = tmp_path / "fedledger"
    folder.mkdir()
    folder.chmod(0o755)
    with pytest.raises(Unavailable, match="alone"):
        talk.socket_path(tmp_path / "key.json")
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(FedledgerError):
        talk.socket_path(tmp_path / "key.json")
    assert keys.find_agent(tmp_path / "key.json", 1) is None


def test_a_message_that_json_does_not_have_is_malformed() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        with pytest.raises(Malformed):
            talk.send(ours, {"a": object()})
        talk.send(ours, {"a": b"\x01", "b": [2**200]})
        assert talk.receive(theirs) == {"a": b"\x01", "b": [2**200]}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux's limits")
def test_its_memory_is_kept_from_core_files() -> None:
    code = "from ledger.keys.agent import guard_memory; guard_memory()"
    code += "; import resource as r; print(r.getrlimit(r.RLIMIT_CORE))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "(0, 0)\n"


def test_it_signs_a_key_in_and_no_other_text(keystore: Path) -> None:
    own = keys.unlock(keystore, "right")
    text = SignIn("https://audit.example", own.address, 31337, "0f" * 32, 1_800_000_000).text
    with serving(keystore):
        signer = keys.find_agent(keystore, 31337)
        assert signer is not None
        assert signer.sign_in(text) == own.sign_in(text)
        for other in (
            "I owe you everything.",
            text + "\n",
            text.replace("This sends no", "This sends a"),
            text.replace("Chain ID: 31337", "Chain ID: 1"),
            text.replace(own.address, "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
            text.replace("08:05:00Z", "09:05:00Z"),
        ):
            assert other != text
            with pytest.raises(UsageError):
                signer.sign_in(other)
    assert Account.recover_message(encode_defunct(text=text), signature=own.sign_in(text)) == own.address
