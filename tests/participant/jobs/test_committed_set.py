"""Scored drafts: the evaluation set that a job commits to, the network it describes, and the terms of its scores."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.drafts import DRAFT, Memory  # noqa: E402
from torch import nn  # noqa: E402

from ledger.errors import FedledgerError, Malformed, UsageError  # noqa: E402
from ledger.formats.artifact import Layout  # noqa: E402
from ledger.formats.cid import Cid  # noqa: E402
from ledger.jobs import document, scores  # noqa: E402
from ledger.jobs.layers import Conv2d, Flatten, Linear, MaxPool, Relu  # noqa: E402
from ledger.scores import evaluation_set  # noqa: E402
from ledger.scores.inference import FRACTION_BITS, NeuralNetwork  # noqa: E402
from participant.integers.tensors import stream_of, table  # noqa: E402
from participant.jobs.committed_set import set_of  # noqa: E402
from participant.jobs.creation import create  # noqa: E402
from participant.jobs.draft import Draft, read  # noqa: E402
from participant.tasks.ready.image import Image  # noqa: E402
from participant.tasks.ready.tabular import Tabular  # noqa: E402

pytestmark = pytest.mark.node

SCORING = """
[scoring]
method = "shapley"
utility = "accuracy"
evidence = "committed_set"
set = "rows.csv"
score_seconds = 60
reveal_seconds = 30
scorers = 2
"""
COLUMNS: dict[str, Any] = {"columns": ["a", "b"], "ranges": ["0:1", "-1:1"], "classes": ["x", "y"]}


def rows_file(folder: Path, labels: str = "xyxyy", name: str = "rows.csv") -> Path:
    random = np.random.default_rng(1)
    with (folder / name).open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "b", "label"])
        writer.writerows([random.uniform(0, 1), random.uniform(-1, 1), label] for label in labels)
    return folder / name


def draft(folder: Path, scoring: str = SCORING, text: str = DRAFT) -> Draft:
    (folder / "draft.toml").write_text(text + scoring)
    return read(folder / "draft.toml")


def test_a_scored_draft_commits_to_its_rows_and_has_the_terms(tmp_path: Path) -> None:
    rows_file(tmp_path)
    memory = Memory()
    made = create(draft(tmp_path), memory.put)
    evidence = scores.committed_set(made.scoring)
    assert evidence is not None
    assert made.scoring == scores.Shapley(utility="accuracy", evidence=evidence)
    assert (evidence.samples, evidence.shape, evidence.classes) == (5, (2,), 2)
    assert [layer.__struct_config__.tag for layer in evidence.layers] == ["linear", "relu", "linear", "relu", "linear"]
    assert (made.terms.score_seconds, made.terms.reveal_seconds, made.terms.scorers) == (60, 30, 2)
    assert document.parse(made.encode()) == made
    content = memory.files[f"set/{evidence.root}"]
    found = evaluation_set.read(evidence, lambda _cid, start, stop: iter([content[start:stop]]))
    assert found.labels.tolist() == [0, 1, 0, 1, 1]


def test_a_closed_set_stays_out_of_the_store(tmp_path: Path) -> None:
    rows_file(tmp_path)
    memory = Memory()
    made = create(draft(tmp_path), memory.put, open_set=False)
    assert scores.committed_set(made.scoring) is not None
    assert not [pin for pin in memory.files if pin.startswith("set/")]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ('method = "cosine"', scores.Cosine()),
        ('method = "shapley"\nutility = "auc"\nevidence = "private_sets"', ("auc", "none")),
        (
            'method = "gtg_shapley"\nutility = "loss"\nevidence = "private_sets"\nevaluations = 90\ntolerance = 7',
            ("loss", "none"),
        ),
        ('method = "leave_one_out"\nutility = "loss"\nevidence = "private_sets"\nweighting = "past_scores"', None),
    ],
)
def test_every_kind_of_scores_can_be_drafted(tmp_path: Path, lines: str, expected: Any) -> None:
    said = f"[scoring]\n{lines}\nscore_seconds = 9\nreveal_seconds = 8\nscorers = 3\n"
    made = create(draft(tmp_path, said), Memory().put)
    if isinstance(expected, scores.Cosine):
        assert made.scoring == expected
    elif expected is None:
        assert isinstance(made.scoring, scores.LeaveOneOut)
        assert made.scoring.weighting == "past_scores"
    else:
        assert isinstance(made.scoring, scores.Measured)
        assert (made.scoring.utility, made.scoring.weighting) == expected
        assert made.scoring.evidence == scores.PrivateSets()


BAD = [
    ('method = "shapely"', "shapely"),
    ('method = "cosine"\nutility = "loss"', "utility"),
    ('method = "shapley"\nutility = "accuracy"', "evidence"),
    ('method = "shapley"\nutility = "beauty"\nevidence = "private_sets"', "beauty"),
    ('method = "shapley"\nutility = "loss"\nevidence = "private_sets"\nevaluations = 3', "evaluations"),
    ('method = "shapley"\nutility = "loss"\nevidence = "private_sets"\nset = "rows.csv"', "scoring.set"),
    ('method = "shapley"\nutility = "loss"\nevidence = "committed_set"', "scoring.set"),
    ('method = "shapley"\nutility = "loss"\nevidence = "committed_set"\nset = "nowhere.csv"', "nowhere.csv"),
    ('method = "shapley"\nutility = "loss"\nevidence = "committed_set"\nset = "same.csv"', "one class"),
    ('method = "cosine"\nweighting = "fame"', "fame"),
    ('method = "cosine"\nfame = 1', "fame"),
]


@pytest.mark.parametrize(("lines", "words"), BAD, ids=[words for _, words in BAD])
def test_a_draft_that_cannot_be_scored_is_refused_by_name(tmp_path: Path, lines: str, words: str) -> None:
    rows_file(tmp_path)
    rows_file(tmp_path, "yyy", "same.csv")
    said = f"[scoring]\n{lines}\nscore_seconds = 9\nreveal_seconds = 8\nscorers = 3\n"
    memory = Memory()
    with pytest.raises(FedledgerError) as error:
        create(draft(tmp_path, said), memory.put)
    assert words in str(error.value)
    assert not [pin for pin in memory.files if pin.startswith(("set/", "job/"))]


@pytest.mark.parametrize("field", ["score_seconds", "reveal_seconds", "scorers"])
def test_scores_need_time_and_a_quorum(tmp_path: Path, field: str) -> None:
    numbers = {"score_seconds": 9, "reveal_seconds": 8, "scorers": 3} | {field: 0}
    said = '[scoring]\nmethod = "cosine"\n' + "".join(f"{name} = {value}\n" for name, value in numbers.items())
    with pytest.raises(Malformed, match=field):
        create(draft(tmp_path, said), Memory().put)


def test_rows_become_integers_as_the_task_scales_them(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,b,label\n0,0,x\n1,1,y\n0.75,-0.3,y\n")
    found = set_of(Tabular(COLUMNS), path)
    scaled = np.float32(-0.3)
    assert found.inputs.tolist() == [[-65536, 0], [65536, 65536], [32768, round(float(scaled) * 65536)]]
    assert found.labels.tolist() == [0, 1, 1]


def close(task: Any, model: Any, inputs: Any, outputs: int) -> None:
    """What exact inference makes of the described layers is what the model says, up to rounding."""
    network = tuple(task.layers(model))
    layout = Layout(table(model.state_dict(), 24))
    integers = np.round(inputs * 2**FRACTION_BITS).astype(np.int32)
    made = NeuralNetwork(inputs.shape[1:], network, layout).outputs(stream_of(model.state_dict(), layout), integers)
    with torch.no_grad():
        said = model(torch.from_numpy(integers / 2**FRACTION_BITS).float()).numpy()
    assert made.shape == (len(inputs), outputs)
    assert np.abs(made / 2**FRACTION_BITS - said).max() < 1e-3


def test_the_built_in_models_are_described() -> None:
    random = np.random.default_rng(2)
    for settings in ({"model": "logistic"}, {"model": "mlp", "hidden": ["5", "4"]}):
        task = Tabular(COLUMNS | settings)
        close(task, task.build_model(1), random.uniform(-1, 1, (7, 2)), 2)
    image = Image({"height": 9, "width": 8, "classes": ["1", "2", "3"], "filters": ["2", "3"]})
    model = image.build_model(1)
    close(image, model, random.uniform(0, 1, (4, 1, 9, 8)), 3)
    first, last = Conv2d(weight="0.weight", bias="0.bias", padding=1), Linear(weight="7.weight", bias="7.bias")
    middle = Conv2d(weight="3.weight", bias="3.bias", padding=1)
    pooled = [Relu(), MaxPool(size=2)]
    assert tuple(image.layers(model)) == (first, *pooled, middle, *pooled, Flatten(), last)


@pytest.mark.parametrize(
    "part",
    [
        nn.Linear(2, 2, bias=False),
        nn.Conv2d(1, 1, 3, stride=2),
        nn.Conv2d(1, 1, 3, padding=(1, 0)),
        nn.Conv2d(2, 2, 3, groups=2),
        nn.Conv2d(1, 1, 3, padding="same"),
        nn.MaxPool2d(2, stride=1),
        nn.MaxPool2d(3, ceil_mode=True),
        nn.Flatten(0),
        nn.BatchNorm1d(2),
        nn.Sigmoid(),
    ],
    ids=str,
)
def test_a_layer_that_exact_inference_does_not_know_is_named(part: Any) -> None:
    with pytest.raises(UsageError) as error:
        Tabular(COLUMNS).layers(nn.Sequential(nn.ReLU(), part))
    assert (error.value.facts["layer"], error.value.facts["actual"]) == ("1", str(part))


def test_a_task_describes_a_model_of_its_own_kind() -> None:
    class Own(Tabular):
        def layers(self, model: Any) -> list[Any]:
            return [Linear(weight="weight", bias="bias")]

    model = nn.Linear(2, 2)
    assert Own(COLUMNS).layers(model) == [Linear(weight="weight", bias="bias")]
    with pytest.raises(UsageError, match="layer by layer"):
        Tabular(COLUMNS).layers(model)


def test_data_without_inputs_or_labels_cannot_be_committed_to(tmp_path: Path) -> None:
    class Blind(Tabular):
        def load_data(self, path: Path) -> Any:
            return {"rows": 3}

    with pytest.raises(UsageError, match="cannot be committed to"):
        set_of(Blind(COLUMNS), tmp_path)


def test_the_set_has_the_address_that_the_job_says(tmp_path: Path) -> None:
    rows_file(tmp_path)
    memory = Memory()
    made = create(draft(tmp_path), memory.put)
    evidence = scores.committed_set(made.scoring)
    assert evidence is not None
    from ledger.formats.unixfs import cid_of

    assert cid_of([memory.files[f"set/{evidence.root}"]])[0] == Cid.parse(evidence.cid)
