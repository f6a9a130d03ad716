"""`job create` meets the modules that PyTorch users have: taken exactly, or refused by name with nothing stored."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from click.testing import CliRunner  # noqa: E402
from support import warm  # noqa: E402
from support.drafts import DRAFT  # noqa: E402
from support.installing import install  # noqa: E402

from ledger.cli.main import fedledger  # noqa: E402
from ledger.errors import UsageError  # noqa: E402
from ledger.formats.artifact import Layout  # noqa: E402
from participant.integers.tensors import stream_of, table, tensors_of  # noqa: E402
from participant.trainer.trainers import Trainers  # noqa: E402

pytestmark = pytest.mark.node

SOURCE = """
import torch
from participant.tasks.protocol import Task

class Extra(torch.nn.Module):
    def get_extra_state(self): return {{"calls": 1}}
    def set_extra_state(self, state): pass

class Own(Task):
    name, version = "{name}", "1"
    def __init__(self, settings): self.kind = settings["kind"]
    def build_model(self, seed):
        model = torch.nn.Linear(2, 2)
        torch.nn.init.zeros_(model.weight), torch.nn.init.zeros_(model.bias)
        numbers = torch.arange(4.0)
        buffers = {{
            "float8": lambda: numbers.to(torch.float8_e4m3fn),
            "bfloat16": lambda: numbers.bfloat16(),
            "tied": lambda: model.weight.data,
            "expanded": lambda: numbers.expand(3, 4),
            "windows": lambda: numbers.unfold(0, 2, 1),
            "sparse": lambda: torch.eye(3).to_sparse(),
            "complex": lambda: torch.ones(2, dtype=torch.complex64),
            "meta": lambda: torch.empty(2, device="meta"),
            "empty": lambda: torch.empty(0),
        }}
        if self.kind in buffers: model.register_buffer("buffer", buffers[self.kind]())
        if self.kind == "extra": model.add_module("extra", Extra())
        if self.kind == "lazy": model.add_module("lazy", torch.nn.LazyLinear(2))
        return model
    def load_data(self, path): pass
    def train(self, model, data, round): pass
    def evaluate(self, model, data): pass
"""


@pytest.fixture
def created(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    (site := tmp_path / "site").mkdir()
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setattr(Trainers.__init__, "__defaults__", (warm.serve,))
    install(site, "models", SOURCE)

    def run(kind: str) -> Any:
        start, end = DRAFT.index("[task]"), DRAFT.index("[admission]")
        task = f'[task]\nname = "models"\n\n[task.settings]\nkind = "{kind}"\n\n'
        (tmp_path / "job.toml").write_text(DRAFT[:start] + task + DRAFT[end:])
        home = tmp_path / "home"
        return CliRunner().invoke(fedledger, ["job", "create", str(tmp_path / "job.toml"), "--home", str(home)])

    return run


@pytest.mark.parametrize("kind", ["float8", "bfloat16", "tied"])
def test_a_model_with_it_is_taken(created: Callable[[str], Any], kind: str) -> None:
    result = created(kind)
    assert result.exit_code == 0, result.exception
    assert "buffer" in result.stdout


@pytest.mark.parametrize(
    ("kind", "tensor"),
    [
        *[(kind, "buffer") for kind in ("expanded", "windows", "sparse", "complex", "meta", "empty")],
        ("extra", "extra._extra_state"),
        ("lazy", "lazy.weight"),
    ],
)
def test_a_model_with_it_is_refused_by_name(
    created: Callable[[str], Any], tmp_path: Path, kind: str, tensor: str
) -> None:
    result = created(kind)
    assert isinstance(result.exception, UsageError), result.exception
    assert result.exception.exit_code == 2
    assert tensor in str(result.exception)
    assert not (tmp_path / "job.json").exists()


@pytest.mark.parametrize("name", ["float8_e4m3fn", "float8_e5m2", "bfloat16", "float16", "uint8", "int64", "bool"])
def test_every_type_comes_back_as_it_went(name: str) -> None:
    kind = getattr(torch, name)
    state = {"values": torch.tensor([0.0, 1.0, 2.0, 0.5]).to(kind)}
    layout = Layout(table(state, 20))
    back = tensors_of(layout, stream_of(state, layout), state)["values"]
    assert back.dtype is kind
    assert torch.equal(back.float(), state["values"].float())
