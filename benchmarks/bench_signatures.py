"""Auditing 10,000 small updates of ten members: what the signatures cost, heads, receipts and transactions together.

By the clock and in memory: a chain's node has to serve the transactions, too. The audit without signatures is the same
one again, of which each signature was checked before. The larger the updates, the less do signatures matter.
"""

import json
import statistics
import sys
import time
from collections.abc import Iterable
from typing import Any

import measure
import msgspec

sys.path.insert(0, str(measure.ROOT / "tests"))

from support.worlds.chain import ADDRESSES, CHAIN
from support.worlds.world import EVERYTHING, READ, TERMS, World

from ledger.audit import Audit, scope_of
from ledger.audit.signed import signing
from ledger.chain.evidence.fetch import ChainWitness
from ledger.events.evidence import Said, SignedStatement, Witness
from ledger.events.haves import signer_of
from ledger.events.rounds import Form
from ledger.formats.artifact import Tensor

MEMBERS, ROUNDS, THREADS, RUNS = 10, 1_000, 2, 5
SMALL, SMALLEST = 16_384, 64


class Node:
    """Shows the transactions of a world, many at a time, as a chain's node does."""

    def __init__(self, world: World) -> None:
        self.raws = {"0x" + tx.hex(): "0x" + raw.hex() for tx, (raw, _) in world.transactions.items()}

    def batch(self, calls: Iterable[tuple[str, str]]) -> list[Any]:
        block = {"blockNumber": "0x1", "blockHash": "0x" + "11" * 32}
        return [self.raws[tx] if "Raw" in method else block for method, tx in calls]


def played(rounds: int, values: int) -> World:
    """Honest rounds, in which all members send updates of so many integers, and a majority agrees."""
    terms = msgspec.structs.replace(TERMS, rounds=rounds)
    world = World(MEMBERS, terms=terms, tensors=(Tensor("layer.weight", (values,)),)).open_job()
    for _ in range(rounds):
        world.open_round()
        for member in range(MEMBERS):
            world.submit(member)
        outcome = world.outcome(keep=lambda pieces: world.files.put(b"".join(map(bytes, pieces))))
        claim = world.publish(0, outcome).claim
        for member in range(1, MEMBERS // 2 + 1):
            world.say(member, Form.AGREE, claim, outcome.witness(world.keys[member], claim))
    return world


def audit(world: World, witness: Witness) -> tuple[float, float]:
    """Seconds of an audit, and of processors in it."""
    made = Audit(world.history, world.place, world.files.fetch, str, THREADS, witness=witness, blocks=world.block_at)
    began = time.perf_counter(), time.process_time()
    made.run(world.observed(), scope_of(world.history, EVERYTHING))
    report = made.report(EVERYTHING, READ, "benchmark", "")
    ended = time.perf_counter(), time.process_time()
    if report.right.answer != "yes":
        raise RuntimeError(f"the audit of honest rounds says {report.right}")
    return ended[0] - began[0], ended[1] - began[1]


def worker(rounds: str, values: str) -> None:
    """Audit in this process, with the signatures and without them in turn, and print the medians of both times."""
    world = played(int(rounds), int(values))
    node, known = Node(world), dict[bytes, SignedStatement]()

    def witness() -> ChainWitness:
        return ChainWitness(node, CHAIN, ADDRESSES, signing(world.history), THREADS)  # type: ignore[arg-type]

    first = witness()

    def learn(said: Said) -> SignedStatement:
        known[said.tx] = first(said)
        return known[said.tx]

    audit(world, learn)
    pairs = []
    for _ in range(RUNS):
        without = audit(world, lambda said: known[said.tx])
        signer_of.cache_clear()
        pairs.append((audit(world, witness()), without))
    times, processor = ([pair[0][kind] / pair[1][kind] for pair in pairs] for kind in (0, 1))
    seconds = statistics.median(pair[0][0] for pair in pairs)
    print(json.dumps({"seconds": seconds, "times": times, "processor": statistics.median(processor)}))


def run() -> list[measure.Row]:
    rows = []
    for values, must in ((SMALL, 1.3), (SMALLEST, 1.3)):
        found = measure.alone("bench_signatures", ROUNDS, values)
        times = measure.median(found["times"])
        spread = f"{measure.spread(found['times'])}, {found['seconds']:.1f} s with {THREADS} threads"
        note = f"{spread}; of processor time {found['processor']:.2f} times"
        work = f"audit of 10,000 updates of {values:,} integers, of the time without signatures"
        rows.append(measure.row(work, f"≤ {must}", times, "times", times <= must, note))
    return rows


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(*sys.argv[2:])
    else:
        measure.show(run())
