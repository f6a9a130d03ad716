"""The five banks' payments: those of two days, or made-up ones of the same form.

Payments by European cards of two days in September 2013 (A. Dal Pozzolo et al. 2015, "Calibrating Probability with
Undersampling for Unbalanced Classification"): seconds since the first, 28 principal components, the amount, and whether
it was a fraud. A file may hold a sample. Who was whose customer is not in them, so the division among banks is made up:
each bank gets shares of its own of genuine payments and of frauds. The first day is trained on, the second measured.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ledger.errors import UsageError
from participant.comparing.arms import PartyFiles

COMPONENTS = tuple(f"V{number}" for number in range(1, 29))
COLUMNS = (*COMPONENTS, "Amount")
"""What a payment is judged by; the amount is in the job as log(1 + amount), which is what the files have of it."""
LABELS = ("genuine", "fraud")
DAY = 86_400
"""Seconds: the first day's are trained on."""
GENUINE = {"Alder": 0.35, "Birch": 0.25, "Cedar": 0.2, "Dogwood": 0.12, "Elm": 0.08}
"""Banks, and the share of genuine payments that each sees."""
FRAUDS = {"Alder": 0.15, "Birch": 0.15, "Cedar": 0.3, "Dogwood": 0.15, "Elm": 0.25}
ROWS = 1_722


@dataclass(frozen=True, slots=True)
class Payments:
    """Payments n: `inputs` n × 29 as the columns say, `seconds` since the first, `frauds` 0 or 1."""

    inputs: NDArray[np.float64]
    seconds: NDArray[np.float64]
    frauds: NDArray[np.int64]

    def write(self, path: Path, chosen: NDArray[np.bool_]) -> Path:
        """A CSV file of the chosen payments, as the task `tabular` reads it."""
        with path.open("w", newline="", encoding="ascii") as file:
            writer = csv.writer(file)
            writer.writerow([*COLUMNS, "kind"])
            for row, fraud in zip(self.inputs[chosen], self.frauds[chosen], strict=True):
                writer.writerow([*(f"{value:.10g}" for value in row), LABELS[fraud]])
        return path


def read(folder: Path) -> Payments:
    """The payments of the first CSV file in `folder`, by the alphabet. Raises UsageError where there is none, or it is
    another file.
    """
    path = min(folder.glob("*.csv"), default=folder / "creditcard.csv")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        inputs = np.array([[float(row[name]) for name in COLUMNS] for row in rows])
        seconds, frauds = (np.array([float(row[name]) for row in rows]) for name in ("Time", "Class"))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"cannot read the payments: {error}", file=str(path)) from error
    except (KeyError, ValueError, TypeError) as error:
        raise UsageError(f"this is not a file of card payments: {error}", file=str(path)) from error
    if not rows or not set(np.unique(frauds)) <= {0.0, 1.0} or (inputs[:, -1] < 0).any():
        raise UsageError("this is not a file of card payments", expected="Class 0 or 1, Amount ≥ 0", file=str(path))
    inputs[:, -1] = np.log1p(inputs[:, -1])
    return Payments(inputs, seconds, frauds.astype(np.int64))


def made_up(seed: int = 1) -> Payments:
    """As many payments by one rule, which draws frauds apart in some components, and in each of two kinds otherwise."""
    random = np.random.default_rng(seed)
    frauds = (random.random(ROWS) < 0.2857).astype(np.int64)
    kinds = random.normal(0, 1, (2, len(COMPONENTS)))
    components = random.normal(0, 1, (ROWS, len(COMPONENTS)))
    components += frauds[:, None] * kinds[random.integers(0, 2, ROWS)] * random.exponential(1, (ROWS, 1))
    amounts = random.lognormal(3, 1.5, ROWS)
    return Payments(np.column_stack([components, np.log1p(amounts)]), np.sort(random.uniform(0, 2 * DAY, ROWS)), frauds)


def dealt(payments: Payments, seed: int, folder: Path) -> Sequence[PartyFiles]:
    """The banks, each payment dealt to one of them by its bank's share, and their files."""
    random = np.random.default_rng([20130901, seed])
    names = list(GENUINE)
    banks = np.where(
        payments.frauds == 1,
        random.choice(len(names), len(payments.frauds), p=list(FRAUDS.values())),
        random.choice(len(names), len(payments.frauds), p=list(GENUINE.values())),
    )
    first, parties = payments.seconds < DAY, []
    for place, name in enumerate(names):
        sides = (("train", first), ("test", ~first))
        paths = (payments.write(folder / f"{name}-{side}.csv", (banks == place) & rows) for side, rows in sides)
        parties.append(PartyFiles(name, *paths))
    return parties
