"""The device is the best there is, or the one named; a device that is not there is an error that says what there is."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from ledger.config import Home, HomeSettings, save  # noqa: E402
from ledger.errors import UsageError  # noqa: E402
from participant.cli.node import node  # noqa: E402
from participant.node.start import machine_of  # noqa: E402
from participant.tasks.classification import Labelled  # noqa: E402
from participant.tasks.devices import choose, place, present  # noqa: E402

pytestmark = pytest.mark.node


def pretend(monkeypatch: pytest.MonkeyPatch, *, cuda: int = 0, mps: bool = False) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("cuda", "mps", "there"),
    [(0, False, ["cpu"]), (2, False, ["cuda:0", "cuda:1", "cpu"]), (0, True, ["mps", "cpu"])],
)
def test_the_best_device_is_taken(monkeypatch: pytest.MonkeyPatch, cuda: int, mps: bool, there: list[str]) -> None:
    pretend(monkeypatch, cuda=cuda, mps=mps)
    assert present() == there
    assert choose("auto") == there[0]
    assert [choose(device) for device in there] == there


def test_a_kind_means_its_first_device(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, cuda=2)
    assert choose("cuda") == "cuda:0"


@pytest.mark.parametrize("wanted", ["cuda", "cuda:2", "mps", "tpu", "", "cpu:1"])
def test_a_device_that_is_not_there_is_named_with_those_that_are(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    pretend(monkeypatch, cuda=0 if wanted == "cuda" else 2)
    with pytest.raises(UsageError, match=f"no device '{wanted}'") as caught:
        choose(wanted)
    assert caught.value.exit_code == 2
    assert str(caught.value.facts["devices"]).endswith("cpu")


def test_the_home_names_the_device_and_the_command_overrides_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert machine_of(home, None).device == "auto"
    save(home.settings_file, HomeSettings(device="cpu"))
    assert machine_of(home, None).device == "cpu"
    assert machine_of(home, "auto").device == "auto"
    save(home.settings_file, HomeSettings(device="cuda:7"))
    with pytest.raises(UsageError, match="no device 'cuda:7'"):
        machine_of(home, None)
    assert machine_of(home, "cpu").scratch == tmp_path / "scratch"


@pytest.mark.parametrize("command", ["compare", "submit"])
def test_commands_take_a_device(tmp_path: Path, command: str) -> None:
    data = tmp_path / "data.csv"
    data.write_text("a,b,label\n0.1,0.2,x\n0.3,0.4,y\n")
    from support.drafts import DRAFT

    (tmp_path / "job.toml").write_text(DRAFT)
    compare = ["--settings", str(tmp_path / "job.toml"), "--data", str(data), "--test", str(data)]
    options = {"compare": compare, "submit": ["--home", str(tmp_path / "home"), "--dry-run"]}[command]
    result = CliRunner().invoke(node, [command, *options, "--device", "cuda:9"])
    expected = {"compare": "no device 'cuda:9'", "submit": "no key|no device|key file"}[command]
    assert isinstance(result.exception, UsageError)
    assert any(text in str(result.exception) for text in expected.split("|"))


def test_models_and_data_with_a_way_to_move_are_moved_and_the_rest_stays() -> None:
    rows = Labelled(torch.zeros(3, 2), torch.zeros(3, dtype=torch.long))
    moved = place(rows, "meta")
    assert (moved.inputs.device.type, moved.targets.device.type) == ("meta", "meta")
    assert rows.inputs.device.type == "cpu"
    assert place(torch.nn.Linear(2, 2), "meta").weight.device.type == "meta"
    anything: Any = [{"rows": 3}]
    assert place(anything, "meta") is anything
    assert place(rows.inputs, "cpu") is rows.inputs
