"""A simulation of a job with a server optimiser: the models of nodes, its state from round to round, and when it goes
on.
"""

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.drafts import Memory  # noqa: E402
from support.simulated import Nodes, wanted, write_draft, write_rows  # noqa: E402

from ledger.errors import Malformed, UsageError  # noqa: E402
from participant.jobs.creation import create  # noqa: E402
from participant.jobs.draft import read  # noqa: E402
from participant.simulation.simulation import Simulation  # noqa: E402

pytestmark = pytest.mark.node
ADAM = '[server]\noptimiser = "adam"\n'
ALL = [
    ADAM,
    '[server]\noptimiser = "momentum"\n',
    '[server]\noptimiser = "yogi"\n',
    '[server]\noptimiser = "adagrad"\n',
    '[server]\noptimiser = "dyn"\n',
    '[server]\noptimiser = "scaffold"\n',
]
CORRECTING = ALL[-2:]


def draft_with(folder: Path, server: str) -> Path:
    draft = write_draft(folder / "job.toml")
    draft.write_text(draft.read_text() + server)
    return draft


def ran(tmp_path: Path, draft: Path, rows: Path, **changes: Any) -> Simulation:
    made = Simulation(wanted(tmp_path, draft, [rows], **changes))
    made.run()
    return made


@pytest.mark.parametrize("server", ALL)
def test_clients_make_the_very_models_that_nodes_make(tmp_path: Path, server: str) -> None:
    draft = draft_with(tmp_path, server)
    files = [write_rows(tmp_path / f"{name}.csv", 30 + 9 * name, name) for name in range(4)]
    store = Memory()
    job = create(read(draft), store.put)
    nodes = Nodes(job, next(iter(store.files.values())), files, tmp_path, salt_seed=1)
    roots = [nodes.round().hex() for _ in range(3)]
    made = Simulation(wanted(tmp_path, draft, files, rounds=3, exact=True))
    made.run()
    assert [row.model_root for row in made.results.rows] == roots
    assert all(len(row.state) == len(job.server.streams) for row in made.results.rows)


@pytest.mark.parametrize("server", [ADAM, *CORRECTING])
def test_a_simulation_that_goes_on_has_its_state(tmp_path: Path, server: str) -> None:
    draft, rows = draft_with(tmp_path, server), write_rows(tmp_path / "rows.csv", 120)
    whole = ran(tmp_path, draft, rows, rounds=4, folder=tmp_path / "whole")
    for rounds in (1, 3, 4):
        parts = ran(tmp_path, draft, rows, rounds=rounds, folder=tmp_path / "parts")
    assert [row.model_root for row in parts.results.rows] == [row.model_root for row in whole.results.rows]
    assert [row.state for row in parts.results.rows] == [row.state for row in whole.results.rows]
    streams = {f"state-4-{name}.safetensors" for name in parts.job.server.streams}
    names = {path.name for path in (tmp_path / "parts").glob("*-*.*s*")} - {"accuracy.svg"}
    clients = {"clients-4.msgpack"} if server in CORRECTING else set()
    assert names == {"model-3.safetensors", "model-4.safetensors"} | streams | clients


@pytest.mark.parametrize("stream", ["m", "v"])
def test_a_changed_state_is_not_gone_on_with(tmp_path: Path, stream: str) -> None:
    draft, rows = draft_with(tmp_path, ADAM), write_rows(tmp_path / "rows.csv", 120)
    ran(tmp_path, draft, rows, rounds=2)
    path = tmp_path / "results" / f"state-2-{stream}.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(Malformed, match="the state of the latest model is not that of its round"):
        ran(tmp_path, draft, rows, rounds=3)


@pytest.mark.parametrize("server", [ADAM, *CORRECTING])
def test_a_ledger_that_has_every_update_has_the_state(tmp_path: Path, server: str) -> None:
    draft, rows = draft_with(tmp_path, server), write_rows(tmp_path / "rows.csv", 120)
    ends = [
        ran(tmp_path, draft, rows, clients=4, rounds=3, ledger=ledger, folder=tmp_path / ledger, exact=True)
        for ledger in ("none", "full")
    ]
    assert [row.model_root for row in ends[0].results.rows] == [row.model_root for row in ends[1].results.rows]
    assert [row.state for row in ends[1].results.rows] == [(), (), ()]


@pytest.mark.parametrize("server", CORRECTING)
def test_workers_correct_as_one_process_does(tmp_path: Path, server: str) -> None:
    draft, rows = draft_with(tmp_path, server), write_rows(tmp_path / "rows.csv", 120)
    ends = [ran(tmp_path, draft, rows, rounds=3, workers=many, folder=tmp_path / str(many)) for many in (1, 2)]
    assert [row.model_root for row in ends[0].results.rows] == [row.model_root for row in ends[1].results.rows]


def test_what_the_clients_updates_add_up_to_is_not_gone_on_with_changed(tmp_path: Path) -> None:
    draft, rows = draft_with(tmp_path, CORRECTING[0]), write_rows(tmp_path / "rows.csv", 120)
    ran(tmp_path, draft, rows, rounds=2)
    path = tmp_path / "results" / "clients-2.msgpack"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(Malformed, match="not that of the latest round"):
        ran(tmp_path, draft, rows, rounds=3)


def test_a_round_without_a_model_corrects_nothing(tmp_path: Path) -> None:
    """No update of it counted, so the clients went nowhere."""
    draft = draft_with(tmp_path, CORRECTING[0])
    draft.write_text(draft.read_text().replace("max_value = 1.0", "max_value = 0.0001"))
    made = ran(tmp_path, draft, write_rows(tmp_path / "rows.csv", 120))
    assert all(row.why for row in made.results.rows)
    assert made.results.clients == b""


def test_clients_that_are_corrected_are_trained_one_by_one(tmp_path: Path) -> None:
    draft = draft_with(tmp_path, CORRECTING[0])
    with pytest.raises(UsageError, match="each is corrected by its own updates"):
        Simulation(wanted(tmp_path, draft, [write_rows(tmp_path / "rows.csv", 120)], exact=False))
