"""Split scikit-learn's breast-cancer data (569 patients, 30 measurements) over four hospitals and a test set.

    python split.py FOLDER [--seed 1]

Writes hospital-1.csv to hospital-4.csv and test.csv. A fifth of the patients, stratified by diagnosis, is the test set
that nobody trains on. The rest is label-skewed: each hospital sees mostly one diagnosis, as referral centres and
screening clinics do. Needs scikit-learn alone.
"""

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

TEST_SHARE = 0.2
MALIGNANT = (0.55, 0.25, 0.15, 0.05)
"""Which share of all malignant patients each hospital sees."""
BENIGN = (0.03, 0.17, 0.35, 0.45)
"""Which share of all benign patients each hospital sees."""


def split(seed: int) -> dict[str, list[int]]:
    """Rows of the data set by file name."""
    target = load_breast_cancer().target
    train, test = train_test_split(np.arange(len(target)), test_size=TEST_SHARE, stratify=target, random_state=seed)
    generator = np.random.default_rng(seed)
    parts: list[list[int]] = [[] for _ in MALIGNANT]
    for diagnosis, shares in ((0, MALIGNANT), (1, BENIGN)):
        rows = generator.permutation(train[target[train] == diagnosis])
        cuts = np.round(np.cumsum(shares)[:-1] * len(rows)).astype(int)
        for part, piece in zip(parts, np.split(rows, cuts), strict=True):
            part.extend(int(row) for row in piece)
    files = {f"hospital-{number}": sorted(part) for number, part in enumerate(parts, 1)}
    return {**files, "test": sorted(int(row) for row in test)}


def write(folder: Path, seed: int) -> list[Path]:
    """Write the five files. Numbers are written as Python prints them, which reads back to the same value."""
    data = load_breast_cancer()
    names = [str(name) for name in data.feature_names]
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, rows in split(seed).items():
        path = folder / f"{name}.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow([*names, "diagnosis"])
            for row in rows:
                writer.writerow([*map(float, data.data[row]), str(data.target_names[data.target[row]])])
        written.append(path)
    return written


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Split scikit-learn's breast-cancer data over four hospitals.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    for path in write(chosen.folder, chosen.seed):
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
