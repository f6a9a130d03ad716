"""A round's training with noise: what it follows from, what it moves, and who may not have it."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.drafts import Memory  # noqa: E402
from support.installing import install  # noqa: E402
from support.noisy import write_noisy_draft  # noqa: E402
from support.simulated import write_own_draft, write_rows  # noqa: E402
from support.training import machine  # noqa: E402

from ledger.errors import Malformed, UsageError  # noqa: E402
from ledger.formats.digest import sha256  # noqa: E402
from ledger.masks.secret import Secret  # noqa: E402
from participant.jobs.creation import create  # noqa: E402
from participant.jobs.draft import read  # noqa: E402
from participant.privacy.noise import Noise  # noqa: E402
from participant.privacy.randomness import Randomness  # noqa: E402
from participant.simulation.job import initial_stream  # noqa: E402
from participant.tasks.learning import learn  # noqa: E402
from participant.tasks.optimisers import Plan  # noqa: E402
from participant.tasks.protocol import RoundContext, TrainResult  # noqa: E402
from participant.tasks.training import Local, Trained  # noqa: E402

pytestmark = pytest.mark.node
SALT = sha256(b"salt")


def local_of(folder: Path, salt: bytes = SALT, **changes: Any) -> Local:
    job = create(read(write_noisy_draft(folder / "job.toml", **changes)), Memory().put)
    return Local.of(job, machine(folder), salt=salt)


def train(local: Local, rows: Path, number: int = 1, base: Any = None, **more: Any) -> Trained:
    return local.train(
        initial_stream(local, Path("job.json")) if base is None else base, rows, number, 7, keep=False, **more
    )


def test_it_follows_from_salt_round_model_and_rows(tmp_path: Path) -> None:
    """After a crash it is the same to the byte; where anything differs, so does the noise."""
    rows, fewer = write_rows(tmp_path / "rows.csv", 60), write_rows(tmp_path / "fewer.csv", 59)
    local = local_of(tmp_path)
    first = train(local, rows)
    again = train(local_of(tmp_path), rows)
    assert np.array_equal(first.update, again.update)
    assert first.weight == again.weight == 60
    other = local_of(tmp_path, salt=sha256(b"another"))
    moved = first.update + initial_stream(local, Path("job.json"))
    different = [train(other, rows), train(local, rows, 2), train(local, fewer), train(local, rows, base=moved)]
    assert len({one.update.tobytes() for one in [first, *different]}) == 5


def test_rows_that_are_trained_on_again_have_the_noise_that_they_had(tmp_path: Path) -> None:
    rows, local = write_rows(tmp_path / "rows.csv", 60), local_of(tmp_path, hold_out=20)
    first = train(local, rows)
    assert np.array_equal(train(local, rows, again=first.leaves).update, first.update)


def test_the_noise_is_there(tmp_path: Path) -> None:
    """With a clip near zero the update is noise alone, of the variance that follows from the job: chi-squared."""
    rows = write_rows(tmp_path / "rows.csv", 50)
    said = {"model": "mlp", "settings": 'hidden = ["400"]', "rate": 1.0, "sampling": 1, "steps": 3}
    local = local_of(tmp_path, clip="0.001", noise="noise = 200.0", **said)
    update = train(local, rows).update.astype(float) * 2.0**-24
    expected = 1.0 * 200.0 * 0.001 / 50 * 3**0.5
    ratio = float((update**2).mean()) / expected**2
    assert abs(ratio - 1) < 6 * (2 / len(update)) ** 0.5, ratio


def test_it_learns(tmp_path: Path) -> None:
    rows, local = write_rows(tmp_path / "rows.csv", 400), local_of(tmp_path, rate=2.0, steps=12, epsilon=20)
    base = initial_stream(local, Path("job.json"))
    for number in (1, 2, 3):
        base = base + train(local, rows, number, base).update
    assert local.evaluate(base, rows)["accuracy"] > 0.8


def test_without_a_salt_there_is_no_noise_and_no_training(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.csv", 60)
    with pytest.raises(UsageError, match="a home's salt"):
        train(local_of(tmp_path, salt=b""), rows)


@pytest.mark.parametrize(("setting", "instead"), [("epochs", "steps"), ("batch_size", "sampling")])
def test_settings_that_the_noise_says_are_refused(tmp_path: Path, setting: str, instead: str) -> None:
    with pytest.raises(Malformed, match=setting) as caught:
        local_of(tmp_path, settings=f"{setting} = 3")
    assert instead in caught.value.advice


class Watched(torch.nn.Linear):
    """Keeps the seeds that PyTorch's own randomness had while it was asked."""

    def __init__(self) -> None:
        super().__init__(2, 2)
        self.seeds = set[int]()

    def forward(self, values: Any) -> Any:
        self.seeds.add(torch.initial_seed())
        return super().forward(values)


