"""How long a model takes that does not wait for slow members: digits at twenty parties, four of them a hundred times
slower than the others, in virtual time; one training of a fast one takes 0.7 to 1.5.
"""

import sys
from statistics import median

import measure
from scenes import buffered

BAR, UNTIL, SEEDS = 0.85, 60.0, 3
LONG = 160.0
"""By then the slow members' first updates have come."""
BUFFERS = (5, 10)
MOST = 0.8
"""Of the time that rounds of the fast members alone take, with buffers of five."""


def run() -> list[measure.Row]:
    seeds = range(measure.sized(SEEDS, 1))
    until = float(measure.sized(int(UNTIL), 3))
    waited = [_time_to_bar(buffered.run(0, seed), until) for seed in seeds]
    rows = [measure.row(f"time to {BAR}, rounds of the 16 fast members", "", median(waited), "", None, f"{waited}")]
    for size in BUFFERS:
        runs = [buffered.run(size, seed) for seed in seeds]
        found = [_time_to_bar(one, until) for one in runs]
        share, note = median(found) / median(waited), f"{found}; {[len(one.buffers) for one in runs]} models"
        must, ok = (f"≤ {MOST} of that", share <= MOST) if size == BUFFERS[0] else ("", None)
        rows.append(measure.row(f"time to {BAR}, buffers of {size}", must, median(found), "", ok, note))
        if ok is not None:
            rows.append(measure.row(f"the same, buffers of {size}", must, share, "of that", ok))
    return [*rows, _replayed(float(measure.sized(int(LONG), 3)))]


def _time_to_bar(one: buffered.Run, until: float) -> float:
    return round(next((now for now, accuracy in one.times(until) if accuracy >= BAR), until), 1)


def _replayed(until: float) -> measure.Row:
    """A long run, each of its buffers made again with its updates in another order."""
    one = buffered.run(BUFFERS[0], 0)
    made = one.play(until)
    slow = [made - base for made, base in one.late()]
    ages = f"staleness {min(slow, default=0)} to {max(slow, default=0)}"
    note = f"{made} models; {len(slow)} updates of slow members, {ages}"
    same, work = one.replayed(), f"buffers of {BUFFERS[0]} made again in another order"
    return measure.row(work, "same bytes", float(same), "", same, note)


if __name__ == "__main__":
    sys.exit(measure.show(run()))
