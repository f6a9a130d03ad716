"""Three clinics and scikit-learn's digits: 1,797 images of 8 × 8 pixels, as the task `image` reads them.

A fifth of the images is the test set that nobody trains on. The rest is dealt evenly. Data: E. Alpaydin and C. Kaynak,
Optical Recognition of Handwritten Digits, 1998, the test part, as scikit-learn ships it.
"""

import gzip
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from participant.examples.breast_cancer import shipped

SEED = 7
SIDE = 8
CLINICS = 3
TEST_SHARE = 0.2


def images() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Pixels from 0 to 16, n × 8 × 8, and which digit each image is, n. Raises Unavailable without scikit-learn."""
    with gzip.open(shipped("digits.csv.gz"), "rt") as file:
        table = np.loadtxt(file, delimiter=",", dtype=np.int64)
    return table[:, :-1].reshape(-1, SIDE, SIDE).astype(np.uint8), table[:, -1]


def write(folder: Path, seed: int = SEED) -> list[Path]:
    """Write clinic-1.npz to clinic-3.npz, test.npz and job.toml; returns their paths."""
    pixels, digits = images()
    order = np.random.default_rng(seed).permutation(len(digits))
    tested = round(TEST_SHARE * len(order))
    parts = {f"clinic-{number}": part for number, part in enumerate(np.array_split(order[tested:], CLINICS), 1)}
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for party, rows in {**parts, "test": order[:tested]}.items():
        written.append(folder / f"{party}.npz")
        np.savez(written[-1], x=pixels[rows], y=digits[rows])
    written.append(folder / "job.toml")
    written[-1].write_text(files("participant.examples").joinpath("digits.toml").read_text("utf-8"), "utf-8")
    return written
