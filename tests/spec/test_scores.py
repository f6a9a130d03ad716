"""The example of what scorers compute, and the tables of the page, are what the code makes."""

import re
from pathlib import Path

import numpy as np

from ledger.formats.artifact import Layout, Tensor
from ledger.formats.draws import Draws
from ledger.jobs.layers import Linear
from ledger.scores import methods as scoring
from ledger.scores.game import Game
from ledger.scores.genuine import Void
from ledger.scores.geometry import cosine
from ledger.scores.inference import NeuralNetwork
from ledger.scores.utility import cross_entropies, measure

SPEC = Path(__file__).resolve().parents[2] / "docs" / "spec"
PAGE = SPEC / "scores.md"
WORTHS = [500_000, 610_000, 580_000, 655_000, 500_000, 640_000, 590_000, 701_000]
UPDATES = [[3, 4, 0], [4, 3, 0], [-1, 0, 5]]
SEED = bytes(range(32))


def rows(*pairs: tuple[str, object]) -> str:
    width = max(len(name) for name, _ in pairs) + 2
    return "".join(f"{name:<{width}}{value}\n" for name, value in pairs)


def example() -> str:
    def worth(members: frozenset[int]) -> int:
        return WORTHS[sum(1 << k for k in members)]

    names = ["nobody", "0", "1", "0 1", "2", "0 2", "1 2", "0 1 2"]
    exact = scoring.shapley(Game(3, worth))
    layout = Layout((Tensor("bias", (2,), 30), Tensor("weight", (2, 3), 24)))
    network = NeuralNetwork((3,), [Linear(weight="weight", bias="bias")], layout)
    model = np.array([1 << 29, -(1 << 28), 1 << 24, -(1 << 23), 3, 1 << 22, 1 << 25, -(1 << 24)], "<i4")
    inputs = np.array([[65536, 32768, 1 << 20], [-65536, 131072, 7], [1000, -1000, 2000]], "<i4")
    outputs, labels = network.outputs(model, inputs), np.array([0, 1, 1], "<i4")
    draws = Draws(SEED)
    first, second = (np.array(update) for update in UPDATES[:2])
    product = int(first @ second)
    return rows(
        *((f"worth of {name}", value) for name, value in zip(names, WORTHS, strict=True)),
        ("shapley", ", ".join(map(str, exact))),
        ("scores", ", ".join(map(str, scoring.to_scores(exact)))),
        ("leave_one_out", ", ".join(map(str, scoring.leave_one_out(Game(3, worth))))),
        ("bias, 30 fraction bits", model[:2].tolist()),
        ("weight, 24 fraction bits", model[2:].reshape(2, 3).tolist()),
        ("inputs", inputs.tolist()),
        ("outputs", outputs.tolist()),
        ("labels", labels.tolist()),
        ("cross-entropies", cross_entropies(outputs, labels).tolist()),
        ("loss", measure("loss", outputs, labels)),
        ("accuracy", measure("accuracy", outputs, labels)),
        ("auc", measure("auc", outputs, labels)),
        ("cosine of 3 4 0, 4 3 0", cosine(product, int(first @ first), int(second @ second))),
        ("seed", SEED.hex()),
        ("its first order of ten", draws.order(10)),
        ("then three below 1000", [draws.below(1000) for _ in range(3)]),
    )


def test_the_example_is_true() -> None:
    text = PAGE.read_text(encoding="utf-8").split("# Part two", 1)[1]
    block = re.search(r"```text\n(.*?)```", text, re.S)
    assert block
    assert block[1] == example()


def test_the_reasons_have_the_numbers_and_words() -> None:
    found = re.findall(r"^\| (\d+) \| ([A-Z_]+) \| ([^|]+?) \|", PAGE.read_text(encoding="utf-8"), re.M)
    assert [(int(number), name, words) for number, name, words in found] == [(v.value, v.name, v.meaning) for v in Void]


def test_every_method_has_its_row() -> None:
    """Part two names each method that a job may have, under Methods."""
    text = PAGE.read_text(encoding="utf-8").split("## Methods", 1)[1]
    found = set(re.findall(r"^\| `(\w+)` \|", text.split("\n## ", 1)[0], re.M))
    row = (SPEC / "job.md").read_text(encoding="utf-8").split("| `scoring.method` |", 1)[1].split("|", 1)[0]
    assert found == set(re.findall(r"`(\w+)`", row)) - {"none"}
