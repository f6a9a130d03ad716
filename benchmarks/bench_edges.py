"""A thousand simulated clients behind twenty edges, twenty rounds, every update on record: time, memory, gas.

What a client sends is judged by its edge, added up, and read again by everyone who attests the round, here once. The
model is compared with the flat one: the same job simulated as one sum of all clients.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import bench_simulate
import measure

CLIENTS, EDGES, ROUNDS = 1000, 20, 20
MILLISECONDS, MEMORY, GAS = 5.0, 1000.0, 48_000


def worker(clients: int, edges: int, rounds: int) -> None:
    """One simulation in this process, and the same without edges: processor time, memory and gas, as JSON."""
    from participant.simulation.simulation import Simulation, Wanted

    with tempfile.TemporaryDirectory(prefix="bench-edges-") as name:
        folder = Path(name)
        draft, rows = bench_simulate.write(folder)
        draft.write_text(draft.read_text().replace("max_weight = 1000", "max_weight = 100000"))
        asked = {"clients": clients, "partition": "iid", "seed": 1, "exact": False, "device": "cpu"}
        made = Simulation(
            Wanted(draft, (rows,), None, rounds=rounds, ledger="full", folder=folder / "edges", edges=edges, **asked)  # type: ignore[arg-type]
        )
        peaks: list[float] = []
        made.run(lambda _: peaks.append(measure.high_water() / 1e6))
        spent, used = made.seconds, time.process_time()
        document = folder / "job.json"
        document.write_bytes(made.job.encode())
        flat = Simulation(
            Wanted(document, (rows,), None, rounds=rounds, ledger="none", folder=folder / "flat", **asked)  # type: ignore[arg-type]
        )
        flat.run()
        same = [one.model_root for one in made.results.rows] == [one.model_root for one in flat.results.rows]
        facts = {"training": spent.training, "ledger": spent.ledger, "all": used, "same": same, "gas": gas(folder)}
        print(json.dumps({**facts, "peak": peaks[-1], "early": peaks[min(4, len(peaks) - 1)]}))


def gas(folder: Path) -> int:
    """The dearest of the last round's registrations: an edge's commitment and its part of an opening."""
    from ledger.chain.rpc import Rpc
    from ledger.config import Home, HomeSettings, save
    from ledger.party.connection import Connection
    from participant.simulation.registration import chain_state, local_chain

    home = Home(folder / "edges")
    with local_chain(chain_state(home)) as chain:
        save(home.settings_file, HomeSettings(name="simulation", rpc=(chain.url,)))
        rpc = Rpc(chain.url)
        with Connection.open(home) as connection:
            round_ = next(reversed(connection.refresh().jobs[1].rounds.values()))
            used = {tx: _used(rpc, tx) for tx in {made.tx for made in round_.commitments.values()}}
            opened = {one.opening for one in round_.updates.values()}
            opening = sum(_used(rpc, tx) for tx in opened) // len(round_.updates)
        rpc.close()
    return max(used.values()) + opening


def _used(rpc: object, tx: bytes) -> int:
    return int(rpc.call("eth_getTransactionReceipt", "0x" + tx.hex())["gasUsed"], 16)  # type: ignore[attr-defined]


def run() -> list[measure.Row]:
    clock = time.perf_counter()
    spent = measure.alone("bench_edges", str(CLIENTS), EDGES, ROUNDS)
    clock = time.perf_counter() - clock
    each = 1e3 * spent["ledger"] / (CLIENTS * ROUNDS)
    size = f"{CLIENTS:,} clients behind {EDGES} edges × {ROUNDS}, 10 k values"
    return [
        measure.row(
            f"edges: {size}, a client and round besides training, processor time",
            f"≤ {MILLISECONDS:.0f}",
            each,
            "ms",
            each <= MILLISECONDS,
            f"all on record; {clock:.0f} s by the clock with the flat simulation, {spent['all']:.0f} s of processors",
        ),
        measure.row(
            "edges: … peak memory",
            f"≤ {MEMORY:.0f}",
            spent["peak"],
            "MB",
            spent["peak"] <= MEMORY,
            f"after 5 rounds {spent['early']:.0f} MB",
        ),
        measure.row(
            "edges: … every model is the flat one, bit for bit", "yes", float(spent["same"]), "", bool(spent["same"])
        ),
        measure.row(
            "edges: … an edge's update with its opening",
            f"≤ {GAS:,}",
            spent["gas"],
            "gas",
            spent["gas"] <= GAS,
            f"{spent['gas'] * EDGES / CLIENTS:,.0f} gas a client and round",
        ),
    ]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(*map(int, sys.argv[2:]))
    else:
        measure.show(run())
