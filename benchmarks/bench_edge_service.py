"""A thousand clients behind twenty edges on this machine, 10,000 values each: over HTTP, with signatures and receipts.

Each edge's service is a process of its own, as `fedledger edge run` starts it. Clients share two processes of 16
threads each, with a home, a key and a connection of their own; in the place of training they make a small random
update. Each wave is a job of its own, whose first round collects; after it every edge makes its sum and commits to it.

    python benchmarks/bench_edge_service.py --small
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import measure
import msgspec
import numpy as np

sys.path.insert(0, str(measure.ROOT / "tests"))
sys.path.insert(0, str(measure.ROOT))

CLIENTS, EDGES, WAVES, VALUES = 1000, 20, 3, 10_000
PROCESSES, THREADS = 2, 16
MILLISECONDS, MEMORY, GROWTH = 30.0, 200.0, 1.1
PATIENCE = 300.0


def key_of(number: int) -> Any:
    """The key of a client, the same every time."""
    from eth_account import Account

    from ledger.formats.digest import sha256
    from ledger.keys.signers import LocalSigner

    return LocalSigner(Account.from_key(sha256(b"a client of the benchmark %d" % number)), light=True)


def follow(job: int, folder: Path, urls: Sequence[str], numbers: Sequence[int]) -> dict[str, float]:
    """Let these clients take part in a job's round; seconds of this process's CPU, and the median of a client's."""
    from support.consortia.edge_services import Sketch

    from ledger.config import Home
    from participant.edge.client.follow import ClientGoal, EdgeClient
    from participant.edge.client.home import ClientHome
    from participant.edge.client.road import EdgeRoad

    def one(number: int) -> float:
        began, signer = time.perf_counter(), key_of(number)
        home, road = ClientHome(Home(folder / f"client{number}")), EdgeRoad(urls[number % len(urls)])
        training, goal = Sketch(home, signer), ClientGoal(rounds=1, job=job)
        client = EdgeClient(home, signer.address, road, training, lambda *_, **__: None, goal=goal, poll=0.5)
        client.run()
        road.close()
        assert len(client.receipts) == 1
        return time.perf_counter() - began

    with ThreadPoolExecutor(THREADS) as pool:
        seconds = list(pool.map(one, numbers))
    return {"cpu": time.process_time(), "median": measure.median(seconds)}


