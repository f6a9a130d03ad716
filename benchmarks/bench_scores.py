"""Contribution scores: how near the approximations come, which parties rank last, and what scoring costs.

All of it goes through the ledger's own admission, aggregation, exact inference and scoring; the ledger itself is in
memory. `python benchmarks/bench_scores.py --heart` prints every coalition of four real hospitals.
"""

import sys

import measure
from parts import scoring_time
from scenes import approximations, dishonest, hospitals


def run() -> list[measure.Row]:
    return [*approximations.rows(), *dishonest.rows(), *scoring_time.rows(), *hospitals.rows()]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--heart"]:
        for name in ("auc", "accuracy", "loss"):
            print(f"\n{name}, in millionths")
            hospitals.show_heart(name)
    else:
        measure.show(run())
