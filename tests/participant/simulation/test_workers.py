"""A simulation by workers: the bytes of one process, whatever happens to them, and what is said of a failure."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.installing import install  # noqa: E402
from support.simulated import wanted, write_draft, write_own_draft, write_rows  # noqa: E402

from ledger.errors import FedledgerError, Unavailable, UsageError  # noqa: E402
from participant.simulation import workforce  # noqa: E402
from participant.simulation.orders import (  # noqa: E402
    Fitted,
    UnitOrder,
    batch_of,
    encode,
    integers,
    parse,
)
from participant.simulation.simulation import Simulation  # noqa: E402
from participant.simulation.training import Alone  # noqa: E402
from participant.simulation.worker import begun  # noqa: E402
from participant.simulation.workforce import staffing_of  # noqa: E402
from participant.trainer.messages import Failed  # noqa: E402

pytestmark = pytest.mark.node

NO_RAY = pytest.mark.skipif(find_spec("ray") is None, reason='Ray is not installed: pip install "fedledger[ray]"')
ON_RAY = """
import sys
from pathlib import Path
from support.simulated import wanted
from participant.simulation.simulation import Simulation
folder, exact = Path(sys.argv[1]), sys.argv[2] == "exact"
asked = {"workers": 2, "engine": "ray", "exact": exact, "folder": folder / "ray"}
Simulation(wanted(folder, folder / "job.toml", [folder / "rows.csv"], **asked)).run()
"""
OWN = """
import os, pathlib
import torch
from torch import nn
from participant.tasks.protocol import Task, TrainResult

class Own(Task):
    name = "{name}"
    version = "1"
    def __init__(self, settings): pass
    def build_model(self, seed):
        model = nn.Linear(1, 1)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.fill_(0.5)
        return model
    def load_data(self, path):
        return torch.tensor([[float(line)] for line in path.read_text().split()])
    def train(self, model, data, round):
        number = float(data.sum())
        if number == 13:
            raise RuntimeError("unlucky")
        if number >= 100:
            mark = pathlib.Path(os.environ["MARKS"]) / str(number)
            if number > 100 or not mark.exists():
                mark.touch()
                os._exit(1)
        kept = round.scratch / "rounds"
        seen = kept.read_text() if kept.exists() else ""
        kept.write_text(seen + ".")
        with torch.no_grad():
            model.weight += 0.001 * number * (1 + len(seen))
        return TrainResult(samples=len(data), loss=number)
    def evaluate(self, model, data):
        return {{"error": float(model(data).detach().square().mean())}}
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A draft of a job with a task of one's own, which keeps something for its next round; workers find it, too."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("MARKS", str(tmp_path))
    install(tmp_path, "crowd", OWN)
    (tmp_path / "test.txt").write_text("1 2 3")
    yield write_own_draft(tmp_path / "own.toml", "crowd")
    for name in [name for name in sys.modules if name.startswith(("own_", "helper_"))]:
        del sys.modules[name]


def simulated(place: Path, job: Path, numbers: list[int], folder: str, **changes: Any) -> Simulation:
    """A simulation, run, of as many clients as numbers, each with a file of one."""
    files = [place / f"{client}.txt" for client in range(len(numbers))]
    for file, number in zip(files, numbers, strict=True):
        file.write_text(str(number))
    made = Simulation(wanted(place, job, files, test=place / "test.txt", folder=place / folder, **changes))
    made.run()
    return made


def test_two_workers_make_the_bytes_of_one_process(tmp_path: Path, own: Path) -> None:
    alone, pair = (simulated(tmp_path, own, [1, 2, 3, 4], str(n), workers=n, ledger="none") for n in (1, 2))
    assert pair.results.rows == alone.results.rows
    models = [(tmp_path / name / "model-2.safetensors").read_bytes() for name in "12"]
    assert models[0] == models[1]
    assert (alone.staffing.words, pair.staffing.words) == ("this process", "2 processes")
    assert pair.seconds.training > 0


@pytest.mark.parametrize("exact", [True, False])
def test_workers_train_units_of_either_way(tmp_path: Path, exact: bool) -> None:
    draft, rows = write_draft(tmp_path / "job.toml"), write_rows(tmp_path / "rows.csv", 120)
    made = []
    for workers in (1, 2):
        asked = {"workers": workers, "exact": exact, "rounds": 1, "partition": "dirichlet:2"}
        made.append(Simulation(wanted(tmp_path, draft, [rows], folder=tmp_path / str(workers), **asked)))
        made[-1].run()
    assert made[0].results.rows == made[1].results.rows


def test_a_worker_that_ends_is_begun_again_and_its_client_trained_again(tmp_path: Path, own: Path) -> None:
    numbers = [1, 100, 3]
    broken = simulated(tmp_path, own, numbers, "broken", workers=2)
    assert (tmp_path / "100.0").exists()
    whole = simulated(tmp_path, own, numbers, "whole", workers=1)
    assert broken.results.rows == whole.results.rows


def test_a_client_that_ends_every_worker_is_named(tmp_path: Path, own: Path) -> None:
    with pytest.raises(Unavailable, match="ended, each of them") as caught:
        simulated(tmp_path, own, [1, 101, 3], "out", workers=2)
    facts = caught.value.facts
    assert (facts["client"], facts["round"], facts["task"]) == (1, 1, "crowd")
    assert "--workers" in caught.value.advice


