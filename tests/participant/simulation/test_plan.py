"""`fedledger privacy plan`: what noise costs, on rows of one's own."""

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from click.testing import CliRunner  # noqa: E402
from support.noisy import write_noisy_draft  # noqa: E402
from support.simulated import wanted, write_draft, write_rows  # noqa: E402

from ledger.cli.main import fedledger  # noqa: E402
from ledger.errors import FedledgerError, UsageError  # noqa: E402
from participant.simulation.simulation import Simulation  # noqa: E402

pytestmark = pytest.mark.node


def call(*words: Any) -> Any:
    return CliRunner().invoke(fedledger, ["privacy", "plan", *map(str, words)])


def planned(draft: Path, rows: Path, *words: Any) -> Any:
    result = call(draft, "--data", rows, "--seeds", 2, "--clients", 2, "--json", *words)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_line_for_each_epsilon_and_one_without_noise(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.csv", 300)
    draft = write_noisy_draft(tmp_path / "job.toml", hold_out=30, steps=8, rate=2.0)
    draft.write_text(draft.read_text().replace("max_value = 8.0", "max_value = 64").replace("= 40", "= 400"))
    found = planned(draft, rows, "--epsilon", "0.3", "--epsilon", "20")
    plain, strict, loose = found["rows"]
    assert plain["epsilon"] is plain["noise"] is None
    assert [strict["epsilon"], loose["epsilon"]] == ["0.3", "20"]
    assert float(strict["noise"]) > float(loose["noise"])
    assert all(row["rounds"] == 3 and row["admitted"] == 2 for row in found["rows"])
    assert all(row["least"] <= row["figures"]["accuracy"] <= row["most"] for row in found["rows"])
    assert loose["figures"]["accuracy"] > strict["figures"]["accuracy"]
    for row in (strict, loose):
        assert row["cost"] * row["rounds"] <= row["budget"]
    again = planned(draft, rows, "--epsilon", "0.3", "--epsilon", "20")
    assert again == found


def test_it_is_shown_to_people(tmp_path: Path) -> None:
    rows, draft = write_rows(tmp_path / "rows.csv", 80), write_noisy_draft(tmp_path / "job.toml", hold_out=30)
    result = call(draft, "--data", rows, "--epsilon", "4", "--seeds", 1, "--clients", 2)
    assert result.exit_code == 0, result.output
    assert "no noise" in result.stdout
    assert "δ = 0.00001" in result.stdout


def test_limits_that_refuse_updates_with_noise_are_named(tmp_path: Path) -> None:
    rows, draft = write_rows(tmp_path / "rows.csv", 80), write_noisy_draft(tmp_path / "job.toml", hold_out=30)
    draft.write_text(draft.read_text().replace("max_norm = 40", "max_norm = 2.5"))
    result = call(draft, "--data", rows, "--epsilon", "0.3", "--seeds", 1, "--clients", 2)
    assert result.exit_code == 0, result.output
    assert "max_norm" in " ".join(result.stdout.split())


def test_a_draft_without_noise_and_what_does_not_fit_are_refused(tmp_path: Path) -> None:
    rows, plain = write_rows(tmp_path / "rows.csv", 80), write_draft(tmp_path / "plain.toml")
    draft, few = write_noisy_draft(tmp_path / "job.toml"), ("--seeds", 1, "--clients", 2)
    for words, said in [
        ((plain, "--data", rows), "asks for no noise"),
        ((draft, "--data", rows, "--figure", "f1", "--epsilon", 4, *few), "no such figure"),
        ((draft, "--data", tmp_path / "none.csv"), "no such file"),
        ((draft, "--data", rows, "--epsilon", "0.0001", *few), "enough for so many rounds"),
    ]:
        error = call(*words).exception
        assert isinstance(error, FedledgerError), words
        assert error.exit_code == 2
        assert said in error.message
    for value in ("0", "-1", "nan", "four"):
        result = call(draft, "--data", rows, "--epsilon", value)
        assert result.exit_code == 2
        assert "not a decimal number above 0" in result.output


def test_clients_with_noise_are_trained_one_by_one(tmp_path: Path) -> None:
    rows, draft = write_rows(tmp_path / "rows.csv", 400), write_noisy_draft(tmp_path / "job.toml")
    made = Simulation(wanted(tmp_path, draft, [rows], clients=40))
    assert made.training.way.startswith("one by one")
    with pytest.raises(UsageError, match="noise of its own"):
        Simulation(wanted(tmp_path, draft, [rows], exact=False))
    with pytest.raises(UsageError, match="spend no privacy budget"):
        Simulation(wanted(tmp_path, draft, [rows], ledger="full"))


MEMBERS = """level = "client"
epsilon = 8
delta = 1e-5
scope = "members-2026"

[privacy]
mode = "masked"
weights = "equal"

"""


def write_members_draft(path: Path) -> Path:
    """The draft with noise, at the other level."""
    text = write_noisy_draft(path, hold_out=30, settings="epochs = 4").read_text()
    start, stop = text.index('level = "example"'), text.index("[admission]")
    text = text[:start] + MEMBERS + text[stop:]
    path.write_text(text.replace("max_weight = 500", "max_weight = 1").replace("max_norm = 40", "max_norm = 4"))
    return path


def test_members_are_planned_for_with_a_word_for_few(tmp_path: Path) -> None:
    rows, draft = write_rows(tmp_path / "rows.csv", 400), write_members_draft(tmp_path / "job.toml")
    draft.write_text(draft.read_text().replace("min_updates = 2", "min_updates = 3"))
    words = ("--data", rows, "--seeds", 1, "--clients", 4, "--epsilon", "0.3", "--epsilon", "900")
    result = call(draft, *words, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    plain, strict, loose = found["rows"]
    assert found["level"] == "client"
    assert plain["noise"] is None
    assert float(strict["noise"]) > 1 > float(loose["noise"])
    assert all(row["admitted"] == 4 for row in found["rows"])
    assert abs(loose["figures"]["accuracy"] - plain["figures"]["accuracy"]) < 0.2
    assert loose["figures"]["accuracy"] > strict["figures"]["accuracy"]
    shown = " ".join(call(draft, *words).stdout.split())
    assert "fewer than 20 members" in shown
    assert 'dp.level = "example"' in shown


def test_noise_of_members_is_in_simulated_sums(tmp_path: Path) -> None:
    """Two runs of one seed are the same; without noise the model is another."""
    rows, draft = write_rows(tmp_path / "rows.csv", 200), write_members_draft(tmp_path / "job.toml")
    draft.write_text(draft.read_text().replace("min_updates = 2", "min_updates = 3"))
    words = ("--data", rows, "--seeds", 1, "--clients", 4, "--epsilon", "4", "--json")
    assert call(draft, *words).stdout == call(draft, *words).stdout
