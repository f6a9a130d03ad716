"""A simulation on a chain: a root for each round, or every update of it, and what stops half way."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.simulated import audited, ran, wanted, write_draft  # noqa: E402

from ledger.chain.rpc import Rpc  # noqa: E402
from ledger.config import Home  # noqa: E402
from ledger.errors import Unavailable, UsageError  # noqa: E402
from ledger.formats import merkle  # noqa: E402
from participant.simulation.consortium import Consortium  # noqa: E402
from participant.simulation.registration import chain_state, local_chain  # noqa: E402
from participant.simulation.registration import registration as data_of  # noqa: E402
from participant.simulation.simulation import Simulation  # noqa: E402

pytestmark = pytest.mark.node


def interrupted(*_: Any) -> None:
    raise KeyboardInterrupt


def test_each_round_has_one_root_on_the_chain(tmp_path: Path, draft: Path, rows: Path) -> None:
    made = ran(tmp_path, draft, rows, ledger="root")
    folder = made.wanted.folder
    with local_chain(chain_state(Home(folder))) as chain:
        rpc = Rpc(chain.url)
        for row in made.results.rows:
            sent = rpc.call("eth_getTransactionByHash", "0x" + row.tx)
            assert sent["input"] == "0x" + data_of(row.round, bytes.fromhex(row.updates_root)).hex()
            assert sent["blockNumber"] is not None
        rpc.close()
    for row in made.results.rows:
        entries = (folder / "updates" / f"{row.round}.bin").read_bytes()
        leaves = [entries[at : at + 41] for at in range(0, len(entries), 41)]
        assert merkle.root([merkle.leaf_hash(leaf) for leaf in leaves]).hex() == row.updates_root
        assert [struct.unpack(">IIB", leaf[:9]) for leaf in leaves] == [(client, 15, 0) for client in range(8)]


def test_every_update_goes_on_a_ledger_that_audits_and_has_the_same_models(tmp_path: Path, rows: Path) -> None:
    draft = write_draft(tmp_path / "job.toml", hold_out=20)
    plain = ran(tmp_path, draft, rows, folder=tmp_path / "plain")
    whole = ran(tmp_path, draft, rows, ledger="full", rounds=1)
    rest = ran(tmp_path, draft, rows, ledger="full")
    assert whole.done == 1
    assert [row.model_root for row in rest.results.rows] == [row.model_root for row in plain.results.rows]
    assert all(len(row.tx) == 64 for row in rest.results.rows)
    said = audited(rest.wanted.folder)
    assert said.exit_code == 0, said.output


def test_a_round_that_only_the_ledger_has_is_adopted(tmp_path: Path, draft: Path, rows: Path) -> None:
    made = Simulation(wanted(tmp_path, draft, [rows], ledger="full", clients=3))
    with pytest.MonkeyPatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(made.evaluation, "figures", interrupted)
        made.run()
    again = Simulation(wanted(tmp_path, draft, [rows], ledger="full", clients=3))
    assert again.done == 0
    again.run()
    plain = ran(tmp_path, draft, rows, clients=3, folder=tmp_path / "plain")
    assert [row.model_root for row in again.results.rows] == [row.model_root for row in plain.results.rows]


@pytest.mark.parametrize(
    ("stop", "phase"),
    [("openRound", ""), ("commitUpdate", "Collecting"), ("publishAggregate", "Aggregating"), ("attest", "Attesting")],
)
def test_a_round_that_was_broken_off_on_the_chain_is_not_recorded(
    tmp_path: Path, draft: Path, rows: Path, monkeypatch: pytest.MonkeyPatch, stop: str, phase: str
) -> None:
    """The node fails in the middle of the second round."""
    send = Consortium.send

    def failing(self: Consortium, index: int, function: str, *arguments: object) -> None:
        if function == stop and arguments[1:2] != (1,) and self.state.rounds:
            raise Unavailable("no block comes in time")
        send(self, index, function, *arguments)

    with monkeypatch.context() as patched, pytest.raises(Unavailable, match="in time"):
        patched.setattr(Consortium, "send", failing)
        ran(tmp_path, draft, rows, clients=3, ledger="full")
    again = Simulation(wanted(tmp_path, draft, [rows], clients=3, ledger="full"))
    assert again.done == 1
    if not phase:
        again.run()
        assert again.done == 2
        return
    with pytest.raises(Unavailable, match="broken off") as caught:
        again.run()
    assert (caught.value.facts["round"], caught.value.facts["phase"]) == (2, phase)
    assert "another --folder" in caught.value.advice
    assert again.done == 1


def test_a_job_that_was_proposed_and_not_approved_by_all_is_opened(
    tmp_path: Path, draft: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = Consortium.send

    def failing(self: Consortium, index: int, function: str, *arguments: object) -> None:
        if (function, index) == ("approveJob", 2):
            raise Unavailable("no block comes in time")
        send(self, index, function, *arguments)

    with monkeypatch.context() as patched, pytest.raises(Unavailable, match="in time"):
        patched.setattr(Consortium, "send", failing)
        ran(tmp_path, draft, rows, clients=4, rounds=1, ledger="full")
    assert ran(tmp_path, draft, rows, clients=4, rounds=1, ledger="full").done == 1


def test_each_round_of_a_full_ledger_is_in_the_results_at_once(
    tmp_path: Path, draft: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A simulation that is killed leaves the chain one round ahead at most."""
    monkeypatch.setattr("participant.simulation.results.PAUSE", 1e9)
    written: list[int] = []
    made = Simulation(wanted(tmp_path, draft, [rows], clients=3, ledger="full"))
    state = made.wanted.folder / "simulation.json"
    made.run(lambda row: written.append(len(json.loads(state.read_bytes())["rows"])))
    assert written == [1, 2]


@pytest.mark.parametrize("clients", [2, 256])
def test_a_ledger_of_every_update_has_3_to_255_clients(tmp_path: Path, draft: Path, rows: Path, clients: int) -> None:
    with pytest.raises(UsageError, match="3 to 255 members") as caught:
        ran(tmp_path, draft, rows, clients=clients, ledger="full")
    assert "--ledger root" in caught.value.advice


def test_no_more_rounds_go_on_a_ledger_than_the_job_has(tmp_path: Path, draft: Path, rows: Path) -> None:
    with pytest.raises(UsageError, match="fewer rounds"):
        ran(tmp_path, draft, rows, ledger="full", rounds=5)


@pytest.mark.parametrize("ledger", ["root", "full"])
def test_a_chain_that_is_not_where_the_results_are_is_refused(
    tmp_path: Path, draft: Path, rows: Path, ledger: str
) -> None:
    folder = ran(tmp_path, draft, rows, clients=3, ledger=ledger).wanted.folder
    for name in ("chain/state.json", "network.toml", "index.sqlite"):
        (folder / name).unlink(missing_ok=True)
    with pytest.raises(Unavailable, match="the chain"):
        ran(tmp_path, draft, rows, clients=3, rounds=3, ledger=ledger)
