"""Which file a job's data are in: by the job, its task, or for all; and by the command that names it."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ledger.cli.main import fedledger
from ledger.config import Home, HomeSettings, TrainSettings, load, save
from ledger.errors import UsageError
from participant.tasks.data.files import DataFiles
from participant.tasks.machine import Machine


def home(folder: Path, data: Any = "", **settings: Any) -> Home:
    save(folder / "node.toml", HomeSettings(data=data, **settings))
    return Home(folder)


def test_a_file_is_named_by_job_else_by_task_else_for_all(tmp_path: Path) -> None:
    files = DataFiles(home(tmp_path, {"2": "two.csv", "image": "pictures.npz", "default": "/all.csv"}))
    assert files.of(2, "image") == tmp_path / "two.csv", "relative paths begin at the home"
    assert files.of(3, "image") == tmp_path / "pictures.npz"
    assert files.of(3, "tabular") == Path("/all.csv")
    assert DataFiles(files.home, given=Path("other.csv")).of(2, "image") == Path("other.csv")
    assert DataFiles(home(tmp_path, "one.csv")).of(7, "any") == tmp_path / "one.csv"
    assert DataFiles(home(tmp_path, {"2": "two.csv"})).of(3, "tabular") is None


def test_settings_that_change_are_read_again(tmp_path: Path) -> None:
    files = DataFiles(home(tmp_path, "one.csv"))
    assert files.of(1, "any") == tmp_path / "one.csv"
    home(tmp_path, {"1": "a longer name.csv"})
    assert files.of(1, "any") == tmp_path / "a longer name.csv"


def test_what_is_missing_is_named_with_the_way_out(tmp_path: Path) -> None:
    files = DataFiles(home(tmp_path, {"2": "two.csv"}))
    with pytest.raises(UsageError, match="no such data file") as caught:
        files.found(2, "any")
    assert caught.value.facts["file"] == str(tmp_path / "two.csv")
    assert "fedledger node data 2 FILE" in caught.value.advice
    with pytest.raises(UsageError, match="no file is named for the data of this job"):
        files.found(3, "any")
    with pytest.raises(UsageError):
        files.check()
    (tmp_path / "two.csv").touch()
    files.check()


def test_the_command_keeps_files_by_job_and_what_else_is_set(tmp_path: Path) -> None:
    (tmp_path / "one.csv").touch()
    (tmp_path / "two.csv").touch()
    made = home(tmp_path, "one.csv", device="cpu", validation="rows.csv")
    command = ["node", "data", "2", str(tmp_path / "two.csv"), "--home", str(tmp_path), "--json"]
    said = CliRunner().invoke(fedledger, command)
    assert json.loads(said.stdout)["file"] == str(tmp_path / "two.csv"), said.exception
    expected = HomeSettings(
        data={"default": "one.csv", "2": str(tmp_path / "two.csv")}, device="cpu", validation="rows.csv"
    )
    assert load(made.settings_file, HomeSettings) == expected
    missing = CliRunner().invoke(fedledger, ["node", "data", "2", str(tmp_path / "none"), "--home", str(tmp_path)])
    assert isinstance(missing.exception, UsageError)
    assert made.settings() == expected


def test_a_home_names_its_launcher(tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text('[train]\nlauncher = ["torchrun", "--nproc-per-node=2"]\n')
    assert Machine.of(Home(tmp_path)).launcher == ("torchrun", "--nproc-per-node=2")
    assert Home(tmp_path).settings().train == TrainSettings(launcher=("torchrun", "--nproc-per-node=2"))
