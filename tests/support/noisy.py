"""A draft of a job with noise, and rows to train it on."""

from pathlib import Path

DRAFT = """
name = "noisy"
seed = 3
hold_out = {hold_out}

[task]
name = "tabular"

[task.settings]
model = "{model}"
learning_rate = {rate}
columns = ["a", "b", "c"]
ranges = ["0:1", "0:1", "0:1"]
classes = ["x", "y", "z"]
{settings}

[dp]
level = "example"
clip = {clip}
sampling = {sampling}
steps = {steps}
epsilon = {epsilon}
delta = 1e-5
scope = "rows-2026"
{noise}

[admission]
min_updates = 2
max_weight = 500
max_value = 8.0
max_norm = 40

[terms]
rounds = {rounds}
update_seconds = 60
aggregate_seconds = 30
attest_seconds = 30
"""
DEFAULTS = {
    "hold_out": 0,
    "model": "logistic",
    "rate": 0.5,
    "settings": "",
    "clip": 1.0,
    "sampling": 0.25,
    "steps": 4,
    "epsilon": 8,
    "noise": "",
    "rounds": 3,
}


def write_noisy_draft(path: Path, **changes: object) -> Path:
    path.write_text(DRAFT.format(**DEFAULTS | changes))
    return path
