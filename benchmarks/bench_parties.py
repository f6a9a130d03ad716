"""Rounds of many parties on this machine, 10,000 values each: seconds on the wall, CPU and memory of a node.

Each node is a process of its own with its own key, data and store, forked from one that has imported torch; one
aggregator, no scores. The first round warms up and is not counted.

    python benchmarks/bench_parties.py 4 12 --rounds 3
"""

import argparse
import csv
import json
import sys
import tempfile
import time
import tomllib
from contextlib import ExitStack
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import measure
import msgspec
import tomli_w

from demo.consortium import LocalConsortium, Resident, found
from demo.process import Fedledger
from demo.standstill import Standstill
from ledger.chain.sender import Sender
from ledger.config import GatewaySettings, HomeSettings, save
from ledger.events.records import Role
from ledger.history.state import Phase
from ledger.jobs.document import Job, parse
from ledger.party.connection import Connection
from ledger.party.pins import job_pin
from participant.examples.breast_cancer import patients

FEW, MANY, ROUNDS = 4, 100, 3
WALL, GROWTH = 40.0, 1.5
ROWS, HIDDEN = 40, 303
"""303 hidden units make 10,001 values."""
PATIENCE = 600.0
"""Seconds in which nothing at all happens, after which a run is given up."""
COORDINATOR = "Coordinator"
TERMS = {"update_seconds": 600, "open_seconds": 600, "aggregate_seconds": 600, "attest_seconds": 600, "attempts": 3}


def rounds_of(parties: int, rounds: int) -> dict[str, float]:
    """One run: the median of a round's seconds, of a node's CPU, and of the aggregator's, in a round; a node's memory
    in MB after the last one.
    """
    names = [f"Party {number}" for number in range(1, parties + 1)]
    with tempfile.TemporaryDirectory(prefix="bench-parties-") as made, ExitStack() as stack:
        folder = Path(made)
        members = [(COORDINATOR, Role.AGGREGATOR), *((name, Role.PARTICIPANT) for name in names)]
        local = found(folder / "consortium", "Many parties", members)
        stack.callback(local.stop)
        for place, name in enumerate(names):
            _give_data(local.residents[name], place)
        job = _job(local, folder, names[0], parties, rounds)
        processes = {name: _start(stack, local, name, "node", folder) for name in names}
        processes[COORDINATOR] = _start(stack, local, COORDINATOR, "aggregator", folder)
        with Connection.open(local.residents[names[0]].home) as connection:
            _agree(connection, local, job)
        with Connection.visit(local.network, folder / "observer") as connection:
            return _watch(connection, processes, rounds)


def _give_data(resident: Resident, place: int) -> None:
    """Some of the patients, others for each party."""
    measurements, diagnoses = patients()
    path = resident.home.folder / "data.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*_draft()["task"]["settings"]["columns"], "diagnosis"])
        for row in range(ROWS):
            patient = (place * ROWS + row) % len(diagnoses)
            writer.writerow([*measurements[patient], diagnoses[patient]])
    save(resident.home.settings_file, HomeSettings(name=resident.name, data=str(path), gateway=GatewaySettings()))


def _draft() -> dict[str, Any]:
    """The example of breast cancer."""
    return tomllib.loads((files("participant.examples") / "breast_cancer.toml").read_text())


def _job(local: LocalConsortium, folder: Path, author: str, parties: int, rounds: int) -> Job:
    draft, path = folder / "draft.toml", folder / "job.json"
    wanted = _draft()
    wanted["task"]["settings"] |= {"hidden": [HIDDEN], "epochs": 1}
    wanted["admission"]["min_updates"], wanted["hold_out"] = parties, 0
    wanted["terms"] = TERMS | {"rounds": rounds}
    draft.write_text(tomli_w.dumps(wanted))
    home = local.residents[author].home.folder
    measure.result_of([measure.FEDLEDGER, "job", "create", draft, "--output", path, "--home", home, "--json"])
    return parse(path.read_bytes())


