"""Reading a ledger's whole log from an empty index: 100,000 events of ten members' rounds, over HTTP from a node that
has its answers ready. Decoded strictly, kept in SQLite under a running digest, and folded into the history.
"""

import http.server
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import measure
import msgspec

sys.path.insert(0, str(measure.ROOT / "tests"))

from support.worlds.chain import ADDRESSES, CHAIN, FOUNDING_BLOCK, Chain, block_hash
from support.worlds.logged import log_of
from support.worlds.world import TERMS

from ledger import config
from ledger.chain.client import Client
from ledger.chain.rpc import Rpc
from ledger.events.records import AnyEvent, Event, Form, ModelTerms
from ledger.formats.claims import Claimed
from ledger.formats.digest import NOTHING, sha256
from ledger.history.fold import History
from ledger.history.foundation import foundation_of
from ledger.index import Index

EVENTS, MEMBERS, RUNS = 100_000, 10, 3
MUST = 20_000
"""Events a second."""


class Unsigned(Chain):
    """A ledger of which only the log is asked: its events have no transactions."""

    def emit(self, kind: type[Event], /, **fields: Any) -> Event:
        block = len(self.events) + 1
        event = kind(block=block, log=0, tx=sha256(b"%d" % block), leaf=block_hash(block), **fields)
        self.history.apply(event)
        self.events.append(event)
        return event


def played(events: int) -> list[AnyEvent]:
    """Honest rounds: all members commit, one opens their updates and one publishes, a majority and one more attest."""
    chain = Unsigned(MEMBERS)
    terms = msgspec.structs.replace(TERMS, rounds=events // MEMBERS)
    chain.approve(sha256(b"job"), terms, ModelTerms(sha256(b"root"), 10_000, 0, 0, 2, 1_000, 1 << 20, 1 << 28, True))
    while len(chain.events) < events:
        chain.start_round()
        openings = [chain.opening(member, 100, sha256(b"root"), sha256(b"cid")) for member in range(MEMBERS)]
        for opening in openings:
            chain.commit_update(opening)
        chain.open_updates(openings)
        base = chain.state.base
        as_of, head = chain.block, chain.history.head_at(chain.block)
        claimed = Claimed(
            base,
            sha256(b"made"),
            sha256(b"cid"),
            as_of,
            block_hash(as_of),
            head,
            sha256(b"receipts"),
            NOTHING,
            bytes(MEMBERS),
        )
        claim = chain.publish_claim(0, claimed).claim
        for member in range(1, MEMBERS // 2 + 2):
            chain.say(member, Form.AGREE, claim, sha256(b"witness"))
    return chain.events[:events]


def answers(events: Sequence[AnyEvent]) -> list[str]:
    """The log of each event, as nodes send it: event number i is alone in block i + 1."""
    logs = []
    for event in events:
        log = log_of(event, ADDRESSES)
        shown = {
            "address": "0x" + log.contract.hex(),
            "topics": ["0x" + topic.hex() for topic in log.topics],
            "data": "0x" + log.data.hex(),
            "blockNumber": hex(log.block),
            "blockHash": "0x" + block_hash(log.block).hex(),
            "transactionHash": "0x" + log.tx.hex(),
            "transactionIndex": "0x0",
            "logIndex": "0x0",
            "removed": False,
        }
        logs.append(json.dumps(shown))
    return logs


class Node(http.server.BaseHTTPRequestHandler):
    """Answers `eth_getLogs` and blocks from `logs`."""

    protocol_version = "HTTP/1.1"
    logs: Sequence[str] = ()

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = f'{{"jsonrpc":"2.0","id":{asked["id"]},"result":{self.result(**asked)}}}'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def result(self, method: str, params: list[Any], **_: Any) -> str:
        if method == "eth_getLogs":
            first, last = (int(params[0][end], 16) for end in ("fromBlock", "toBlock"))
            return f"[{','.join(self.logs[max(first, 1) - 1 : last])}]"
        number = len(self.logs) if params[0] == "latest" else int(params[0], 16)
        parent, own = (f"0x{block_hash(one).hex()}" for one in (number - 1, number))
        return json.dumps({"number": hex(number), "hash": own, "parentHash": parent, "timestamp": hex(12 * number)})

    def log_message(self, *_: Any) -> None:
        pass


def serve(logs: list[str], told: Connection) -> None:
    """A node, until it is ended."""
    Node.logs = logs
    server = http.server.HTTPServer(("127.0.0.1", 0), Node)
    told.send(server.server_address[1])
    server.serve_forever()


def network(port: int) -> config.Network:
    """The network file of the ledger that was played."""
    contracts = {name: config.Contract(address, "0x" + "00" * 32) for name, address in ADDRESSES.items()}
    founding = config.Founding(
        FOUNDING_BLOCK, "0x" + block_hash(FOUNDING_BLOCK).hex(), Unsigned(MEMBERS).foundation.members
    )
    chain = config.Chain(CHAIN, f"http://127.0.0.1:{port}")
    return config.Network("network/1", "benchmark", chain, founding, config.Contracts(**contracts))


def worker(port: str) -> None:
    """Read the whole log in this process, and print the seconds of each part, and the memory that it took."""
    known = network(int(port))
    with tempfile.TemporaryDirectory() as folder:
        index, client = Index(Path(folder) / "index.sqlite"), Client(known, Rpc(known.chain.rpc))
        began = time.perf_counter(), time.process_time()
        changes = index.sync(client)
        read = time.perf_counter()
        history = History(foundation_of(known), changes.added)
        ended = time.perf_counter(), time.process_time()
        index.close()
    if history.applied != EVENTS:
        raise RuntimeError(f"{history.applied} of {EVENTS} events were read")
    whole, processor = (after - before for before, after in zip(began, ended, strict=True))
    found = {"seconds": whole, "fold": ended[0] - read, "processor": processor, "memory": measure.peak_memory()}
    print(json.dumps(found))


def run() -> list[measure.Row]:
    context = multiprocessing.get_context("spawn")
    told, tells = context.Pipe(duplex=False)
    node = context.Process(target=serve, args=(answers(played(EVENTS)), tells), daemon=True)
    node.start()
    try:
        port = told.recv()
        found = [measure.alone("bench_index", port) for _ in range(RUNS)]
    finally:
        node.terminate()
        node.join()
    rate = measure.median([EVENTS / one["seconds"] for one in found])
    part, memory, processor = (measure.median([one[what] for one in found]) for what in ("fold", "memory", "processor"))
    note = f"{part:.1f} s of it folding; {processor:.1f} s of processor time, {memory:.0f} MB above the interpreter"
    work = f"index: {EVENTS:,} events from an empty file, folded"
    return [measure.row(work, f"≥ {MUST:,}", rate, "events/s", rate >= MUST, note)]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(sys.argv[2])
    else:
        measure.show(run())
