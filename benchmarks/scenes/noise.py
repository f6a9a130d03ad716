"""scikit-learn's breast cancer and digits, each for four clients, and drafts of jobs with noise on them.

Columns are scaled by what would be published: mean and three deviations of all training rows, and the range of a pixel.
"""

import csv
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import train_test_split

SEED = 7
DRAFT = """
name = "{name}"
hold_out = 0
[task]
name = "tabular"
[task.settings]
model = "logistic"
learning_rate = 1
columns = {columns}
ranges = {ranges}
classes = {classes}
outside = "clip"
[dp]
level = "example"
clip = 1
sampling = {sampling}
steps = {steps}
epsilon = 4
delta = 1e-5
scope = "{name}"
[admission]
min_updates = 4
max_weight = 1000
max_value = 16
max_norm = 100
[terms]
rounds = 10
update_seconds = 60
aggregate_seconds = 30
attest_seconds = 30
"""


MEMBERS = """level = "client"
epsilon = 4
delta = 1e-5
scope = "{name}"
[privacy]
mode = "masked"
weights = "equal"
"""
"""What hides members instead of rows."""


def hiding_members(scene: Path, clip: str) -> Path:
    """A scene's draft with noise of the other level; updates are of ten passes over the rows, clipped to a norm."""
    text = scene.read_text(encoding="utf-8")
    start, stop = text.index('level = "example"'), text.index("[admission]")
    name = scene.stem + "-members"
    text = text[:start] + MEMBERS.format(name=name) + text[stop:]
    changes = {
        "learning_rate = 1": "learning_rate = 0.1\nepochs = 10\nbatch_size = 32",
        "min_updates = 4\n": "",
        "max_weight = 1000": "max_weight = 1",
        "max_norm = 100": f"max_norm = {clip}",
    }
    for said, instead in changes.items():
        text = text.replace(said, instead)
    made = scene.with_name(f"{name}.toml")
    made.write_text(text, encoding="utf-8")
    return made


def breast_cancer(folder: Path) -> tuple[Path, Path, Path]:
    """Draft, training rows and test rows: 455 and 114 patients, so 113 or 114 a client; a batch has 32 in the mean."""
    data = load_breast_cancer()
    train, _ = _split(data.target)
    middle, deviation = data.data[train].mean(0), data.data[train].std(0)
    ranges = list(zip(middle - 3 * deviation, middle + 3 * deviation, strict=True))
    return _written(folder, "breast-cancer", data.data, data.target, ranges, sampling="0.28", steps=4)


def digits(folder: Path) -> tuple[Path, Path, Path]:
    """The same: 1,437 and 360 images of 64 pixels, so 359 or 360 a client."""
    data = load_digits()
    return _written(folder, "digits", data.data, data.target, [(0.0, 16.0)] * 64, sampling="0.089", steps=11)


def _split(targets: "np.ndarray") -> tuple["np.ndarray", "np.ndarray"]:
    places = np.arange(len(targets))
    train, test = train_test_split(places, test_size=0.2, stratify=targets, random_state=SEED)
    return train, test


def _written(
    folder: Path,
    name: str,
    values: "np.ndarray",
    targets: "np.ndarray",
    ranges: list[tuple[float, float]],
    *,
    sampling: str,
    steps: int,
) -> tuple[Path, Path, Path]:
    columns = [f"c{number}" for number in range(values.shape[1])]
    paths = [folder / f"{name}-{part}.csv" for part in ("train", "test")]
    for path, places in zip(paths, _split(targets), strict=True):
        with path.open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow([*columns, "label"])
            table.writerows([*map(float, values[place]), int(targets[place])] for place in places)
    draft = folder / f"{name}.toml"
    draft.write_text(
        DRAFT.format(
            name=name,
            columns=columns,
            ranges=[f"{low:.6f}:{high:.6f}" for low, high in ranges],
            classes=[str(one) for one in sorted(set(targets.tolist()))],
            sampling=sampling,
            steps=steps,
        )
    )
    return draft, *paths
