"""A simulation of a buffered job: nodes' models, its slow clients, and when it goes on."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.drafts import Memory  # noqa: E402
from support.simulated import Nodes, wanted, write_draft, write_rows  # noqa: E402

from ledger.errors import Malformed, UsageError  # noqa: E402
from participant.jobs.creation import create  # noqa: E402
from participant.jobs.draft import read  # noqa: E402
from participant.simulation.buffers import OVERHEAD, TICKS, Buffers, Newest, Slow  # noqa: E402
from participant.simulation.simulation import Simulation  # noqa: E402
from participant.simulation.training import Batch, Wish  # noqa: E402

pytestmark = pytest.mark.node
NONE_SLOW = Slow()
BUFFER = '[schedule]\nmode = "buffered"\nbuffer = {size}\nmax_staleness = {most}\nstaleness = "{weighs}"\n'


def draft_with(folder: Path, size: int = 2, most: int = 20, weighs: str = "sqrt", **changes: object) -> Path:
    draft = write_draft(folder / "job.toml", **changes)
    draft.write_text(draft.read_text() + BUFFER.format(size=size, most=most, weighs=weighs))
    return draft


def simulated(place: Path, draft: Path, files: Sequence[Path], **changes: Any) -> Simulation:
    made = Simulation(wanted(place, draft, files, **changes))
    made.run()
    return made


def roots(made: Simulation) -> list[str]:
    return [row.model_root for row in made.results.rows]


@pytest.mark.parametrize("weighs", ["sqrt", "none"])
def test_clients_make_the_very_models_that_nodes_make(tmp_path: Path, weighs: str) -> None:
    """Whose updates are in a buffer is virtual time's to say; what they and the model are, is the nodes'."""
    draft = draft_with(tmp_path, weighs=weighs)
    files = [write_rows(tmp_path / f"{name}.csv", 30 + 9 * name, name) for name in range(4)]
    store = Memory()
    job = create(read(draft), store.put)
    made = Simulation(wanted(tmp_path, draft, files, rounds=9, slow="1:5"))
    buffers: list[list[tuple[int, bytes]]] = []
    collect = made._buffers.collect  # type: ignore[union-attr]

    def heard(newest: Newest, trains: Any) -> Iterator[Batch]:
        buffers.append([])
        for batch in collect(newest, trains):
            buffers[-1].append((batch.clients[0], batch.base))
            yield batch

    made._buffers.collect = heard  # type: ignore[union-attr, method-assign]
    made.run()
    nodes = Nodes(job, next(iter(store.files.values())), files, tmp_path, salt_seed=1)
    assert [nodes.round(buffer).hex() for buffer in buffers] == roots(made)
    stale = [row.staleness or 0 for row in made.results.rows]
    assert max(stale) > 2, "the slow client's first update is in a buffer, and is stale"


def test_a_simulation_that_goes_on_has_the_trainings_under_way(tmp_path: Path) -> None:
    draft, rows = draft_with(tmp_path), write_rows(tmp_path / "rows.csv", 120)
    whole = simulated(tmp_path, draft, [rows], rounds=8, slow="2:4", folder=tmp_path / "whole")
    for rounds in (1, 4, 8):
        parts = simulated(tmp_path, draft, [rows], rounds=rounds, slow="2:4", folder=tmp_path / "parts")
    assert parts.results.rows == whole.results.rows
    assert [path.name for path in (tmp_path / "parts").glob("clients-*")] == ["clients-8.msgpack"]


def test_one_that_is_interrupted_in_a_round_goes_on_from_the_round_before(tmp_path: Path) -> None:
    draft, rows = draft_with(tmp_path), write_rows(tmp_path / "rows.csv", 120)
    whole = simulated(tmp_path, draft, [rows], rounds=4, folder=tmp_path / "whole")
    broken = Simulation(wanted(tmp_path, draft, [rows], rounds=4))
    fit, times = broken.training.fit, iter(range(100))

    def interrupted(*arguments: Any) -> Batch:
        if next(times) == 11:
            raise KeyboardInterrupt
        return fit(*arguments)

    broken.training.fit = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        broken.run()
    assert 0 < len(broken.results.rows) < 4
    assert roots(simulated(tmp_path, draft, [rows], rounds=4)) == roots(whole)


@pytest.mark.parametrize("change", ["bytes", "clients"])
def test_changed_trainings_are_not_gone_on_with(tmp_path: Path, change: str) -> None:
    draft, rows = draft_with(tmp_path), write_rows(tmp_path / "rows.csv", 120)
    made = simulated(tmp_path, draft, [rows])
    buffers: Any = made._buffers
    if change == "clients":
        with pytest.raises(Malformed, match="of another simulation"):
            Buffers(made.job, 1, 9, Slow(), list).restore(buffers.encode())
        with pytest.raises(Malformed, match="cannot be read"):
            buffers.restore(b"\xc1")
        return
    path = tmp_path / "results" / "clients-2.msgpack"
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(Malformed, match="not that of the latest round"):
        Simulation(wanted(tmp_path, draft, [rows], rounds=3))


def test_a_ledger_with_every_update_has_the_same_models(tmp_path: Path) -> None:
    draft, rows = draft_with(tmp_path), write_rows(tmp_path / "rows.csv", 120)
    asked: dict[str, Any] = {"clients": 4, "rounds": 4, "slow": "1:2", "exact": True}
    plain, recorded = (
        simulated(tmp_path, draft, [rows], ledger=ledger, folder=tmp_path / ledger, **asked)
        for ledger in ("none", "full")
    )
    assert roots(plain) == roots(recorded)
    assert [row.staleness for row in plain.results.rows] == [row.staleness for row in recorded.results.rows]
    assert any(row.staleness for row in plain.results.rows)


def test_workers_change_nothing(tmp_path: Path) -> None:
    draft, rows = draft_with(tmp_path), write_rows(tmp_path / "rows.csv", 120)
    one, two = (
        simulated(tmp_path, draft, [rows], rounds=3, workers=many, folder=tmp_path / str(many)) for many in (1, 2)
    )
    assert one.results.rows == two.results.rows


def test_the_slow_are_not_waited_for(tmp_path: Path) -> None:
    """Ten buffers take as long as the fast ones need, and a table says when each model was there."""
    draft, rows = draft_with(tmp_path), write_rows(tmp_path / "rows.csv", 120)
    made = simulated(tmp_path, draft, [rows], rounds=4, slow="2:100")
    times = [row.time or 0.0 for row in made.results.rows]
    assert times == sorted(times) and times[-1] < 10
    assert all(row.admitted == 2 and row.staleness is not None for row in made.results.rows)
    head = (tmp_path / "results" / "rounds.csv").read_text().splitlines()[0]
    assert ",time,staleness," in head


def buffers_of(folder: Path, clients: int, most: int, slow: Slow = NONE_SLOW) -> tuple[Buffers, list[bytes]]:
    job = create(read(draft_with(folder, most=most)), Memory().put)
    finals: list[bytes] = []
    return Buffers(job, 1, clients, slow, lambda: reversed(finals)), finals


def played(buffers: Buffers, finals: list[bytes], rounds: int, *, made: bool = True, update: int = 1) -> list[Any]:
    """Whose updates are in each of so many buffers, and what was wished for, of updates with one value throughout."""
    import numpy as np

    model, wished = np.zeros(buffers.job.layout.values, np.int32), list[list[Wish]]()

    def trains(base: Any, wishes: Sequence[Wish]) -> Iterator[Batch]:
        wished.append(list(wishes))
        for wish in wishes:
            yield Batch((wish.place,), np.full_like(model, update)[None], (5,), (0.5,), 0.0)

    found = []
    for _ in range(rounds):
        newest = Newest(model, len(finals), finals[-1] if finals else buffers.job.initial_root)
        found.append([(batch.clients[0], batch.base) for batch in buffers.collect(newest, trains)])
        buffers.ended(made=made)
        if made:
            finals.append(bytes([len(finals) + 1]) * 32)
    return [found, wished]


def test_what_becomes_too_old_is_trained_again(tmp_path: Path) -> None:
    buffers, finals = buffers_of(tmp_path, 4, most=2, slow=Slow(1, 100))
    found, wished = played(buffers, finals, 8)
    assert all(client != 0 for buffer in found for client, _ in buffer)
    began = [one.number for wishes in wished for one in wishes if one.place == 0]
    assert began == [1, 4, 7], "after each third model, on the newest one"


def test_who_is_in_a_buffer_that_failed_trains_by_the_next_seed(tmp_path: Path) -> None:
    buffers, finals = buffers_of(tmp_path, 3, most=2)
    found, wished = played(buffers, finals, 3, made=False)
    for buffer, wishes in zip(found, wished[1:], strict=False):
        assert sorted(client for client, _ in buffer) == [one.place for one in wishes]
    vain = {client: sum(client == one for buffer in found[:2] for one, _ in buffer) for client in range(3)}
    assert {one.place: one.again for one in wished[2]} == {one.place: vain[one.place] for one in wished[2]}
    played(buffers, finals, 1)
    _, last = played(buffers, finals, 1)
    assert {one.again for one in last[0]} == {0}


def test_nobody_commits_to_what_would_be_refused(tmp_path: Path) -> None:
    buffers, finals = buffers_of(tmp_path, 3, most=2)
    found, wished = played(buffers, finals, 2, made=False, update=buffers.job.admission.max_value + 1)
    assert found == [[], []]
    assert [len(one) for one in wished] == [3, 3], "each tries again in the next round"
    draft = draft_with(tmp_path, largest="0.0001")
    made = simulated(tmp_path, draft, [write_rows(tmp_path / "rows.csv", 120)])
    assert [row.why for row in made.results.rows] == ["updates admitted: 0, needed: 2"] * 2
    assert [row.training_loss for row in made.results.rows] == [None, None]


def test_a_buffer_takes_the_time_that_its_last_client_takes(tmp_path: Path) -> None:
    buffers, finals = buffers_of(tmp_path, 4, most=2)
    played(buffers, finals, 1)
    assert OVERHEAD + 700 <= buffers.opens <= OVERHEAD + 1500
    assert buffers.opens % TICKS >= 0


@pytest.mark.parametrize("said", ["4", "4:", ":3", "x:3", "4:0", "4:-1", "4:1.5", "99999999999:1000"])
def test_a_word_about_slow_clients_that_is_none(tmp_path: Path, said: str) -> None:
    with pytest.raises(UsageError, match="COUNT:TIMES"):
        Simulation(wanted(tmp_path, draft_with(tmp_path), [write_rows(tmp_path / "rows.csv", 120)], slow=said))


def test_slow_clients_of_rounds_that_wait_are_refused(tmp_path: Path) -> None:
    draft = write_draft(tmp_path / "job.toml")
    with pytest.raises(UsageError, match="rounds wait for slow clients"):
        Simulation(wanted(tmp_path, draft, [write_rows(tmp_path / "rows.csv", 120)], slow="1:2"))


def test_many_clients_of_a_buffered_job_are_trained_one_by_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="each begins when it is ready"):
        Simulation(wanted(tmp_path, draft_with(tmp_path), [write_rows(tmp_path / "rows.csv", 120)], exact=False))
