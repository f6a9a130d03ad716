"""Simulated clients behind edges: every update is on record, and the models are those of all clients at once."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from click.testing import CliRunner
from support.simulated import wanted, write_draft, write_rows

from ledger.cli.main import fedledger
from ledger.config import Home, HomeSettings, save
from ledger.errors import Malformed, UsageError
from participant.simulation.registration import chain_state, local_chain
from participant.simulation.simulation import Simulation

pytestmark = pytest.mark.node


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "rows.csv", 120)


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    return write_draft(tmp_path / "job.toml")


def ran(tmp_path: Path, draft: Path, rows: Path, **changes: Any) -> Simulation:
    made = Simulation(wanted(tmp_path, draft, [rows], **changes))
    made.run()
    return made


def flat_of(tmp_path: Path, made: Simulation, rows: Path) -> Simulation:
    """The same job simulated without edges: one sum of all clients."""
    document = tmp_path / "job.json"
    document.write_bytes(made.job.encode())
    return ran(tmp_path, document, rows, folder=tmp_path / "flat")


def asked(folder: Path, *words: str) -> Any:
    """A command in the folder of a simulation, its chain run again."""
    home = Home(folder)
    with local_chain(chain_state(home)) as chain:
        save(home.settings_file, HomeSettings(name="simulation", rpc=(chain.url,)))
        return CliRunner().invoke(fedledger, [words[0], "--home", str(folder), *words[1:]])


def test_clients_behind_edges_make_the_models_of_all_clients_at_once(tmp_path: Path, draft: Path, rows: Path) -> None:
    made = ran(tmp_path, draft, rows, ledger="full", edges=3)
    flat = flat_of(tmp_path, made, rows)
    assert [row.model_root for row in made.results.rows] == [row.model_root for row in flat.results.rows]
    assert [row.admitted for row in made.results.rows] == [row.admitted for row in flat.results.rows]
    assert made.job.hierarchy is not None
    assert made.job.hierarchy.indices == [0, 1, 2]
    report = asked(made.wanted.folder, "audit", "--json", "--no-source")
    assert report.exit_code == 0, report.output
    assert msgspec.json.decode(report.output)["lies"]["answer"] == "none"


def test_a_simulation_behind_edges_goes_on(tmp_path: Path, draft: Path, rows: Path) -> None:
    first = ran(tmp_path, draft, rows, ledger="full", edges=3, rounds=1)
    assert first.done == 1
    rest = ran(tmp_path, draft, rows, ledger="full", edges=3)
    flat = flat_of(tmp_path, rest, rows)
    assert [row.model_root for row in rest.results.rows] == [row.model_root for row in flat.results.rows]


def test_edges_need_a_ledger_and_clients(tmp_path: Path, draft: Path, rows: Path) -> None:
    with pytest.raises(UsageError, match="same model"):
        Simulation(wanted(tmp_path, draft, [rows], ledger="none", edges=3))
    with pytest.raises(UsageError, match="every edge has a client"):
        Simulation(wanted(tmp_path, draft, [rows], ledger="full", edges=9))


def test_an_edge_whose_clients_weigh_too_much_says_what_to_do(tmp_path: Path, draft: Path, rows: Path) -> None:
    heavy = tmp_path / "heavy.toml"
    heavy.write_text(re.sub("max_weight = [0-9]+", "max_weight = 20", draft.read_text()))
    with pytest.raises(UsageError, match="too heavy") as caught:
        ran(tmp_path, heavy, rows, ledger="full", edges=3)
    assert "max_weight" in caught.value.advice


def test_a_rule_that_compares_updates_does_not_go_with_edges(tmp_path: Path, draft: Path, rows: Path) -> None:
    other = tmp_path / "median.toml"
    other.write_text(draft.read_text().replace('rule = "weighted_mean"', 'rule = "median"'))
    with pytest.raises(Malformed, match="does not go with hierarchy"):
        Simulation(wanted(tmp_path, other, [rows], ledger="full", edges=3))
