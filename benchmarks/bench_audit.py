"""Auditing rounds of ten updates of 10 million parameters: every check but those that need a chain to ask.

Rates count the updates' bytes once, as the audit reads them: to judge each update, and to make the model on the way.
They are shares of h, what one core hashes in the same run: `hashlib`, SHA-256, one stream. Each worker is a process, as
`fedledger audit --workers` has them, and audits a round of its own; threads are shared out among the workers.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import measure
from bench_aggregate import HASHED, hash_stream
from scenes import synthetic

from ledger.audit import Audit, Observed, Question, scope_of
from ledger.audit.observed import final_claims, final_judgement
from ledger.audit.report import HistoryRead
from ledger.events.evidence import Said, SignedStatement
from ledger.formats.cid import CHUNK
from ledger.formats.digest import NOTHING

UPDATES, MANY, VALUES, RUNS = 10, 30, 10_000_000, 5
THREADS, MUST = 2, 0.75


def worker(folder: str, updates: str, threads: str) -> None:
    """Audit in this process once, and once more for each line of the input; each time say the peak of memory."""
    round_ = synthetic.load(Path(folder), int(updates))
    round_.publish(round_.outcome(threads=THREADS, keep=lambda pieces: round_.store.put(pieces, "model", replace=True)))
    audit(round_, int(threads))
    print(json.dumps(measure.peak_memory()), flush=True)
    for _ in sys.stdin:
        audit(round_, int(threads))
        print(json.dumps(measure.peak_memory()), flush=True)


def audit(round_: synthetic.Consortium, threads: int = THREADS) -> None:
    history, place, job = round_.history, synthetic.PLACE, round_.history.jobs[1]
    code = {"Consortium": ("0x", "0x"), "RoundLedger": ("0x", "0x")}
    rounds = job.rounds.items()
    models = {(1, number): state.final.root if state.final else NOTHING for number, state in rounds}
    claims = {(1, before): claim for before, claim in final_claims(job).items()}
    kept = {(1, one.party): (one.digest, number) for number, state in rounds for one in state.commitments.values()}
    strikes = dict.fromkeys(((1, index) for index in history.members), 0)
    observed = Observed(code, None, models, claims, commitments=kept, strikes=strikes, judged={1: final_judgement(job)})
    made, question = (
        Audit(history, place, round_.fetch, str, threads, witness=shown, blocks=synthetic.block),
        Question(),
    )
    made.run(observed, scope_of(history, question))
    report = made.report(question, HistoryRead(block=0, hash="", time=0, age=0, events=0, after=0), "benchmark", "")
    if report.right.answer != "yes":
        raise RuntimeError(f"the audit of an honest round says {report.right}")


def shown(said: Said) -> SignedStatement:
    """What a node would show; `bench_signatures` measures reading it."""
    said_so = {"statement": said.statement, "arguments": said.arguments, "signer": said.signer}
    return SignedStatement("evidence/1", synthetic.PLACE.chain, synthetic.PLACE.contract, **said_so, raw="0x")


class Workers:
    """Processes that audit a round each, once for every `work`."""

    def __init__(self, folder: str, processes: Sequence[subprocess.Popen[str]]) -> None:
        self._pipes = [(_pipe(one.stdin), _pipe(one.stdout)) for one in processes]
        self.bytes = len(processes) * synthetic.load(Path(folder), UPDATES).update_bytes
        self.memory = self._heard()

    def work(self) -> None:
        for tell, _ in self._pipes:
            print(file=tell, flush=True)
        self.memory = self._heard()

    def _heard(self) -> float:
        """The largest peak of memory, once each has said its own."""
        return max(json.loads(hear.readline()) for _, hear in self._pipes)


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


@contextmanager
def working(folder: str, workers: int, updates: int = UPDATES) -> Iterator[Workers]:
    """So many workers, each ready, as long as they are used."""
    command = [sys.executable, measure.BENCHMARKS / "bench_audit.py", "--worker", folder, updates, THREADS // workers]
    pipe = subprocess.PIPE
    processes = [subprocess.Popen(list(map(str, command)), stdin=pipe, stdout=pipe, text=True) for _ in range(workers)]
    try:
        yield Workers(folder, processes)
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def shares(folder: str, workers: int) -> tuple[list[float], float]:
    """What so many workers audit in each run, as shares of h, and the peak of one's memory."""
    with working(folder, workers) as some:
        found = []
        for _ in range(RUNS):
            own = HASHED * CHUNK / measure.timed(hash_stream)
            found.append(some.bytes / measure.timed(some.work) / own)
        return found, some.memory


def run() -> list[measure.Row]:
    with tempfile.TemporaryDirectory(prefix="bench-audit-") as folder:
        synthetic.make(Path(folder), MANY, VALUES)
        one, few = shares(folder, 1)
        two, _ = shares(folder, 2)
        with working(folder, 1, MANY) as some:
            many = some.memory
    first, both = measure.median(one), measure.median(two)
    memory = "audit, peak memory above the interpreter, 30 updates"
    return [
        measure.row("audit, of update bytes, 1 worker, 2 threads", "", first, "h", None, measure.spread(one)),
        measure.row("audit, of update bytes, 2 workers", f"≥ {MUST}", both, "h", both >= MUST, measure.spread(two)),
        measure.row(memory, "as with 10", many, "MB", many - few < 10, f"with 10 updates {few:.1f} MB"),
    ]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(*sys.argv[2:])
    else:
        measure.show(run())
