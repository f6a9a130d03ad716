"""Four real hospitals scored exactly: every coalition, and the scores that share out what all gained."""

from collections.abc import Sequence

import measure
import numpy as np
from scenes.approximations import Table
from scenes.federation import Federation
from scenes.perceptron import HEART, Model, Plan, Rows, heart, split

from ledger.jobs.scores import Shapley


def heart_round(utility: str, rounds: int, seed: int = 0) -> tuple[list[str], Table, Sequence[int]]:
    """Four hospitals, a quarter of each one's patients in the committed set: the last round's table and scores."""
    random = np.random.default_rng(seed)
    hospitals = heart()
    halves = {name: split(rows, len(rows) // 4, random) for name, rows in hospitals.items()}
    judged = Rows(
        np.concatenate([held.x for held, _ in halves.values()]), np.concatenate([held.y for held, _ in halves.values()])
    )
    parts = [rest for _, rest in halves.values()]
    federation = Federation(Model(10, 2, Plan(epochs=3, rate=0.1)), judged, random)
    federation.start(Shapley(utility=utility, evidence=federation.evidence), len(parts))
    for _ in range(rounds):
        base = federation.base
        updates = {k: federation.model.update(base, part, random) for k, part in enumerate(parts)}
        round_ = federation.round(updates, [len(part) for part in parts])
    return list(hospitals), federation.table(round_), federation.scores(round_)


def show_heart(utility: str) -> None:
    """Print what every coalition is worth, and the scores."""
    names, table, scores = heart_round(utility, rounds=1)
    for members in sorted(table, key=lambda members: (len(members), sorted(members))):
        print(f"{' + '.join(names[k] for k in sorted(members)) or 'the base model':52} {table[members]:>10,}")
    for name, score in zip(names, scores, strict=True):
        print(f"score of {name:43} {score:>10,}")


def rows() -> list[measure.Row]:
    if not HEART.exists():
        print("skipped: heart: shared/data/heart is not here", flush=True)
        return []
    _, table, scores = heart_round("auc", rounds=1)
    whole, base = table[frozenset(range(4))], table[frozenset()]
    off = abs(sum(scores) - (whole - base))
    work = "heart, four hospitals: scores' sum less what all gained"
    note = f"scores {', '.join(f'{score:,}' for score in scores)}; everyone {whole:,}, the base model {base:,}"
    return [measure.row(work, "≤ 2", off, "ppm", off <= 2, note)]
