"""A chain's node that means harm: every answer ends in time, and none is a defect of ours."""

import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event

import pytest
from support.content.holders import Server

from ledger.chain.rpc import AnswerTooLarge, Rpc
from ledger.errors import FedledgerError, Unavailable, UsageError
from ledger.http.answers import Answer, is_bulky

TESTS = Path(__file__).parents[2]
HEAD = b'{"jsonrpc":"2.0","id":1,"result":'


@pytest.mark.parametrize(
    "body",
    [
        HEAD + b"[" * 200_000,
        HEAD + b'{"a":' * 100_000,
        HEAD + b"1" * 5000 + b"}",
        HEAD + b"null}",
        HEAD + b"[1]}",
        HEAD + b'"0x' + b"f" * 5000 + b'z"}',
        b'{"jsonrpc":"2.0","id":{},"result":"0x1"}',
        b'{"jsonrpc":"2.0","id":1,"error":"\x1b[31m"}',
        b"\xff\xfe",
        b"",
    ],
    ids=["deep", "deep tables", "number", "null", "list", "long", "id", "error", "no text", "nothing"],
)
def test_any_broken_response_of_a_node_is_unavailable(body: bytes) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    with Server(answer) as server:
        rpc = Rpc(server.url)
        with pytest.raises(Unavailable) as caught:
            rpc.chain_id()
        rpc.close()
    assert len(str(caught.value)) < 1000
    assert "\x1b" not in str(caught.value)


SIZE = 32 << 20


