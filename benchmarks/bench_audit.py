"""Auditing one round of ten updates of 10 million parameters: every check but those that need a chain to ask.

Rates count the updates' bytes once, as the audit reads them: to judge each update, and to make the model on the way.
"""

import json
import sys
import tempfile
from pathlib import Path

import measure
from scenes import synthetic

from ledger.audit import Audit, Observed, Question, scope_of
from ledger.audit.observed import final_claims
from ledger.audit.report import HistoryRead
from ledger.events.evidence import Said, SignedStatement
from ledger.formats.digest import NOTHING

UPDATES, MANY, VALUES, RUNS = 10, 30, 10_000_000, 5
THREADS = 2


def worker(folder: str, updates: str, runs: str) -> None:
    """Audit in this process, and print the seconds of each run and the peak of memory."""
    round_ = synthetic.load(Path(folder), int(updates))
    round_.publish(round_.outcome(threads=THREADS, keep=lambda pieces: round_.store.put(pieces, "model", replace=True)))
    seconds = [measure.timed(lambda: audit(round_)) for _ in range(int(runs))]
    print(json.dumps({"bytes": round_.update_bytes, "memory": measure.peak_memory(), "seconds": seconds}))


def audit(round_: synthetic.Consortium) -> None:
    history, place, job = round_.history, synthetic.PLACE, round_.history.jobs[1]
    code = {"Consortium": ("0x", "0x"), "RoundLedger": ("0x", "0x")}
    rounds = job.rounds.items()
    models = {(1, number): state.final.root if state.final else NOTHING for number, state in rounds}
    claims = {(1, before): claim for before, claim in final_claims(job).items()}
    kept = {(1, one.party): (one.digest, number) for number, state in rounds for one in state.commitments.values()}
    strikes = dict.fromkeys(((1, index) for index in history.members), 0)
    observed = Observed(code, None, models, claims, commitments=kept, strikes=strikes)
    made, question = (
        Audit(history, place, round_.fetch, str, THREADS, witness=shown, blocks=synthetic.block),
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


def run() -> list[measure.Row]:
    with tempfile.TemporaryDirectory(prefix="bench-audit-") as folder:
        synthetic.make(Path(folder), MANY, VALUES)
        few = measure.alone("bench_audit", folder, UPDATES, RUNS)
        many = measure.alone("bench_audit", folder, MANY, 1)
    rates = [few["bytes"] / 1e6 / second for second in few["seconds"]]
    rate, growth = measure.median(rates), many["memory"] - few["memory"]
    return [
        measure.row("audit, of update bytes", "≥ 300", rate, "MB/s", rate >= 300, measure.spread(rates, 0)),
        measure.row(
            "audit, peak memory above the interpreter, 30 updates",
            "as with 10",
            many["memory"],
            "MB",
            growth < 10,
            f"with 10 updates {few['memory']:.1f} MB",
        ),
    ]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(*sys.argv[2:])
    else:
        measure.show(run())
