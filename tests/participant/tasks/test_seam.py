"""A task's own code may raise, print or return anything: a node names it, stores nothing, and goes on."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.drafts import DRAFT, Memory  # noqa: E402
from support.installing import install  # noqa: E402
from support.training import machine  # noqa: E402

from ledger.errors import Malformed, Unavailable, UsageError  # noqa: E402
from ledger.jobs.document import Job  # noqa: E402
from ledger.jobs.layers import Relu  # noqa: E402
from ledger.releases.counts import Counts  # noqa: E402
from participant.integers.tensors import stream_of  # noqa: E402
from participant.jobs.creation import create  # noqa: E402
from participant.jobs.draft import read  # noqa: E402
from participant.tasks import answers, discovery  # noqa: E402
from participant.tasks.protocol import TrainResult  # noqa: E402
from participant.tasks.seam import TaskFailed, call  # noqa: E402
from participant.tasks.sharing import shared_state  # noqa: E402
from participant.tasks.training import Local  # noqa: E402

pytestmark = pytest.mark.node

SOURCE = """
import torch
from participant.tasks.protocol import Task, TrainResult

def behave(method, otherwise=None):
    return Own.does[method]() if method in Own.does else otherwise

class Own(Task):
    name, version, does = "{name}", "1", {{}}

    def __init__(self, settings): behave("__init__")
    def build_model(self, seed):
        behave("build_model")
        model = torch.nn.Linear(1, 1)
        torch.nn.init.zeros_(model.weight), torch.nn.init.zeros_(model.bias)
        return model
    def load_data(self, path): return behave("load_data", 1)
    def train(self, model, data, round):
        (round.scratch / "note").write_text("trained")
        return behave("train", TrainResult(3, 0.5))
    def evaluate(self, model, data): return behave("evaluate", {{"loss": 1.0}})
    def state(self, model): return behave("state", model.state_dict())
    def shared(self, model): return behave("shared", list(model.state_dict()))
    def load(self, model, tensors): behave("load", model.load_state_dict(dict(tensors)))
    def layers(self, model): return behave("layers")
    def join(self, parts): return behave("join")
    def leaves(self, data): return behave("leaves", [b"x" * 32])
    def part(self, data, places): return behave("part", data)
    def counts(self, model, data): return behave("counts")
"""


@pytest.fixture
def does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What the methods of the installed task `wild` do instead of what they should."""
    (site := tmp_path / "site").mkdir()
    monkeypatch.syspath_prepend(str(site))
    install(site, "wild", SOURCE)
    monkeypatch.delitem(sys.modules, "own_wild", raising=False)  # another test's task of that name
    discovery.find("wild")
    yield sys.modules["own_wild"].Own.does
    del sys.modules["own_wild"]


@pytest.fixture
def job(does: dict[str, Any], tmp_path: Path) -> Job:
    start, end = DRAFT.index("[task]"), DRAFT.index("[admission]")
    head = "hold_out = 0\n" + DRAFT[:start]
    (tmp_path / "job.toml").write_text(head + '[task]\nname = "wild"\n\n' + DRAFT[end:])
    return create(read(tmp_path / "job.toml"), Memory().put)


@pytest.fixture
def local(job: Job, tmp_path: Path) -> Local:
    (tmp_path / "data").write_text("data")
    return Local.of(job, machine(tmp_path))


def train(local: Local, folder: Path) -> Any:
    base = stream_of(shared_state(local.task, local.task.build_model(1)), local.job.layout)
    return local.train(base, folder / "data", 7, 1)


def boom(error: BaseException) -> Any:
    def function(*_: object) -> None:
        raise error

    return function


