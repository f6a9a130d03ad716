"""The heart files of four hospitals as they are, one preparation for all of them, and a draft of a job with it."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from ledger.jobs.permitted_use import PermittedUse
from ledger.jobs.preparation import Category, Label, Missing, Number, Preparation

HEART = Path(__file__).parents[3] / "shared" / "data" / "heart"
HOSPITALS = ("cleveland", "hungarian", "switzerland", "va")
COLUMNS = ("age", "sex", "cp", "trestbps", "chol", "fbs", "restecg", "thalach", "exang", "oldpeak", "slope", "ca",
           "thal", "num")  # fmt: skip
CLASSES = ("no", "yes")

SECTION = """
[preparation]
labels = [{ column = "num", values = { 0 = "no", 1 = "yes", 2 = "yes", 3 = "yes", 4 = "yes" } }]

[[preparation.inputs]]
column = "age"
kind = "number"
low = 20
high = 90

[[preparation.inputs]]
column = "sex"
kind = "category"
vocabulary = [0, 1]

[[preparation.inputs]]
column = "cp"
kind = "category"
vocabulary = [1, 2, 3, 4]

[[preparation.inputs]]
column = "trestbps"
kind = "number"
low = 60
high = 240
sentinels = [0]
missing = { by = "median", value = 130 }

[[preparation.inputs]]
column = "chol"
kind = "number"
low = 80
high = 620
outside = "clip"
sentinels = [0]
missing = { by = "flag", value = 240.50 }

[[preparation.inputs]]
column = "restecg"
kind = "category"
vocabulary = [0, 1, 2]
missing = { by = "constant", value = 0 }

[[preparation.inputs]]
column = "thal"
kind = "category"
vocabulary = [3, 6]
unknown = "other"
missing = { by = "flag" }

[permitted_use]
purpose = "predict heart disease from routine measurements"
data_sets = ["UCI heart disease, Cleveland", "UCI heart disease, Hungary"]
legal_basis = "GDPR Article 9(2)(j)"
licence = "CC-BY-4.0"
expires = 2099-12-31
"""
PREPARATION = Preparation(
    inputs=(
        Number(column="age", low="20", high="90"),
        Category(column="sex", vocabulary=("0", "1")),
        Category(column="cp", vocabulary=("1", "2", "3", "4")),
        Number(column="trestbps", low="60", high="240", sentinels=("0",), missing=Missing(by="median", value="130")),
        Number(
            column="chol",
            low="80",
            high="620",
            outside="clip",
            sentinels=("0",),
            missing=Missing(by="flag", value="240.5"),
        ),
        Category(column="restecg", vocabulary=("0", "1", "2"), missing=Missing(by="constant", value="0")),
        Category(column="thal", vocabulary=("3", "6"), unknown="other", missing=Missing(by="flag")),
    ),
    labels=(Label(column="num", values={"0": "no", "1": "yes", "2": "yes", "3": "yes", "4": "yes"}),),
)
USE = PermittedUse(
    purpose="predict heart disease from routine measurements",
    data_sets=("UCI heart disease, Cleveland", "UCI heart disease, Hungary"),
    legal_basis="GDPR Article 9(2)(j)",
    licence="CC-BY-4.0",
    expires="2099-12-31",
)
NAMES = ("age", "sex=0", "sex=1", "cp=1", "cp=2", "cp=3", "cp=4", "trestbps", "chol", "chol missing", "restecg=0",
         "restecg=1", "restecg=2", "thal=3", "thal=6", "thal=other", "thal missing")  # fmt: skip
DRAFT = (
    """
name = "heart disease"
hold_out = 20

[task]
name = "tabular"

[task.settings]
model = "logistic"
learning_rate = 0.1
epochs = 1
label = "num"
classes = ["no", "yes"]

[admission]
min_updates = 3
max_weight = 1000
max_value = 4.0
max_norm = 8.0

[terms]
rounds = 1
update_seconds = 600
open_seconds = 600
aggregate_seconds = 600
attest_seconds = 600
attempts = 2
"""
    + SECTION
)


def columns_file(columns: Sequence[str] = COLUMNS, file: str = "header = false", **said: str) -> str:
    """A columns file that names columns; `said` is more of some of them, by name."""
    listed = ",\n".join(f'    {{ name = "{name}"{said.get(name, "")} }}' for name in columns)
    return f'format = "fedledger/columns/1"\ncolumns = [\n{listed},\n]\n\n[file]\n{file}\n'


def hospital(name: str, folder: Path) -> Path:
    """A hospital's file as it is, in a folder, and the columns file that names its columns; skips without the file."""
    source = HEART / f"processed.{name}.data"
    if not source.is_file():
        pytest.skip("the heart data are not here")
    path = folder / source.name
    shutil.copyfile(source, path)
    path.with_name(path.name + ".columns.toml").write_text(columns_file())
    return path


def raw_rows(seed: int, rows: int = 40) -> str:
    """A party's rows as the heart files write theirs, made up."""
    random = np.random.default_rng(seed)
    lines = []
    for _ in range(rows):
        age, ill = int(random.integers(30, 80)), int(random.integers(0, 5))
        pressure = random.choice(["?", "0", str(int(random.integers(90, 200)) + 5 * ill)])
        chol = random.choice(["?", "0", f"{random.integers(150, 700)}.0"])
        words = [str(random.choice(choices)) for choices in ((0, 1), (1, 2, 3, 4), ("0", "1.0", "?"), (3, 6, 7, "?"))]
        sex, pain, ecg, thal = words
        lines.append(f"{age},{sex},{pain},{pressure},{chol},?,{ecg},?,?,?,?,?,{thal},{ill}")
    return "\n".join(lines) + "\n"


def write_raw(path: Path, seed: int, rows: int = 40) -> Path:
    """Such a file, without a header, and its columns file."""
    path.write_text(raw_rows(seed, rows))
    path.with_name(path.name + ".columns.toml").write_text(columns_file())
    return path
