"""The four hospitals' rows, as FLamby divides them, or made-up ones of the same form.

UCI Heart Disease (R. Detrano et al. 1989): the four `processed.*.data` files, which the user fetches. Columns, rows
with missing values and the division into training and test rows are those of FLamby's Fed-Heart-Disease (J. Ogier du
Terrail et al. 2022): the last three inputs are left out, then rows that lack a value; 66 % of each hospital's rows are
trained on, drawn with seed 43, by class where each class has more than two rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from ledger.errors import UsageError

HOSPITALS = {"Cleveland": "cleveland", "Hungary": "hungarian", "Switzerland": "switzerland", "Long Beach": "va"}
"""Each with the name in its file's."""
COLUMNS: dict[str, str] = {
    "age": "20:80",
    "sex": "0:1",
    "trestbps": "80:200",
    "chol": "0:610",
    "fbs": "0:1",
    "thalach": "60:210",
    "exang": "0:1",
    "oldpeak": "-3:7",
    "cp_2": "0:1",
    "cp_3": "0:1",
    "cp_4": "0:1",
    "restecg_1": "0:1",
    "restecg_2": "0:1",
}
"""With the ranges that the job publishes; what lies outside counts as the nearest bound."""
KEPT, USED, FLAMBY = 10, 0.66, 43
LABELS = ("no", "yes")
SIZES = {"Cleveland": (199, 104), "Hungary": (172, 89), "Switzerland": (30, 16), "Long Beach": (85, 45)}


@dataclass(frozen=True, slots=True)
class Hospital:
    """Rows of a hospital: inputs n × 13 as the columns say, labels 0 or 1, and which rows are trained on."""

    name: str
    inputs: NDArray[np.float64]
    labels: NDArray[np.int64]
    trained: NDArray[np.bool_]

    def write(self, path: Path, chosen: NDArray[np.bool_]) -> Path:
        """A CSV file of the chosen rows, as the task `tabular` reads it."""
        lines = [",".join([*COLUMNS, "disease"])]
        for row, label in zip(self.inputs[chosen], self.labels[chosen], strict=True):
            lines.append(",".join([*(f"{value:.10g}" for value in row), LABELS[label]]))
        path.write_text("\n".join(lines) + "\n", encoding="ascii")
        return path


def read(folder: Path) -> list[Hospital]:
    """The four hospitals of the files in `folder`. Raises UsageError where one is missing or is another file."""
    return [_hospital(name, _rows(folder / f"processed.{short}.data")) for name, short in HOSPITALS.items()]


def made_up(seed: int = 1) -> list[Hospital]:
    """Four hospitals of the same sizes with made-up rows: one rule for all, but a different share of sick people."""
    random = np.random.default_rng(seed)
    low, high = (np.array([float(text.split(":")[side]) for text in COLUMNS.values()]) for side in (0, 1))
    rule = random.normal(0, 1.5, len(COLUMNS))
    found = []
    for (name, (trained, tested)), share in zip(SIZES.items(), (0.0, -1.0, 3.5, 1.5), strict=True):
        rows = trained + tested
        scaled = random.uniform(-1, 1, (rows, len(COLUMNS)))
        labels = (random.random(rows) < 1 / (1 + np.exp(-(scaled @ rule + share)))).astype(np.int64)
        inputs = low + (scaled + 1) / 2 * (high - low)
        found.append(Hospital(name, inputs, labels, np.arange(rows) < trained))
    return found


def _rows(path: Path) -> NDArray[np.float64]:
    """Rows of ten inputs and the label, without those that lack a value."""
    try:
        lines = path.read_text(encoding="latin-1").split()
        rows = [line.split(",") for line in lines]
        whole = [[*row[:KEPT], row[-1]] for row in rows if "?" not in [*row[:KEPT], row[-1]]]
        values = np.array(whole, dtype=np.float64)
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read a hospital's rows: {error}", file=str(path)) from error
    if values.ndim != 2 or values.shape[1] != KEPT + 1 or len(values) < 3:
        raise UsageError("this is not a file of the UCI Heart Disease data", file=str(path))
    return values


def _hospital(name: str, rows: NDArray[np.float64]) -> Hospital:
    labels = (rows[:, -1] > 0).astype(np.int64)
    stratify = labels if np.bincount(labels, minlength=2).min() > 2 else None
    kept, _ = train_test_split(
        np.arange(len(rows)), train_size=USED, test_size=1.0 - USED, random_state=FLAMBY, stratify=stratify
    )
    trained = np.zeros(len(rows), dtype=bool)
    trained[kept] = True
    plain = [0, 1, 3, 4, 5, 7, 8, 9]
    dummies = [*_dummies(rows[:, 2], (2, 3, 4)), *_dummies(rows[:, 6], (1, 2))]
    return Hospital(name, np.column_stack([rows[:, plain], *dummies]), labels, trained)


def _dummies(column: NDArray[np.float64], values: Sequence[int]) -> list[NDArray[np.float64]]:
    return [(column == value).astype(np.float64) for value in values]