def test_what_a_task_raises_in_a_worker_is_told_with_client_round_and_task(tmp_path: Path, own: Path) -> None:
    told = []
    for workers in (1, 2):
        with pytest.raises(UsageError, match="failed in train: RuntimeError: unlucky") as caught:
            simulated(tmp_path, own, [1, 2, 13, 13], str(workers), workers=workers)
        told.append({name: str(value) for name, value in caught.value.facts.items()})
    assert told[0] == told[1]
    assert told[0] | {"client": "2", "round": "1", "task": "crowd"} == told[0]


def test_workers_are_begun_once_that_pays(tmp_path: Path, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first clients are trained here, the others of the same round elsewhere."""
    monkeypatch.setattr(workforce, "PAYS", 0.0)
    monkeypatch.setattr(workforce, "cores", lambda: 2)
    here: list[int] = []
    fitted = Alone.fit

    def counted(self: Alone, place: int, *more: Any) -> Any:
        here.append(place)
        return fitted(self, place, *more)

    monkeypatch.setattr(Alone, "fit", counted)
    numbers = [1, 2, 3, 4]
    mixed = simulated(tmp_path, own, numbers, "mixed", rounds=1)
    assert here == [0, 1]
    assert "once that pays" in mixed.staffing.words
    monkeypatch.setattr(workforce, "PAYS", 1e9)
    assert simulated(tmp_path, own, numbers, "alone", rounds=1).results.rows == mixed.results.rows
    assert here == [0, 1, 0, 1, 2, 3]


@pytest.mark.parametrize(
    ("asked", "engine", "paying", "expected"),
    [
        (None, "processes", True, (8, "processes", True)),
        (None, "processes", False, (1, "processes", True)),
        (3, "processes", False, (3, "processes", False)),
        (200, "processes", True, (10, "processes", False)),
        (None, "ray", False, (8, "ray", False)),
        (1, "ray", False, (1, "ray", False)),
    ],
)
def test_there_are_as_many_workers_as_cores_or_as_asked_for(
    asked: int | None, engine: Any, paying: bool, expected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workforce, "cores", lambda: 8)
    assert staffing_of(asked, engine, paying=paying, units=10) == expected


@pytest.mark.parametrize("change", [lambda rows: rows.write_text(rows.read_text() + "0.1,0.2,0.3,z\n"), Path.unlink])
def test_a_worker_without_the_same_data_says_so(tmp_path: Path, change: Callable[[Path], object]) -> None:
    draft, rows = write_draft(tmp_path / "job.toml"), write_rows(tmp_path / "rows.csv", 40)
    made = Simulation(wanted(tmp_path, draft, [rows]))
    setup, order = encode(made._setup()), encode(UnitOrder(round=1, place=0, base=integers(made.initial)))
    assert batch_of(parse(begun(setup, print)(order), Fitted), (0,), made.job.layout.values).clients == (0,)
    change(rows)
    failed = parse(begun(setup, print)(order), Failed)
    assert "does not find" in failed.message
    assert failed.facts["file"] == str(rows)


def test_data_that_change_after_they_were_read_are_not_trained_on_by_workers(tmp_path: Path) -> None:
    job, rows = write_draft(tmp_path / "job.toml"), write_rows(tmp_path / "rows.csv", 90, seed=1)
    simulation = Simulation(wanted(tmp_path, job, [rows], workers=2, exact=True, folder=tmp_path / "results"))
    write_rows(rows, 90, seed=2)
    with pytest.raises(FedledgerError, match="does not find"):
        simulation.run()


@pytest.mark.ray
@NO_RAY
@pytest.mark.parametrize("way", ["exact", "together"])
def test_a_ray_cluster_makes_the_bytes_of_one_process(tmp_path: Path, way: str) -> None:
    """Ray warns, so it has a process of its own."""
    draft, rows = write_draft(tmp_path / "job.toml"), write_rows(tmp_path / "rows.csv", 120)
    told = {"env": os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])}}
    command = [sys.executable, "-c", ON_RAY, str(tmp_path), way]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False, **told)
    assert done.returncode == 0, done.stderr
    alone = Simulation(wanted(tmp_path, draft, [rows], workers=1, exact=way == "exact", folder=tmp_path / "alone"))
    alone.run()
    ends = [(tmp_path / name / "rounds.csv").read_text() for name in ("ray", "alone")]
    assert ends[0] == ends[1]


def test_without_ray_an_error_says_how_to_have_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    draft, rows = write_draft(tmp_path / "job.toml"), write_rows(tmp_path / "rows.csv", 40)
    with pytest.raises(UsageError, match="Ray is not installed"):
        Simulation(wanted(tmp_path, draft, [rows], engine="ray")).run()


SHORT = Fitted(updates=b"1234", samples=(1,), losses=(1.0,), training=0, elsewhere=0)


@pytest.mark.parametrize("answer", [b"", b"\x80", encode(SHORT)])
def test_an_answer_of_another_form_is_refused(answer: bytes) -> None:
    with pytest.raises(FedledgerError):
        batch_of(parse(answer, Fitted), (0,), 4)
