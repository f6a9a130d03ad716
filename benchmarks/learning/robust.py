"""Rules against attacks: twenty clients with unlike digits, four or eight of whom attack."""

import measure
from scenes.attacks import ATTACKS, CLIENTS, Scene, accuracies
from scenes.perceptron import SCALE

from ledger.jobs.rules import CentredClipping, GeometricMedian, Median, MultiKrum, Rule, TrimmedMean, WeightedMean

ROUNDS, LAST, SEEDS = 25, 5, 2
LEAST, LOSS = 0.85, 0.02
RADIUS = 0.3
"""Of centred clipping, in units of the model."""
CHOSEN = ("multi-Krum", "geometric median", "centred clipping")
"""The rules by shares: they must not cost accuracy where nobody attacks, and one of them must hold against each attack
of a fifth."""


def rules(bad: int) -> dict[str, Rule]:
    """The ledger's rules; those that are told how many attack are told, and four where nobody does."""
    told = bad or 4
    return {
        "mean": WeightedMean(),
        "median": Median(),
        "trimmed mean": TrimmedMean(trim=told),
        "multi-Krum": MultiKrum(f=told),
        "geometric median": GeometricMedian(),
        "centred clipping": CentredClipping(radius=round(RADIUS * SCALE)),
    }


def measured(attack: str, bad: int, seeds: int = SEEDS, rounds: int = ROUNDS) -> dict[str, float]:
    """The accuracy of each rule: the mean of the last five rounds and of the seeds."""
    found = {}
    for name, rule in rules(bad).items():
        runs = [accuracies(Scene.of(0), rule, attack, bad, seed, rounds) for seed in range(1, seeds + 1)]
        found[name] = sum(sum(run[-LAST:]) / LAST for run in runs) / seeds
    return found


def run() -> list[measure.Row]:
    rows = []
    for bad in (0, CLIENTS // 5, 2 * CLIENTS // 5):
        for attack in ATTACKS:
            if (attack == "none") == (bad == 0):
                rows.append(_row(attack, bad, measured(attack, bad)))
    return rows


def _row(attack: str, bad: int, found: dict[str, float]) -> measure.Row:
    note = "; ".join(f"{name} {value:.3f}" for name, value in found.items())
    if bad == 0:
        loss = found["mean"] - min(found[name] for name in CHOSEN)
        return measure.row(
            "robust: nobody attacks, most that a rule by shares loses to the mean",
            f"≤ {LOSS}",
            loss,
            "accuracy",
            loss <= LOSS,
            note,
        )
    best = max(found[name] for name in CHOSEN)
    must, held = (f"≥ {LEAST}", best >= LEAST) if bad == CLIENTS // 5 else ("", None)
    return measure.row(f"robust: {attack}, {bad} of {CLIENTS}, best rule by shares", must, best, "accuracy", held, note)
