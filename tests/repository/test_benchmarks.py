"""The histories that benchmarks make up are ones that the ledger takes. Nothing is timed here."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SMALL = {
    "a round is made, aggregated, published and audited": """
import bench_aggregate, bench_audit, pathlib, synthetic, sys
folder = pathlib.Path(sys.argv[1]) / "store"
synthetic.make(folder, 3, 2_000, tensors=2)
round_ = synthetic.load(folder, 3)
bench_aggregate.weighted_mean(round_)
bench_aggregate.admission(round_)
round_.publish(round_.outcome(threads=1, keep=lambda pieces: round_.store.put(pieces, "model", replace=True)))
bench_audit.audit(round_)
""",
    "a long history has pages": """
import governed
governed.RELEASES = 2
view = governed.view(3, 4)
assert len(view.latest.state.snapshot.jobs[1].rounds) == 3
assert len(view.latest.state.snapshot.decisions.releases) == 2
""",
}


@pytest.mark.parametrize("script", SMALL.values(), ids=SMALL.keys())
def test_what_is_measured_can_be_made(script: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", f"import sys\nsys.path.insert(0, {str(BENCHMARKS)!r})\n{script}", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
