"""Auditing 10,000 small updates of ten members: what the signatures cost, heads, receipts and transactions together.

In processor time, and in memory: a chain's node has to serve the transactions, too. The larger the updates, the less
do signatures matter.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import measure
import msgspec

sys.path.insert(0, str(measure.ROOT / "tests"))

from support.worlds.world import EVERYTHING, READ, TERMS, World

from ledger.audit import Audit, scope_of
from ledger.events.haves import signer_of
from ledger.events.rounds import Form
from ledger.formats.artifact import Tensor
from ledger.rounds import receipts

MEMBERS, ROUNDS = 10, 1_000
SMALL, SMALLEST = 16_384, 64


class Stopwatch:
    """The seconds of processor time spent in some functions."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def around(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:
            began = time.process_time()
            try:
                return work(*arguments)
            finally:
                self.seconds += time.process_time() - began

        return timed


def played(rounds: int, values: int) -> World:
    """Honest rounds, in which all members send updates of so many integers, and a majority agrees."""
    terms = msgspec.structs.replace(TERMS, rounds=rounds)
    world = World(MEMBERS, terms=terms, tensors=(Tensor("layer.weight", (values,)),)).open_job()
    for _ in range(rounds):
        world.open_round()
        for member in range(MEMBERS):
            world.submit(member)
        made: list[bytes] = []
        outcome = world.outcome(keep=lambda pieces, kept=made: kept.extend(bytes(piece) for piece in pieces))
        world.files.put(b"".join(made))
        claim = world.publish(0, outcome).claim
        for member in range(1, MEMBERS // 2 + 1):
            world.say(member, Form.AGREE, claim, outcome.witness(world.keys[member], claim))
    return world


def worker(rounds: str, values: str) -> None:
    """Audit in this process, and print the processor time of all of it and of its signatures."""
    world, watch = played(int(rounds), int(values)), Stopwatch()
    signer_of.cache_clear()
    receipts.signer_of = watch.around(signer_of)
    options = {"witness": watch.around(world.witness), "blocks": world.block_at}
    audit = Audit(world.history, world.place, world.files.fetch, str, **options)
    began = time.process_time()
    audit.run(world.observed(), scope_of(world.history, EVERYTHING))
    report = audit.report(EVERYTHING, READ, "benchmark", "")
    seconds = time.process_time() - began
    if report.right.answer != "yes":
        raise RuntimeError(f"the audit of honest rounds says {report.right}")
    print(json.dumps({"seconds": seconds, "signatures": watch.seconds}))


def run() -> list[measure.Row]:
    rows = []
    for values, must in ((SMALL, 1.3), (SMALLEST, None)):
        found = measure.alone("bench_signatures", ROUNDS, values)
        times = found["seconds"] / (found["seconds"] - found["signatures"])
        note = f"{found['seconds']:.1f} s, of them signatures {found['signatures']:.1f} s"
        work = f"audit of 10,000 updates of {values:,} integers, of the time without signatures"
        rows.append(measure.row(work, f"≤ {must}" if must else "", times, "times", must and times <= must, note))
    return rows


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(*sys.argv[2:])
    else:
        measure.show(run())