def fitted(inputs: Any, secret: int = 1) -> tuple[Watched, TrainResult, list[float | None]]:
    """A model after three steps with noise on these rows, what came back, and the losses that were reported."""
    torch.manual_seed(5)
    model, losses = Watched(), list[float | None]()
    noise = Noise(1.0, 0.5, Decimal(1), 3, Randomness(Secret(secret.to_bytes(32, "big"))))
    plan = Plan(1, 1, "sgd", 0.1, 0.0, 0.0, 0.0)
    context = RoundContext(1, 7, {}, torch.device("cpu"), Path(), {}, lambda *said: losses.append(said[2]), noise)
    targets = torch.zeros(len(inputs), dtype=torch.int64)
    return model, learn(model, inputs, targets, torch.nn.functional.cross_entropy, plan, context), losses


def test_what_the_model_draws_itself_follows_from_the_secret() -> None:
    """Dropout's masks go by a row's place in a step: who knew them would see which rows are before it."""
    rows = torch.ones(4, 2)
    (first,), (again,), (other,) = (fitted(rows, secret)[0].seeds for secret in (1, 1, 2))
    assert first == again
    assert len({first, other, 7}) == 3


def test_no_single_row_ends_the_training() -> None:
    """That a party is silent is seen by everybody, and no noise hides it."""
    rows = torch.ones(4, 2)
    rows[1] = float("inf")
    model, result, losses = fitted(rows)
    assert all(bool(parameter.isfinite().all()) for parameter in model.parameters())
    assert (result.samples, result.loss, losses) == (4, 0.0, [None] * 3)


OWN = """
from torch import nn
from participant.tasks.protocol import Task, TrainResult

class Own(Task):
    name = "{name}"
    version = "1"
    SAID

    def __init__(self, settings): pass
    def build_model(self, seed):
        model = nn.Linear(1, 1)
        nn.init.zeros_(model.weight), nn.init.zeros_(model.bias)
        return model
    def load_data(self, path): return [1]
    def train(self, model, data, round):
        assert round.noise is not None
        return TrainResult(samples=1, loss=0.0)
    def evaluate(self, model, data): return {{}}
"""
DP = '[dp]\nlevel = "example"\nclip = 1\nsampling = 1\nsteps = 1\nepsilon = 8\ndelta = 1e-5\nscope = "s"\n'


def own_draft(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, said: str) -> Path:
    """A draft with noise of a task of one's own, which is installed."""
    install(folder, name, OWN.replace("SAID", said))
    monkeypatch.syspath_prepend(folder)
    draft = write_own_draft(folder / "job.toml", name)
    draft.write_text(draft.read_text().replace("[admission]", "[admission]\nmin_updates = 1") + DP)
    return draft


@pytest.mark.parametrize("said", ["", "noisy = False", "noisy = 1", 'noisy = "yes"'])
def test_a_task_that_adds_no_noise_is_given_no_job_with_noise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    draft = own_draft(tmp_path, monkeypatch, f"plain_{sum(map(ord, said))}", said or "extra = 1")
    with pytest.raises(UsageError, match="does not add any"):
        create(read(draft), Memory().put)


def test_a_task_of_ones_own_that_says_so_is_given_noise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = own_draft(tmp_path, monkeypatch, "noisy_own", "noisy = True")
    local = Local.of(create(read(draft), Memory().put), machine(tmp_path), salt=SALT)
    (tmp_path / "data").write_bytes(b"1")
    assert train(local, tmp_path / "data").weight == 1