@pytest.mark.parametrize(
    "body",
    [
        HEAD + b"[" + b"{}," * (SIZE // 3) + b"{}]}",
        HEAD + b"[" + b"[]," * (SIZE // 3) + b"[]]}",
        HEAD + b"[" + b"1e1," * (SIZE // 4) + b"1]}",
        HEAD + b"[" + b'{"":0},' * (SIZE // 7) + b"0]}",
        HEAD + b'"' + b"a" * SIZE + "\U0001f600".encode() + b'"}',
        HEAD + b'"' + b"a" * SIZE + b'\\ud83d\\ude00"}',
    ],
    ids=["objects", "lists", "numbers", "members", "wide", "escapes"],
)
def test_an_answer_that_would_fill_the_memory_is_not_read(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the ceiling in bytes, each would take up to 30 times that."""
    rpc = Rpc("http://127.0.0.1:1")
    monkeypatch.setattr(rpc, "_ask", lambda _: Answer(200, {}, body))
    monkeypatch.setattr(rpc, "_decode", None)
    with pytest.raises(AnswerTooLarge, match="too large"):
        rpc.call("eth_getLogs")
    rpc.close()


def test_a_large_answer_of_long_texts_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    rpc = Rpc("http://127.0.0.1:1")
    monkeypatch.setattr(rpc, "_ask", lambda _: Answer(200, {}, HEAD + b'"0x' + b"0" * SIZE + b'"}'))
    assert len(rpc.call("eth_getCode")) == 2 + SIZE
    rpc.close()


def test_receipts_as_large_as_an_answer_may_be_are_read() -> None:
    """Anyone may fill a block with logs without data, and what follows on it must still be proved."""
    log = {"address": "0x" + "a" * 40, "topics": [], "data": "0x", "blockNumber": "0x10d4f", "logIndex": "0x1ffff"}
    log |= {"transactionHash": "0x" + "b" * 64, "transactionIndex": "0x0", "blockHash": "0x" + "c" * 64}
    one = json.dumps(log | {"removed": False}, separators=(",", ":")).encode() + b","
    assert not is_bulky(HEAD + b"[" + one * (2 * SIZE // len(one)) + b"0]}")


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'[{"id":1,"result":"0x1"}]',
        b'[{"id":1,"result":"0x1"},{"id":1,"result":"0x2"}]',
        b'[{"id":1,"result":"0x1"},{"id":2,"error":{"code":-1,"message":"no"}}]',
        b'{"id":1,"error":{"code":-32600,"message":"no batches"}}',
        b'{"id":1,"result":"0x1"}',
        b"[" * 9 + b"1" + b"]" * 9,
        b'"text"',
    ],
)
def test_any_broken_response_to_a_batch_is_unavailable(body: bytes) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    with Server(answer) as server:
        rpc = Rpc(server.url)
        assert rpc.batch_of("eth_chainId", []) == []
        with pytest.raises(Unavailable):
            rpc.batch_of("eth_chainId", [(), ()])
        rpc.close()


@pytest.mark.parametrize("said", ["", "0x", "0x0", "-0x1", "0x1_0", " 0x1", "0x1" + "0" * 16, "31337", "zz", "\uff11"])
def test_a_nonsense_chain_id_is_a_node_that_cannot_be_used(said: str) -> None:
    """Exit code 3: nobody asked for a wrong chain."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "result": said}).encode()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    with Server(answer) as server:
        rpc = Rpc(server.url)
        with pytest.raises(Unavailable, match="does not say which chain"):
            rpc.chain_id()
        rpc.close()


def test_a_deep_response_is_refused_under_any_recursion_limit() -> None:
    """web3's libraries raise it. In a process of its own: an overflow would end only that."""
    code = """
import sys, threading, web3
from support.content.holders import Server
from ledger.chain.rpc import Rpc
from ledger.errors import Unavailable
assert sys.getrecursionlimit() > 10_000, "web3 is tame now: this test can go"
def answer(handler):
    body = b'{"id":1,"result":' + b'[' * 1_000_000
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
with Server(answer) as server:
    try:
        Rpc(server.url).call("eth_chainId")
    except Unavailable as error:
        print("refused:", error.message)
"""
    environment = os.environ | {"PYTHONPATH": str(TESTS)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert "refused: the chain's node did not answer in JSON-RPC" in done.stdout, done.stderr[-500:]


@pytest.mark.parametrize("where", ["headers", "body"])
def test_drips_end(where: str) -> None:
    stop = Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: " if where == "headers" else b"HTTP/1.1 200 OK\r\n\r\n")
        while not stop.wait(0.02):
            try:
                handler.wfile.write(b"x")
            except OSError:
                return

    with Server(drip) as server:
        rpc = Rpc(server.url, timeout=0.1)
        with pytest.raises(Unavailable, match="cannot be reached"):
            rpc.call("eth_blockNumber")
        stop.set()
        rpc.close()


@pytest.mark.parametrize(
    "url", ["http://[", "http://h:99999", "http://h:x", "http://a..b", "http://h/é", "http://h/\x1b", "http://h:0", ""]
)
def test_an_address_that_cannot_be_is_wrong_usage(url: str) -> None:
    with pytest.raises(UsageError, match="chain's address"):
        Rpc(url)


def test_impossible_logs_are_malformed_and_not_a_defect() -> None:
    from ledger.chain.logs import LogReader

    log = dict.fromkeys(("address", "data", "blockNumber", "blockHash", "transactionHash", "logIndex"), "0x" + "1" * 40)
    cases: list[object] = [{}, [1], [{}], [log], [{**log, "topics": []}], [{**log, "topics": ["0x"] * 99}], "0x", None]
    for case in cases:
        reader = LogReader(_Saying(case), {"consortium": log["address"], "ledger": "0x" + "2" * 40})  # type: ignore[arg-type]
        with pytest.raises(FedledgerError):
            list(reader.read(1, 2))


@pytest.mark.parametrize(
    "change",
    [{"number": hex(1 << 63)}, {"number": "-0x1"}, {"timestamp": hex(1 << 70)}, {"hash": "0x"}, {"parentHash": "0x11"}],
)
def test_a_block_that_cannot_be_is_a_node_that_cannot_be_used(change: dict[str, str]) -> None:
    from ledger.chain.node import ChainNode

    honest = {"number": "0x10", "hash": "0x" + "11" * 32, "parentHash": "0x" + "22" * 32, "timestamp": "0x64"}
    assert ChainNode(_Saying(honest)).latest().number == 16  # type: ignore[arg-type]
    with pytest.raises(Unavailable, match="not a block"):
        ChainNode(_Saying(honest | change)).latest()  # type: ignore[arg-type]


class _Saying:
    url = "http://hostile"

    def __init__(self, answer: object) -> None:
        self._answer = answer

    def call(self, *_: object) -> object:
        return self._answer
