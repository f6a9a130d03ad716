"""Four hospitals and scikit-learn's breast-cancer data: 569 real patients, 30 measurements each.

A fifth of the patients, stratified by diagnosis, is the test set that nobody trains on. The rest is label-skewed: two
hospitals see almost only malignant tumours, as referral centres do, and two almost only benign ones, as screening does.
Data: W. H. Wolberg, W. N. Street, O. L. Mangasarian 1995, as scikit-learn ships it.
"""

import csv
from importlib.resources import files
from pathlib import Path

import numpy as np

SEED = 6
TEST_SHARE = 0.2
MALIGNANT = (0.48, 0.46, 0.04, 0.02)
"""Which share of all malignant patients each hospital sees."""
BENIGN = (0.02, 0.03, 0.45, 0.50)
"""Which share of all benign patients each hospital sees."""


def split(seed: int = SEED) -> dict[str, list[int]]:
    """Rows of the data set by party: hospital-1 to hospital-4, and test."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.model_selection import train_test_split

    target = load_breast_cancer().target
    train, test = train_test_split(np.arange(len(target)), test_size=TEST_SHARE, stratify=target, random_state=seed)
    generator = np.random.default_rng(seed)
    parts: list[list[int]] = [[] for _ in MALIGNANT]
    for diagnosis, shares in ((0, MALIGNANT), (1, BENIGN)):
        rows = generator.permutation(train[target[train] == diagnosis])
        cuts = np.round(np.cumsum(shares)[:-1] * len(rows)).astype(int)
        for part, piece in zip(parts, np.split(rows, cuts), strict=True):
            part.extend(int(row) for row in piece)
    hospitals = {f"hospital-{number}": sorted(part) for number, part in enumerate(parts, 1)}
    return {**hospitals, "test": sorted(int(row) for row in test)}


def write(folder: Path, seed: int = SEED) -> list[Path]:
    """Write hospital-1.csv to hospital-4.csv, test.csv and job.toml; numbers as Python prints them, which is exact."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    names = [str(name) for name in data.feature_names]
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for party, rows in split(seed).items():
        path = folder / f"{party}.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow([*names, "diagnosis"])
            for row in rows:
                writer.writerow([*map(float, data.data[row]), str(data.target_names[data.target[row]])])
        written.append(path)
    draft = folder / "job.toml"
    draft.write_text(files("participant.examples").joinpath("breast_cancer.toml").read_text("utf-8"), "utf-8")
    return [*written, draft]
