"""A study: rates chosen without the test rows, arms side by side, heads of a party's own."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from ledger.jobs.server import Momentum  # noqa: E402
from participant.comparing.arms import Arm, Baseline, Criterion, Design, PartyFiles, grouped  # noqa: E402
from participant.comparing.federation import DITTO, FEDERATED, FINE_TUNE, LOCAL, POOLED, PRIVATE  # noqa: E402
from participant.comparing.study import Study  # noqa: E402
from participant.examples.command import table  # noqa: E402

pytestmark = pytest.mark.node
ROWS = {"train": 40, "test": 20}


def settings(rate: str) -> dict[str, Any]:
    return {
        "columns": ["a", "b"],
        "ranges": ["-1:1", "-1:1"],
        "classes": ["x", "y"],
        "learning_rate": rate,
        "batch_size": 8,
    }


def files(folder: Path, seed: int = 1) -> list[PartyFiles]:
    """Three parties by one rule; nobody's test rows have anything to do with it."""
    random, found = np.random.default_rng(seed), []
    (own := folder / str(seed)).mkdir(exist_ok=True)
    for number in range(3):
        paths = []
        for side, rows in ROWS.items():
            values = random.uniform(-1, 1, (rows, 2))
            labels = values.sum(1) > 0 if side == "train" else random.random(rows) > 0.5
            paths.append(own / f"{number}-{side}.csv")
            with paths[-1].open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(["a", "b", "label"])
                writer.writerows([*row, "xy"[int(label)]] for row, label in zip(values, labels, strict=True))
        found.append(PartyFiles(f"party-{number}", *paths))
    return found


def design(arms: Sequence[Arm], **changed: Any) -> Design:
    known: dict[str, Any] = {
        "task": "tabular",
        "settings": settings,
        "arms": arms,
        "figures": (Criterion("accuracy"), Criterion("loss", least=True)),
        "rounds": 3,
        "seeds": (1, 2),
        "rates": ("0.0001", "0.3"),
        "folds": 2,
    }
    return Design(**(known | changed))


def test_a_rate_is_chosen_on_folds_of_the_training_rows_alone(tmp_path: Path) -> None:
    arms = [Arm("alone", "each alone", LOCAL), Arm("fixed", "FedAvg", FEDERATED, rates=("0.01",))]
    made = Study(design(arms), lambda _: files(tmp_path), tmp_path / "scratch")
    assert made.choose() == {"alone": "0.3", "fixed": "0.01"}
    assert not [path for path, _ in made._read if "test" in path.name]


def test_each_arm_has_its_line(tmp_path: Path) -> None:
    arms = [
        Arm("alone", "each alone", LOCAL),
        Arm("fedavg", "FedAvg", FEDERATED),
        Arm("momentum", "FedAvgM", FEDERATED, Momentum(rate="1", beta="0.9")),
        Arm("bias", "bias at home", PRIVATE, private=("0.bias",)),
        Arm("pooled", "all", POOLED, settings={"batch_size": 16}),
    ]
    half = Baseline("half", "a coin", lambda _: {"accuracy": 0.5, "loss": 1.0, "samples": 20.0})
    study = Study(design(arms, rates=("0.3",), baselines=(half,)), lambda seed: files(tmp_path, seed), tmp_path / "s")
    lines = {line.arm: line for line in study.lines()}
    assert list(lines) == ["half", "alone", "fedavg", "momentum", "bias", "pooled"]
    assert lines["half"].rate == ""
    assert lines["half"].figures["accuracy"].spread == 0
    found = lines["fedavg"].figures["accuracy"]
    assert found.by_party.keys() == {"party-0", "party-1", "party-2"}
    assert len(found.seeds) == 2
    assert found.mean == pytest.approx(found.weighted) == pytest.approx(sum(found.by_party.values()) / 3)
    assert lines["fedavg"].figures["loss"] != lines["momentum"].figures["loss"]
    text = list(table(list(lines.values()), ["accuracy", "loss"]))
    assert len(text) == 2 * 7 + 1
    assert text[1].startswith("a coin")


def test_the_same_study_has_the_same_figures(tmp_path: Path) -> None:
    arms = [Arm("fedavg", "FedAvg", FEDERATED)]
    runs = [
        list(Study(design(arms, seeds=(1,)), lambda _: files(tmp_path), tmp_path / str(run)).lines())
        for run in range(2)
    ]
    assert runs[0] == runs[1]


def test_arms_are_trained_together_where_they_can_be() -> None:
    plain, tuned = Arm("a", "", FEDERATED), Arm("b", "", FINE_TUNE, steps=5)
    ditto, longer = Arm("c", "", DITTO, steps=5), Arm("d", "", DITTO, steps=9)
    other = Arm("e", "", FEDERATED, settings={"batch_size": 2})
    assert [[arm.name for arm in group] for group in grouped([plain, tuned, ditto, longer, other])] == [
        ["a", "b", "c"],
        ["d"],
        ["e"],
    ]


def test_a_figure_of_which_less_is_better_is_chosen_by_less() -> None:
    values = {"a": 2.0, "b": 1.0, "c": 1.0}
    assert Criterion("loss", least=True).best(values) == "b"
    assert Criterion("accuracy").best(values) == "a"


def test_parties_ask_questions_of_their_own_of_one_trunk(tmp_path: Path) -> None:
    random, found = np.random.default_rng(1), []
    for name in ("one", "two"):
        paths = []
        for side in ROWS:
            paths.append(tmp_path / f"{name}-{side}.csv")
            values = random.uniform(0, 1, (20, 2))
            lines = [f"{a},{b},{int(a > b)}" for a, b in values]
            paths[-1].write_text("\n".join([f"a,b,{name}", *lines]))
        found.append(PartyFiles(name, *paths, own={"tasks": [name]}))

    def known(rate: str) -> Mapping[str, Any]:
        return {"columns": ["a", "b"], "ranges": ["0:1", "0:1"], "hidden": ["4"], "learning_rate": rate}

    arms = [Arm("heads", "heads at home", PRIVATE, private=("head.*",), heads=True)]
    made = design(arms, task="multitask", settings=known, rates=("0.3",), figures=(Criterion("accuracy"),))
    (line,) = Study(made, lambda _: found, tmp_path / "scratch").lines()
    assert line.figures["accuracy"].by_party.keys() == {"one", "two"}