@pytest.mark.parametrize(
    ("result", "field", "expected"),
    [
        *[
            (TrainResult(samples, 0.5), "samples", "an integer, at least 1")
            for samples in (0, -1, 2.0, "3", True, None, np.float32(3), np.bool_(True), torch.tensor([3, 4]))  # type: ignore[arg-type]
        ],
        *[
            (TrainResult(3, loss), "loss", "a finite number")
            for loss in (float("nan"), float("inf"), "0.5", None, True, 1 << 2000, torch.tensor(float("nan")))  # type: ignore[arg-type]
        ],
        (TrainResult(3, 0.5, {"a": 1.0, "b": float("nan")}), "metrics['b']", "finite floats by name"),
        (TrainResult(3, 0.5, {"b": "much"}), "metrics['b' (str)]", "finite floats by name"),  # type: ignore[dict-item]
        (TrainResult(3, 0.5, {1: 1.0}), "metrics[1 (int)]", "finite floats by name"),  # type: ignore[dict-item]
        (TrainResult(3, 0.5, {"a": (1 << 60) + 1}), "metrics['a' (str)]", "finite floats by name"),
        (TrainResult(3, 0.5, None), "metrics", "finite floats by name"),  # type: ignore[arg-type]
        (None, "result", "a TrainResult"),
    ],
)
def test_an_impossible_result_of_training_is_named_and_leaves_nothing(
    does: dict[str, Any], local: Local, tmp_path: Path, result: Any, field: str, expected: str
) -> None:
    does["train"] = lambda: result
    with pytest.raises(UsageError) as caught:
        train(local, tmp_path)
    facts = caught.value.facts
    assert (facts["task"], facts["method"], facts["field"], facts["expected"]) == ("wild", "train", field, expected)
    assert facts["actual"]
    assert [path.name for path in (tmp_path / "scratch" / local.job.digest.hex()).iterdir() if path.is_dir()] == []


@pytest.mark.parametrize("samples", [5, np.int64(5), np.uint8(5), torch.tensor(5)])
@pytest.mark.parametrize("loss", [0.5, np.float32(0.5), torch.tensor(0.5), torch.tensor(0.5, dtype=torch.bfloat16)])
def test_numbers_of_numpy_and_torch_are_converted_exactly(
    does: dict[str, Any], local: Local, tmp_path: Path, samples: Any, loss: Any
) -> None:
    does["train"] = lambda: TrainResult(samples, loss, {"share": loss, "rows": samples})
    trained = train(local, tmp_path)
    assert (trained.weight, trained.result) == (5, TrainResult(5, 0.5, {"share": 0.5, "rows": 5.0}))
    for value in (trained.weight, trained.result.samples):
        assert type(value) is int
    for value in (trained.result.loss, *trained.result.metrics.values()):
        assert type(value) is float


def failing(local: Local, method: str, folder: Path) -> None:
    """A use of the task that calls the method."""
    task, model = local.task, local.task.inner.build_model(1) if method != "build_model" else None  # type: ignore[attr-defined]
    if method == "__init__":
        discovery.find("wild").create({})
    elif method == "layers":
        task.layers(model)  # type: ignore[arg-type]
    elif method == "join":
        task.join([1])
    elif method == "part":
        task.part(1, [0])
    elif method == "counts":
        local.counts(np.zeros(2, np.int32), folder / "data")
    elif method == "evaluate":
        local.evaluate(np.zeros(2, np.int32), folder / "data")
    else:
        train(local, folder)


METHODS = ["__init__", "build_model", "load_data", "train", "evaluate", "state", "shared", "load", "layers", "join"]
METHODS += ["leaves", "part", "counts"]


RAISED = [ValueError("boom"), SystemExit("boom"), GeneratorExit("boom"), OSError("boom"), KeyboardInterrupt("boom")]


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("method", METHODS)
def test_whatever_a_method_raises_is_named(
    does: dict[str, Any], local: Local, tmp_path: Path, method: str, error: BaseException
) -> None:
    does[method] = boom(error)
    with pytest.raises(TaskFailed) as caught:
        failing(local, method, tmp_path)
    failed = caught.value
    assert failed.message == f"task wild failed in {method}: {type(error).__name__}: boom"
    assert failed.exit_code == 2
    assert (failed.facts["task"], failed.facts["method"]) == ("wild", method)
    assert "test_seam.py" in str(failed.facts["line"])
    assert "raise error" in str(failed.facts["line"])
    if method in ("load_data", "leaves", "train", "evaluate", "counts"):
        assert failed.facts["file"] == str(tmp_path / "data")
    if method == "train":
        assert failed.facts["round"] == 7


@pytest.mark.parametrize("error", [Malformed("mine"), Unavailable("mine")])
def test_fedledgers_errors_pass_as_they_are(
    does: dict[str, Any], local: Local, tmp_path: Path, error: BaseException
) -> None:
    does["train"] = boom(error)
    with pytest.raises(type(error)) as caught:
        train(local, tmp_path)
    assert caught.value is error


