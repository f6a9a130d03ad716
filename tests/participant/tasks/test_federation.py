"""What each party gets out of joining: exact rounds without a ledger, private tensors, personal models."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from ledger.errors import Malformed, UsageError  # noqa: E402
from participant.comparing.federation import Federation, Methods, Party  # noqa: E402
from participant.tasks.classification import Labelled  # noqa: E402
from participant.tasks.discovery import find  # noqa: E402
from participant.tasks.optimisers import Plan, fit  # noqa: E402
from participant.tasks.settings import Settings  # noqa: E402

pytestmark = pytest.mark.node
SETTINGS: dict[str, Any] = {
    "columns": ["a", "b"],
    "ranges": ["-1:1", "-1:1"],
    "classes": ["x", "y"],
    "learning_rate": "0.3",
    "batch_size": 8,
    "epochs": 2,
}
SITES, CLASSES = 8, 10


def shifted(number: int) -> tuple[Labelled, Labelled]:
    """Rows of one rule, whose prevalence differs from party to party: training rows, and others."""
    random = np.random.default_rng(number)
    inputs = random.uniform(-1, 1, (80, 2))
    targets = (inputs[:, 0] + inputs[:, 1] + (0.9 if number % 2 else -0.9) > 0).astype(np.int64)
    both = [
        Labelled(torch.from_numpy(inputs[part]).float(), torch.from_numpy(targets[part]))
        for part in (slice(40), slice(40, 80))
    ]
    return both[0], both[1]


def federation(folder: Path, parties: int = 4, **settings: Any) -> Federation:
    known = SETTINGS | settings
    made = [Party(f"party {number}", *shifted(number)) for number in range(parties)]
    return Federation(find("tabular").create(known), known, made, folder)


def means(rows: Any, figure: str = "accuracy") -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for row in rows:
        found.setdefault(row.method, []).append(row.merit[figure])
    return {method: sum(values) / len(values) for method, values in found.items()}


def test_a_bias_at_home_is_worth_it_where_prevalence_differs(tmp_path: Path) -> None:
    rows = list(federation(tmp_path).compared(Methods(10, 1, ("0.bias",), steps=50)))
    assert [row.party for row in rows if row.method == "local"] == [f"party {number}" for number in range(4)]
    found = means(rows)
    assert list(found) == ["local", "federated", "fine_tune", "ditto", "private", "pooled"]
    assert found["private"] > found["federated"] + 0.1
    assert found["private"] > 0.9
    assert found["fine_tune"] > found["federated"]


def test_the_same_arguments_make_the_same_models(tmp_path: Path) -> None:
    by = Methods(3, 1, ("0.bias",))
    (first, own), (second, _) = (federation(tmp_path / str(run)).train(by, by.private) for run in range(2))
    assert (first == second).all()
    assert len(first) == 4
    assert len(own) == 4
    assert not torch.equal(own[0]["0.bias"], own[1]["0.bias"])
    other, _ = federation(tmp_path / "other").train(Methods(3, 2, by.private), by.private)
    assert (other != first).any()


def test_dittos_pull_holds_a_personal_model_near_the_global_one(tmp_path: Path) -> None:
    found = {}
    for pull in (0.0, 0.1, 3.0):
        rows = federation(tmp_path / str(pull), 2).compared(
            Methods(5, 1, steps=200, pull=pull, wanted=("federated", "ditto"))
        )
        losses = means(rows, "loss")
        found[pull] = abs(losses["ditto"] - losses["federated"])
    assert found[0.0] > found[0.1] > found[3.0]


def test_patterns_of_nothing_and_of_everything_are_refused(tmp_path: Path) -> None:
    for pattern, message in (("head.*", "of no tensor"), ("0.*", "leaves no tensor to share")):
        with pytest.raises(Malformed, match=message):
            list(federation(tmp_path).compared(Methods(1, 1, (pattern,), wanted=("private",))))


def test_a_head_is_trained_alone_first_where_training_alternates(tmp_path: Path) -> None:
    task = find("tabular").create(SETTINGS | {"model": "mlp", "hidden": ["3"], "personal": "alternate"})
    model, (rows, _) = task.build_model(1), shifted(1)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    base = {name: before[name] for name in ("0.bias", "0.weight")}
    plan = Plan(1, 8, "sgd", 0.1, 0, 0, 0, personal="alternate")
    seen: list[set[str]] = []

    def note(_: float, __: float, ___: float | None = None) -> None:
        seen.append({name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])})

    loss = torch.nn.functional.cross_entropy
    fit(model, rows.inputs, rows.targets, loss, plan, seed=1, base=base, report=note)
    assert seen == [{"2.bias", "2.weight"}, {"0.bias", "0.weight", "2.bias", "2.weight"}]
    with pytest.raises(UsageError, match="every tensor of this model is shared"):
        fit(model, rows.inputs, rows.targets, loss, plan, seed=1, base=dict(model.state_dict()))
    named = Settings("tabular", {"personal": "both"})
    with pytest.raises(Malformed, match="personal"):
        Plan.read(named)


@pytest.mark.parametrize(("steps", "passes"), [(1, 1), (5, 1), (6, 2), (12, 3)])
def test_steps_are_counted_over_passes(steps: int, passes: int) -> None:
    model, (rows, _) = torch.nn.Linear(2, 2), shifted(1)
    plan, said = Plan(1, 8, "sgd", 0.1, 0, 0, 0, steps=steps), list[tuple[float, float]]()

    def note(done: float, of: float, _: float | None = None) -> None:
        said.append((done, of))

    fit(model, rows.inputs, rows.targets, torch.nn.functional.cross_entropy, plan, seed=1, base={}, report=note)
    assert said[-1] == (steps, steps)
    assert len(said) == passes


def sites() -> list[Party]:
    """Handwritten digits at eight sites, each of which sees them through an affine change of its own, some inverted."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    order = np.random.default_rng(5).permutation(len(digits.target))
    inputs, targets = digits.data[order] / 8 - 1, digits.target[order]
    parties = []
    for site in range(SITES):
        random = np.random.default_rng(100 + site)
        scale, offset = random.uniform(0.3, 2.0) * (-1 if site % 3 == 0 else 1), random.uniform(-2, 2)
        seen = torch.from_numpy(inputs * scale + offset).float()
        mine, test = np.arange(site, 1200, SITES), np.arange(1200, len(targets))
        parties.append(
            Party(
                f"site {site}",
                Labelled(seen[mine], torch.from_numpy(targets[mine])),
                Labelled(seen[test], torch.from_numpy(targets[test])),
            )
        )
    return parties


def test_batch_normalisation_at_home_is_worth_it_where_inputs_differ(tmp_path: Path) -> None:
    """FedBN (X. Li et al. 2021): the pattern takes the layer's weights and what it counts, too."""
    known: dict[str, Any] = SETTINGS | {
        "model": "mlp",
        "hidden": ["32"],
        "norm": "batch",
        "columns": [f"p{number}" for number in range(64)],
        "ranges": ["-1:1"] * 64,
        "classes": [str(number) for number in range(CLASSES)],
        "learning_rate": "0.3",
        "batch_size": 16,
        "steps": 20,
    }
    task = find("tabular").create(known)
    names = sorted(task.state(task.build_model(1)))
    assert [name for name in names if name.startswith("1.")] == [
        "1.bias",
        "1.num_batches_tracked",
        "1.running_mean",
        "1.running_var",
        "1.weight",
    ]
    made = Federation(task, known, sites(), tmp_path)
    found = means(made.compared(Methods(20, 1, ("1.*",), wanted=("federated", "private"))))
    assert found["federated"] < 0.7
    assert found["private"] > 0.8