def _start(stack: ExitStack, local: LocalConsortium, name: str, role: str, folder: Path) -> Fedledger:
    resident = local.residents[name]
    words: list[str | Path] = [
        role,
        "run",
        "--home",
        resident.home.folder,
        "--passphrase-file",
        resident.passphrase_file,
    ]
    process = Fedledger(name, words, folder / "logs" / f"{name}.log", warm=True)
    stack.callback(process.stop)
    return process


def _agree(connection: Connection, local: LocalConsortium, job: Job) -> None:
    """The first party proposes the job, and a majority approves it."""
    residents = list(local.residents.values())[1:]
    connection.refresh()
    connection.put([job.encode()], job_pin(job.digest))
    for place, resident in enumerate(residents[: (len(residents) + 1) // 2 + 1]):
        sender = Sender(connection.client, resident.signer, resident.home.outbox)
        if place == 0:
            terms, model = (msgspec.structs.astuple(part) for part in (job.terms, job.model_terms))
            sender.send("ledger", "proposeJob", job.digest, terms, model)
        else:
            sender.send("ledger", "approveJob", 1, job.digest)


def _watch(connection: Connection, processes: dict[str, Fedledger], rounds: int) -> dict[str, float]:
    """Sample each process at the end of each round."""
    ends: list[tuple[float, dict[str, float]]] = []
    patience = Standstill(PATIENCE, lambda: connection.refresh().applied)
    while len(ends) < rounds:
        for process in processes.values():
            process.check()
        patience.check("the rounds do not go on")
        jobs = connection.history.jobs
        over = [one for one in (jobs[1].rounds.values() if jobs else ()) if one.phase.terminal]
        if any(one.phase is not Phase.FINALISED for one in over):
            raise RuntimeError("a round ended without a model")
        if len(over) > len(ends):
            ends.append((time.perf_counter(), {name: one.signs()[1] for name, one in processes.items()}))
        time.sleep(0.05)
    nodes = [one for name, one in processes.items() if name != COORDINATOR]
    return _medians(ends) | {"memory": sum(measure.memory_of(one.pid) for one in nodes) / len(nodes)}


def _medians(ends: list[tuple[float, dict[str, float]]]) -> dict[str, float]:
    walls, nodes, aggregators = [], [], []
    for (before, was), (after, now) in pairwise(ends):
        used = {name: now[name] - was[name] for name in now}
        aggregators.append(used.pop(COORDINATOR))
        walls.append(after - before)
        nodes.append(sum(used.values()) / len(used))
    return {"wall": measure.median(walls), "node": measure.median(nodes), "aggregator": measure.median(aggregators)}


def run() -> list[measure.Row]:
    few, many = (measure.alone("bench_parties", parties, ROUNDS) for parties in (FEW, MANY))
    growth = many["node"] / few["node"]
    return [
        measure.row(
            f"a round of {MANY} nodes, 10,000 values",
            f"≤ {WALL:.0f}",
            many["wall"],
            "s",
            many["wall"] <= WALL,
            f"{FEW} nodes: {few['wall']:.1f} s; CPU of the aggregator {many['aggregator']:.1f} s",
        ),
        measure.row(
            f"… CPU of a node, as a ratio to that of {FEW} nodes",
            f"≤ {GROWTH}",
            growth,
            "×",
            growth <= GROWTH,
            f"{many['node']:.2f} s against {few['node']:.2f} s",
        ),
        measure.row(
            "… memory of a node, its trainer included",
            "",
            many["memory"],
            "MB",
            None,
            f"{FEW} nodes: {few['memory']:.0f} MB; of what processes share, each its part",
        ),
    ]


def _main() -> None:
    if "--worker" in sys.argv:
        parties, rounds = map(int, sys.argv[-2:])
        print(json.dumps(rounds_of(parties, rounds)))
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("parties", type=int, nargs="*", default=[FEW, MANY])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    for parties in given.parties:
        found_: dict[str, Any] = measure.alone("bench_parties", parties, given.rounds)
        print(f"{parties:4} nodes: " + ", ".join(f"{name} {value:.2f}" for name, value in found_.items()))


if __name__ == "__main__":
    _main()