@pytest.mark.parametrize("answer", ["passes it on", "raises another error", "takes no notice"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_an_interrupt_whatever_a_task_makes_of_it(number: signal.Signals, answer: str) -> None:
    def task() -> None:
        try:
            signal.raise_signal(number)
        except KeyboardInterrupt as error:
            if answer == "raises another error":
                raise RuntimeError("a worker died") from error
            if answer == "passes it on":
                raise

    before = {each: signal.signal(each, signal.default_int_handler) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        with pytest.raises(KeyboardInterrupt):
            call("wild", "train", task)
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def test_an_error_without_a_readable_text_is_named() -> None:
    class Hostile(Exception):
        def __str__(self) -> str:
            raise SystemError

    with pytest.raises(TaskFailed, match="Hostile: its text cannot be read"):
        call("wild", "train", boom(Hostile()))
    with pytest.raises(TaskFailed) as caught:
        call("wild", "train", boom(ValueError("x" * 100_000)))
    assert len(str(caught.value)) < 3000


def test_what_a_task_prints_does_not_reach_standard_output(
    does: dict[str, Any], local: Local, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    does["train"] = lambda: print("printed") or TrainResult(1, 1.0)  # type: ignore[func-returns-value]
    train(local, tmp_path)
    assert capsys.readouterr() == ("", "printed\n")


@pytest.mark.parametrize(
    ("line", "said"), [("raise ValueError('boom')", "failed in import: ValueError: boom"), ("exit(0)", "SystemExit: 0")]
)
def test_a_module_that_fails_on_import_is_named(tmp_path: Path, monkeypatch: Any, line: str, said: str) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    install(tmp_path, "import", SOURCE + line + "\n")
    with pytest.raises(UsageError, match=said):
        discovery.find("import")


@pytest.mark.parametrize(
    ("method", "value", "expected"),
    [
        ("shared", "weight", "names of tensors"),
        ("shared", [1], "a text"),
        ("shared", None, "names of tensors"),
        ("shared", 7, "names of tensors"),
        ("state", [1], "tensors by name"),
        ("state", {"weight": 1.0}, "a torch.Tensor"),
        ("state", {1: torch.zeros(1)}, "a text"),
    ],
)
def test_an_impossible_state_is_named(
    does: dict[str, Any], local: Local, tmp_path: Path, method: str, value: Any, expected: str
) -> None:
    if value is None:
        value = 0
    does[method] = lambda: value
    with pytest.raises(answers.WrongAnswer) as caught:
        train(local, tmp_path)
    assert caught.value.facts["method"] == method
    assert expected in str(caught.value.facts["expected"])
    assert caught.value.facts["actual"]


@pytest.mark.parametrize("figures", [None, "good", {"loss": "good"}, {"loss": True}, {1: 1.0}, [1.0]])
def test_impossible_figures_are_named(does: dict[str, Any], local: Local, tmp_path: Path, figures: Any) -> None:
    does["evaluate"] = lambda: figures
    with pytest.raises(answers.WrongAnswer, match="from evaluate"):
        local.evaluate(np.zeros(2, np.int32), tmp_path / "data")


def test_figures_of_numpy_and_torch_are_converted(does: dict[str, Any], local: Local, tmp_path: Path) -> None:
    does["evaluate"] = lambda: {"a": np.float32(0.5), "b": torch.tensor(2), "c": np.float64(1)}
    found = local.evaluate(np.zeros(2, np.int32), tmp_path / "data")
    assert found == {"a": 0.5, "b": 2.0, "c": 1.0}
    assert {type(value) for value in found.values()} == {float}


@pytest.mark.parametrize("value", [None, "layers", [1], 7])
def test_impossible_layers_are_named(value: Any) -> None:
    with pytest.raises(answers.WrongAnswer, match="from layers"):
        answers.layers("wild", value)
    assert answers.layers("wild", [Relu()]) == (Relu(),)


@pytest.mark.parametrize("sources", ["helper", ("helper", 1), {"helper"}])
def test_sources_that_are_not_names_are_refused(tmp_path: Path, monkeypatch: Any, sources: Any) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    install(tmp_path, "sources", SOURCE + f"\nOwn.sources = {sources!r}\n".replace("{", "{{").replace("}", "}}"))
    with pytest.raises(UsageError, match="sources that are not names") as caught:
        discovery.find("sources")
    sys.modules.pop("own_sources", None)
    assert caught.value.facts["expected"] == "a tuple of texts"


@pytest.mark.parametrize(
    "value",
    [
        7,
        {"confusion": [[1]]},
        Counts(confusion=((1,),), scores=((0,), (1,))),
        Counts(confusion=((1, "x"),), scores=((), ())),
    ],  # type: ignore[arg-type]
)
def test_counts_that_do_not_add_up_are_named(does: dict[str, Any], local: Local, tmp_path: Path, value: Any) -> None:
    does["counts"] = lambda: value
    with pytest.raises(answers.WrongAnswer, match="impossible counts from counts"):
        local.counts(np.zeros(2, np.int32), tmp_path / "data")