class Stage:
    """A consortium of edges, their services, and jobs that name them."""

    def __init__(self, folder: Path, stack: ExitStack, clients: int, edges: int) -> None:
        from demo.consortium import found
        from ledger.events.records import Role
        from ledger.party.connection import Connection

        self.folder, self.clients, self.edges = folder, clients, edges
        names = [f"Edge {number}" for number in range(edges)]
        self.local = found(
            folder / "consortium", "Edges", [(name, Role.PARTICIPANT | Role.AGGREGATOR) for name in names]
        )
        stack.callback(self.local.stop)
        self.residents = [self.local.residents[name] for name in names]
        self.connections = [stack.enter_context(Connection.open(one.home)) for one in self.residents]
        self.senders = [
            connection.sender(one.signer) for connection, one in zip(self.connections, self.residents, strict=True)
        ]
        for connection in self.connections:
            connection.refresh()
        self._layout()
        self.services = list(self._serve(stack))

    def _layout(self) -> None:
        from ledger.formats.artifact import Layout, Tensor
        from ledger.formats.edges.members import EdgeMembers
        from ledger.jobs.hierarchy import Hierarchy
        from ledger.party.pins import members_pin
        from ledger.rounds.facts import initial_binding
        from participant.edge.collected import EdgeFolder

        self.tensors = (Tensor("weight", (VALUES,)),)
        layout = Layout(self.tensors)
        self.initial = np.random.default_rng(1).integers(-(1 << 24), 1 << 24, VALUES).astype("<i4")
        self.model = layout.header(initial_binding()) + self.initial.tobytes()
        named = {}
        for index, resident in enumerate(self.residents):
            keys = [key_of(number).address for number in range(index, self.clients, self.edges)]
            listed = EdgeMembers.of(keys)
            EdgeFolder(resident.home.folder).make()
            for connection in self.connections:
                connection.put([listed.encode()], members_pin(listed.digest), expected=listed.cid)
            named[str(index)] = listed.digest.hex()
        for connection in self.connections:
            connection.put([self.model], "initial")
        self.hierarchy = Hierarchy(edges=named, min_children=2, max_children=1024, check="children")

    def _serve(self, stack: ExitStack) -> Iterator[Any]:
        from demo.process import Fedledger

        for resident in self.residents:
            words: list[str | Path] = ["edge", "run", "--port", "0", "--rate", "0", "--poll", "0.5", "--json"]
            words += ["--uploads", "16", "--home", resident.home.folder, "--passphrase-file", resident.passphrase_file]
            process = Fedledger(resident.name, words, self.folder / "log" / f"{resident.name}.log")
            stack.callback(process.stop)
            yield process

    def urls(self) -> list[str]:
        """Where the services are, once all of them are up."""
        return [_said(process.log, "started")["url"] for process in self.services]

    def open_round(self, wave: int) -> None:
        """A job, opened by a majority, whose first round collects."""
        from ledger.events.records import Terms
        from ledger.formats.merkle import root_of
        from ledger.formats.unixfs import cid_of
        from ledger.jobs.document import Admission, InitialModel, Job, JobTask
        from ledger.jobs.plain import PLAIN
        from ledger.jobs.privacy import OPEN
        from ledger.jobs.rules import WeightedMean
        from ledger.jobs.scores import NoScoring
        from ledger.jobs.server import NONE

        initial = InitialModel(cid=str(cid_of([self.model])[0]), root=root_of(self.initial.tobytes()).hex(), seed=1)
        job = Job(
            fedledger="job/2",
            name=f"wave {wave}",
            task=JobTask(name="tabular", version="1", code="00" * 32, settings={}),
            tensors=self.tensors,
            initial_model=initial,
            aggregation=WeightedMean(),
            admission=Admission(min_updates=2, max_weight=1_000_000, max_value=1 << 20, max_norm=1 << 30),
            terms=Terms(1, 86_400, 86_400, 86_400, 86_400, 1),
            scoring=NoScoring(),
            hold_out=0,
            privacy=OPEN,
            **PLAIN,
            server=NONE,
            hierarchy=self.hierarchy,
        )
        self.connections[0].put([job.encode()], f"job{wave}")
        for connection in self.connections[1:]:
            connection.put([job.encode()], f"job{wave}")
        terms, model = map(msgspec.structs.astuple, (job.terms, job.model_terms))
        self.senders[0].send("ledger", "proposeJob", job.digest, terms, model)
        for sender in self.senders[1 : self.edges // 2 + 1]:
            sender.send("ledger", "approveJob", wave, job.digest)
        self.senders[0].send("ledger", "openRound", wave)

    def collect(self, wave: int, urls: Sequence[str]) -> dict[str, Any]:
        """All clients take part; seconds, CPU of clients and services, and the services' memory."""
        shares = [list(range(start, self.clients, PROCESSES)) for start in range(PROCESSES)]
        before = [measure.work_of(one._process.pid) for one in self.services]
        began = time.perf_counter()
        ordered = [
            json.dumps({"job": wave, "folder": str(self.folder / "clients"), "urls": list(urls), "numbers": share})
            for share in shares
        ]
        running = [
            subprocess.Popen([sys.executable, __file__, "--clients"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            for _ in ordered
        ]
        said = []
        for process, order in zip(running, ordered, strict=True):
            assert process.stdin is not None
            process.stdin.write(order.encode())
            process.stdin.close()
        for process in running:
            assert process.stdout is not None
            told = process.stdout.read().splitlines()
            if process.wait() or not told:
                raise RuntimeError(f"clients ended with {process.returncode}, and said {told[-1:]}")
            said.append(json.loads(told[-1]))
        seconds = time.perf_counter() - began
        work = sum(measure.work_of(one._process.pid) for one in self.services) - sum(before)
        return {
            "seconds": seconds,
            "service": work,
            "client": sum(one["cpu"] for one in said),
            "median": measure.median([one["median"] for one in said]),
            "memory": max(measure.high_water(str(one._process.pid)) for one in self.services) / 1e6,
        }

    def commit(self, wave: int) -> float:
        """Every edge makes its sum and commits to it; the median of a sum's seconds."""
        from ledger.formats.claims import UpdateOpening, commitment
        from ledger.rounds.facts import RoundFacts
        from participant.node.edge import EdgeUpdates

        seconds = []
        for connection, sender in zip(self.connections, self.senders, strict=True):
            state = connection.refresh().jobs[wave]
            assert state.current is not None
            facts = RoundFacts.of(connection.place, state, connection.document(state), state.current)
            began = time.perf_counter()
            made = EdgeUpdates(connection, sender.address).prepare(facts, connection.time())
            seconds.append(time.perf_counter() - began)
            assert isinstance(made, UpdateOpening)
            assert made.weight == 10 * (self.clients // self.edges)
            sender.send("ledger", "commitUpdate", wave, 1, commitment(facts.name, made))
        assert len(self.connections[0].refresh().jobs[wave].rounds[1].commitments) == self.edges
        return measure.median(seconds)


def _said(log: Path, action: str) -> dict[str, Any]:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        lines = [line for line in log.read_text().splitlines() if line.startswith("{")] if log.exists() else []
        found = [one for one in map(json.loads, lines) if one.get("action") == action]
        if found:
            return dict(found[-1])
        time.sleep(0.1)
    raise RuntimeError(f"the service does not come up: {log.read_text()[-500:]}")


def worker(clients: int, edges: int, waves: int) -> None:
    """All waves, each with what it took, as JSON."""
    with tempfile.TemporaryDirectory(prefix="bench-edge-service-") as made, ExitStack() as stack:
        stage = Stage(Path(made), stack, clients, edges)
        urls, told = stage.urls(), []
        for wave in range(1, waves + 1):
            stage.open_round(wave)
            told.append(stage.collect(wave, urls) | {"sum": stage.commit(wave)})
        print(json.dumps(told))


def run() -> list[measure.Row]:
    clients, edges = measure.sized(CLIENTS, 20), measure.sized(EDGES, 4)
    waves = measure.alone("bench_edge_service", clients, edges, measure.sized(WAVES, 1))
    later = waves[1:] or waves
    seconds = measure.median([one["seconds"] for one in later])
    service = 1e3 * measure.median([one["service"] for one in later]) / clients
    client = 1e3 * measure.median([one["client"] for one in later]) / clients
    summed, memory = 1e3 * measure.median([one["sum"] for one in later]), waves[-1]["memory"]
    growth = memory / waves[0]["memory"]
    size = f"{clients:,} clients behind {edges} edges over HTTP, 10 k values"
    shared = (
        f"clients share {PROCESSES} processes of {THREADS} threads; {len(waves)} waves; load {os.getloadavg()[0]:.0f}"
    )
    return [
        measure.row(f"edge service: {size}, until all have receipts", "", seconds, "s", None, shared),
        measure.row(
            "edge service: … CPU of a service for a client",
            f"≤ {MILLISECONDS:.0f}",
            service,
            "ms",
            service <= MILLISECONDS,
            f"a client's own: {client:.0f} ms, without training",
        ),
        measure.row(
            "edge service: … peak memory of a service",
            f"≤ {MEMORY:.0f}",
            memory,
            "MB",
            memory <= MEMORY,
            f"{os.cpu_count()} cores for chain, services and clients together",
        ),
        measure.row(
            "edge service: … after the last wave, times the first", f"≤ {GROWTH}", growth, "", growth <= GROWTH
        ),
        measure.row(f"edge service: … a sum of {clients // edges} clients, made and kept", "", summed, "ms", None),
    ]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(*map(int, sys.argv[2:]))
    elif sys.argv[1:2] == ["--clients"]:
        order = json.loads(sys.stdin.read())
        print(json.dumps(follow(order["job"], Path(order["folder"]), order["urls"], order["numbers"])))
    else:
        if "--small" in sys.argv:
            os.environ[measure.SMALL] = "1"
        measure.show(run())
