"""A server optimiser in memory does what the ledger and a node do: the same integers, round by round."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from ledger.errors import UsageError  # noqa: E402
from ledger.formats.artifact import Layout, Tensor  # noqa: E402
from ledger.jobs.server import NONE, Adam, Dyn, Momentum, Scaffold, Server  # noqa: E402
from ledger.rounds.optimisers import Turnout, stepped  # noqa: E402
from participant.comparing.federation import Federation, Methods, Party  # noqa: E402
from participant.comparing.server import FRACTION_BITS, ServerSide  # noqa: E402
from participant.tasks.classification import Labelled  # noqa: E402
from participant.tasks.discovery import find  # noqa: E402

pytestmark = pytest.mark.node
LAYOUT = Layout((Tensor("w", (3,)),))
LIKE = {"w": torch.zeros(3)}
ONE = 1 << FRACTION_BITS
SETTINGS: dict[str, Any] = {"columns": ["a"], "ranges": ["-1:1"], "classes": ["x", "y"], "learning_rate": "0.3"}


def ints(*values: float) -> Any:
    return np.array([round(value * ONE) for value in values], np.int32)


@pytest.mark.parametrize("server", [NONE, Momentum(rate="1", beta="0.9"), Adam("0.1", "0.9", "0.99", "0.001")])
def test_the_state_goes_on_from_round_to_round(server: Server) -> None:
    side, state = ServerSide(server, LAYOUT, 4), tuple(np.zeros(3, np.int64) for _ in server.streams)
    for number in range(1, 4):
        mean = ints(0.1 * number, -0.2, 0).astype(np.int64)
        want, state = stepped(server, mean, state, Turnout(2, 4), FRACTION_BITS)
        assert side.correction(0, LIKE) is None
        assert (side.stepped({0: ints(1, 1, 1), 2: ints(0, 0, 0)}, mean) == want).all()


def test_feddyn_corrects_by_all_of_a_partys_updates() -> None:
    side = ServerSide(Dyn(alpha="0.5"), LAYOUT, 2)
    for _ in range(2):
        side.stepped({0: ints(0.25, 0, -0.5)}, ints(0, 0, 0).astype(np.int64))
    first, second = side.correction(0, LIKE), side.correction(1, LIKE)
    assert first is not None
    assert second is not None
    assert first.pull == 0.5
    assert first.shift["w"].tolist() == [-0.5, 0, 1]
    assert second.shift["w"].tolist() == [0, 0, 0]


def test_scaffold_corrects_by_the_servers_control_less_the_partys() -> None:
    """c <- c + (d - c) n / N, and c_i <- c_i - c + D_i with the c before."""
    side = ServerSide(Scaffold(rate="1"), LAYOUT, 2)
    side.stepped({0: ints(0.5, 0, 0), 1: ints(0, 0.5, 0)}, ints(0.25, 0.25, 0).astype(np.int64))
    side.stepped({0: ints(0.5, 0, 0)}, ints(0.5, 0, 0).astype(np.int64))
    control = [0.25 + 0.25 / 2, 0.25 - 0.25 / 2, 0.0]
    first, second = side.correction(0, LIKE), side.correction(1, LIKE)
    assert first is not None
    assert second is not None
    assert first.shift["w"].tolist() == [control[0] - (0.5 - 0.25 + 0.5), control[1] + 0.25, 0]
    assert second.shift["w"].tolist() == [control[0], control[1] - 0.5, 0]


def federation(folder: Path, **settings: Any) -> Federation:
    parties = []
    for number in range(4):
        inputs = torch.linspace(-1, 1, 16)[:, None] * (1 + number)
        rows = Labelled(inputs, (inputs[:, 0] > number / 4).long())
        parties.append(Party(f"party {number}", rows, rows))
    known = SETTINGS | settings
    return Federation(find("tabular").create(known), known, parties, folder)


@pytest.mark.parametrize("server", [Momentum(rate="1", beta="0.5"), Dyn(alpha="0.1"), Scaffold(rate="1")])
def test_a_server_optimiser_makes_another_model_the_same_each_time(server: Server, tmp_path: Path) -> None:
    plain, _ = federation(tmp_path / "plain").train(Methods(4, 1), ())
    made = [federation(tmp_path / str(run)).train(Methods(4, 1, server=server), ())[0] for run in range(2)]
    assert (made[0] == made[1]).all()
    assert (made[0] != plain).any()


def test_so_many_parties_are_drawn_for_each_round(tmp_path: Path) -> None:
    heard: list[tuple[int, str]] = []
    made = federation(tmp_path)
    told = Federation(
        made.task, made.settings, made.parties, tmp_path, step=lambda _, party, number: heard.append((number, party))
    )
    told.train(Methods(6, 1, taking_part=2), ())
    rounds = [[party for number, party in heard if number == wanted] for wanted in range(1, 7)]
    assert all(len(set(names)) == len(names) == 2 for names in rounds)
    assert len({tuple(names) for names in rounds}) > 1


def test_a_task_without_its_half_is_refused(tmp_path: Path) -> None:
    task = find("multitask").create({"columns": ["a"], "ranges": ["0:1"]})
    with pytest.raises(UsageError, match="corrects each party's steps"):
        Federation(task, {}, [], tmp_path).train(Methods(1, 1, server=Dyn(alpha="0.1")), ())
