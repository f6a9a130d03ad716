"""A simulation of compressed updates: the models of nodes, and what rounding took from round to round."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.drafts import Memory  # noqa: E402
from support.simulated import Nodes, wanted, write_draft, write_rows  # noqa: E402

from ledger.errors import UsageError  # noqa: E402
from participant.jobs.creation import create  # noqa: E402
from participant.jobs.draft import read  # noqa: E402
from participant.simulation.simulation import Simulation  # noqa: E402
from participant.simulation.training import Alone  # noqa: E402

pytestmark = pytest.mark.node
WAYS = {"8": "bits = 8", "4": "bits = 4\nerror_feedback = false", "4, feedback": "bits = 4"}


def draft_with(folder: Path, said: str) -> Path:
    draft = write_draft(folder / "job.toml")
    draft.write_text(f"{draft.read_text()}[compression]\n{said}\n")
    return draft


@pytest.mark.parametrize("said", WAYS.values(), ids=WAYS.keys())
def test_clients_make_the_very_models_that_nodes_make(tmp_path: Path, said: str) -> None:
    draft = draft_with(tmp_path, said)
    files = [write_rows(tmp_path / f"{name}.csv", 30 + 9 * name, name) for name in range(4)]
    store = Memory()
    job = create(read(draft), store.put)
    nodes = Nodes(job, next(iter(store.files.values())), files, tmp_path, salt_seed=1)
    roots = [nodes.round().hex() for _ in range(3)]
    made = Simulation(wanted(tmp_path, draft, files, rounds=3, exact=True))
    made.run()
    assert [row.model_root for row in made.results.rows] == roots
    plain = Simulation(wanted(tmp_path, write_draft(tmp_path / "job.toml"), files, rounds=3, folder=tmp_path / "plain"))
    plain.run()
    assert plain.results.rows[0].model_root != roots[0]


def test_a_simulation_that_goes_on_has_what_rounding_took(tmp_path: Path) -> None:
    draft, rows = draft_with(tmp_path, WAYS["4, feedback"]), write_rows(tmp_path / "rows.csv", 120)
    whole = Simulation(wanted(tmp_path, draft, [rows], clients=4, rounds=4, folder=tmp_path / "whole"))
    whole.run()
    for rounds in (1, 3, 4):
        parts = Simulation(wanted(tmp_path, draft, [rows], clients=4, rounds=rounds, folder=tmp_path / "parts"))
        parts.run()
    assert [row.model_root for row in parts.results.rows] == [row.model_root for row in whole.results.rows]


def test_many_clients_are_rounded_as_each_alone(tmp_path: Path) -> None:
    """Trained together, floats are added up in another order; files, roots and rounds are as if alone."""
    draft, rows = draft_with(tmp_path, WAYS["8"]), write_rows(tmp_path / "rows.csv", 200)
    asked = {"clients": 8, "rounds": 2, "ledger": "root"}
    together = Simulation(wanted(tmp_path, draft, [rows], exact=False, folder=tmp_path / "together", **asked))
    batch = together.training.fit(0, together._model, 1)
    from ledger.formats.compressed.packed import packed

    assert together.job.packing is not None
    assert all(len(packed(together.job.packing, update)) == together.job.packing.values for update in batch.updates)
    feedback = draft_with(tmp_path, WAYS["4, feedback"])
    with pytest.raises(UsageError, match="each keeps something of its own"):
        Simulation(wanted(tmp_path, feedback, [rows], exact=False, folder=tmp_path / "more", **asked))
    alone = Simulation(wanted(tmp_path, feedback, [rows], exact=None, folder=tmp_path / "alone", clients=40, rounds=1))
    assert isinstance(alone.training, Alone)


def test_all_of_it_on_record(tmp_path: Path) -> None:
    """On a chain of its own, with every file, the rounds are those without a ledger."""
    draft, rows = draft_with(tmp_path, WAYS["8"]), write_rows(tmp_path / "rows.csv", 120)
    roots = []
    for ledger in ("none", "full"):
        made = Simulation(wanted(tmp_path, draft, [rows], clients=4, rounds=2, ledger=ledger, folder=tmp_path / ledger))
        made.run()
        roots.append([row.model_root for row in made.results.rows])
    assert roots[0] == roots[1]
