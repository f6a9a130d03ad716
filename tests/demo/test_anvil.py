"""The local chain comes up alone, keeps its state, says why it cannot start, and leaves nothing behind."""

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from demo import anvil as module
from demo.anvil import Anvil
from ledger.chain.rpc import Rpc
from ledger.errors import Unavailable, UsageError

LATE = """import http.server, json, pathlib, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
named = lambda option: sys.argv[sys.argv.index(option) + 1]
asked = []

def save(*_):
    pathlib.Path(named("--state")).write_text("the state")
    sys.exit(0)

class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        number = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["id"]
        asked.append(number)
        if len(asked) == 3:
            signal.signal(signal.SIGINT, save)
        answer = json.dumps({"jsonrpc": "2.0", "id": number, "result": hex(31337)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass

with http.server.HTTPServer(("127.0.0.1", int(named("--port"))), Handler) as server:
    pathlib.Path(named("--config-out")).write_text("{}")
    server.serve_forever()
"""
"""A node that saves nothing if it is interrupted before it answered three times, as the real one for a moment."""


def ask(node, method, *parameters):
    rpc = Rpc(node.url)
    try:
        return rpc.call(method, *parameters)
    finally:
        rpc.close()


def is_alive(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def until(condition, seconds=150):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def test_it_is_a_free_chain_on_loopback(anvil):
    assert anvil.url.startswith("http://127.0.0.1:")
    assert ask(anvil, "eth_accounts") == []
    assert int(ask(anvil, "eth_chainId"), 16) == 31337
    assert int(ask(anvil, "eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16) == 0
    listening = Path("/proc/net/tcp").read_text().split("\n")[1:]
    places = [line.split()[1] for line in listening if line and line.split()[3] == "0A"]
    assert [place for place in places if place.endswith(f":{anvil.port:04X}")] == [f"0100007F:{anvil.port:04X}"]


def test_its_state_outlives_it(tmp_path, fresh_anvil):
    state = tmp_path / "deep" / "chain" / "state.json"
    with Anvil.start(state=state) as node:
        ask(node, "anvil_mine", hex(5))
        block = ask(node, "eth_getBlockByNumber", "0x3", False)["hash"]
    with Anvil.start(state=state) as node:
        assert ask(node, "eth_getBlockByNumber", "0x3", False)["hash"] == block


def take_for_anvil(monkeypatch, folder, command):
    """Have a command started in the place of anvil, with its arguments; paths may have spaces."""
    program = folder / "anvil"
    program.write_text(f'#!/bin/sh\n{command} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv(module.BINARY_VARIABLE, str(program))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells what a process catches")
def test_a_node_that_is_stopped_at_once_has_saved_its_state(monkeypatch, tmp_path):
    program, state = tmp_path / "late.py", tmp_path / "state.json"
    program.write_text(LATE)
    take_for_anvil(monkeypatch, tmp_path, f"exec {shlex.join([sys.executable, str(program)])}")
    Anvil.start(state=state).stop()
    assert state.read_text() == "the state"


def test_after_a_restart_a_contract_sees_the_latest_blocks_hash(tmp_path):
    state = tmp_path / "state.json"
    with Anvil.start(state=state) as node:
        ask(node, "anvil_mine", hex(3))
    with Anvil.start(state=state) as node:
        latest = ask(node, "eth_getBlockByNumber", "latest", False)
        ask(node, "evm_mine")
        # Returns a zero and BLOCKHASH(number): code, as which it counts here, must not begin with 0xEF, as a hash may.
        code = "0x7f" + latest["number"][2:].rjust(64, "0") + "40602052" + "6021601ff3"
        assert ask(node, "eth_call", {"data": code}, "latest") == "0x00" + latest["hash"][2:]


def test_a_consortium_outlives_its_chain(tmp_path, found):
    from ledger.chain.client import Client
    from ledger.index import Follower, Index

    state = tmp_path / "state.json"
    with Anvil.start(state=state) as node:
        consortium = found(url=node.url)
        job = consortium.open_job()
        before = Follower(consortium.client, Index(None)).refresh()
    with Anvil.start(node.port, state=state), Client.connect(consortium.network) as client:
        after = Follower(client, Index(None)).refresh()
        assert (after.jobs, after.members) == (before.jobs, before.members)
        consortium.send(0, "ledger", "openRound", job)


def test_a_taken_port_is_named():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Unavailable, match="taken") as caught:
            Anvil.start(port)
    assert caught.value.facts["port"] == port
    assert "--port" in caught.value.advice


def test_a_second_node_on_its_port_is_refused(anvil):
    with pytest.raises(Unavailable, match="taken"):
        Anvil.start(anvil.port)


def test_another_node_that_answers_at_the_port_is_not_taken_for_the_own_one(anvil, monkeypatch, tmp_path):
    free, ports = module._free_port(), iter([anvil.port])
    monkeypatch.setattr(module, "_free_port", lambda: next(ports, free))
    monkeypatch.setattr(module, "_is_free", lambda _port: True)  # as it was a moment ago
    take_for_anvil(monkeypatch, tmp_path, f"sleep 0.5\nexec {shlex.quote(str(module.find_binary()))}")
    with Anvil.start() as node:
        assert node.port == free
        assert int(ask(node, "eth_blockNumber"), 16) == 0


def test_blocks_come_at_a_pace():
    with Anvil.start(block_time=0.1) as node:
        assert until(lambda: int(ask(node, "eth_blockNumber"), 16) >= 2)


def test_a_node_that_died_is_unavailable_with_its_last_words(tmp_path):
    (tmp_path / "state.json").write_text("{ not a state")
    with pytest.raises(Unavailable, match=r"has ended: .*state"):
        Anvil.start(state=tmp_path / "state.json")


def test_a_node_that_was_killed_is_noticed(fresh_anvil):
    fresh_anvil.check()
    os.kill(fresh_anvil.pid, signal.SIGKILL)
    with pytest.raises(Unavailable, match="has ended") as caught:
        until(fresh_anvil.check)
    assert caught.value.facts["exit_status"] == -signal.SIGKILL


def test_stopping_twice_is_fine():
    node = Anvil.start()
    node.stop()
    node.stop()
    assert not is_alive(node.pid)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a child of its parent's end")
def test_a_killed_program_leaves_no_node_and_no_lost_state(tmp_path):
    state = tmp_path / "state.json"
    code = (
        "import sys, time; from pathlib import Path; from demo.anvil import Anvil;"
        "node = Anvil.start(state=Path(sys.argv[1])); print(node.pid, flush=True); time.sleep(60)"
    )
    program = subprocess.Popen([sys.executable, "-c", code, str(state)], stdout=subprocess.PIPE, text=True)
    pid = int(program.stdout.readline())
    assert is_alive(pid)
    program.kill()
    program.communicate()
    assert until(lambda: not is_alive(pid))
    assert state.stat().st_size > 0


def test_without_a_binary_there_is_advice(monkeypatch, tmp_path):
    monkeypatch.delenv(module.BINARY_VARIABLE, raising=False)
    monkeypatch.setattr(module, "__file__", str(tmp_path / "a" / "b" / "c.py"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="not installed") as caught:
        Anvil.start()
    assert "make setup" in caught.value.advice


def test_the_variable_names_the_binary(monkeypatch, tmp_path):
    monkeypatch.setenv(module.BINARY_VARIABLE, str(tmp_path / "anvil"))
    with pytest.raises(UsageError, match="FEDLEDGER_ANVIL does not name a program"):
        module.find_binary()
    (tmp_path / "anvil").write_text("#!/bin/sh\n")
    (tmp_path / "anvil").chmod(0o755)
    assert module.find_binary() == tmp_path / "anvil"
