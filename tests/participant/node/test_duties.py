"""While one job trains for long, its node attests, opens, serves and trains for the others; and nothing a task does
ends that.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support import wild
from support.consortia import aggregators
from support.consortia.synthetic import Trial
from support.consortia.trainers import data_of, drive, node, notes, train_on, trainers_of

from ledger.config import HomeSettings, save
from ledger.history.state import JobState, Phase
from ledger.jobs.document import Job
from ledger.party.journal import Journal
from ledger.party.masking.proposing import Proposer
from participant.node.node import Node
from participant.node.worker import NodeWorker
from participant.tasks.data.files import DataFiles
from participant.trainer.trainers import under_way

pytestmark = pytest.mark.node


@pytest.fixture
def trial(found: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trial]:
    """Three members, a first job that is trained in no time, and data for all."""
    monkeypatch.syspath_prepend(str(tmp_path))
    with ExitStack() as stack:
        yield train_on(stack.enter_context(Trial(found(3), propose=False)), rounds=1)
    sys.modules.pop("own_wild", None)


def second(t: Trial, folder: Path, **does: str) -> tuple[Job, int]:
    """Another job, of the wild task; the trial's own stays the first."""
    job, first, number = wild.job(folder, **does), t.job, t.number
    store = t.parties[0].connection
    from participant.jobs.creation import create
    from participant.jobs.draft import read

    t.job = create(read(folder / "job.toml"), store.put)
    assert t.job.digest == job.digest
    made = t.propose()
    t.job, t.number = first, number
    return job, made


def files_of(t: Trial, index: int, jobs: dict[int, Path]) -> DataFiles:
    home = t.parties[index].member.home
    named = {"default": "data.csv"} | {str(number): str(path) for number, path in jobs.items()}
    save(home.settings_file, HomeSettings(name=f"party {index}", data=named))
    return DataFiles(home)


def node_of(t: Trial, index: int, jobs: dict[int, Path], say: Callable[[str], None] = lambda _: None) -> Node:
    """A node whose data are named by job."""
    party = t.parties[index]
    journal = Journal(party.member.home.folder / "node.jsonl", say)
    files, started = files_of(t, index, jobs), trainers_of(party)
    worker = NodeWorker(party.connection, party.sender, journal, party.exchange, files, started)
    proposer = Proposer(party.connection, party.sender, journal)
    return Node(party.connection, worker, journal, proposer, serving=party.serving)


def state_of(t: Trial, number: int) -> JobState:
    return t.parties[0].connection.refresh().jobs[number]


def go_on(*nodes: Any, until: Callable[[], bool], seconds: float = 300) -> None:
    """Let nodes look, without waiting for what trains, until something is so."""
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, "it never comes to that"
        for one in nodes:
            one.look()
            one._rounds.copies.settle(5)
            one._rounds.exchange.settle(5)
        time.sleep(0.02)


class Looking:
    """An aggregator among nodes."""

    def __init__(self, t: Trial) -> None:
        self.service = aggregators.service(t.parties[0])
        self._rounds = self.service._worker

    def look(self) -> bool:
        return self.service.look()


def test_a_job_that_trains_for_hours_holds_up_no_other(trial: Trial, tmp_path: Path) -> None:
    """Its node commits, opens, vouches and attests for the other job, and says how far the long training is."""
    t = trial
    slow, number = second(t, tmp_path, train="wait")
    (tmp_path / "lines").write_text("one\ntwo\n")
    said: list[str] = []
    nodes = [node_of(t, index, {number: tmp_path / "lines"}, said.append) for index in range(3)]
    for job in (number, t.number):
        t.parties[0].sender.send("ledger", "openRound", job)
    go_on(*nodes, until=lambda: all((number, 1) in one._rounds._trainings.under_way() for one in nodes))
    go_on(*nodes, Looking(t), until=lambda: state_of(t, t.number).complete)
    assert t.state.rounds[1].phase is Phase.FINALISED
    assert sorted(t.state.rounds[1].updates) == [0, 1, 2]
    assert len(t.state.rounds[1].aggregates[0].attestations) >= 2
    assert all((number, 1) in one._rounds._trainings.under_way() for one in nodes), "the other trains all the while"
    assert not state_of(t, number).rounds[1].commitments
    work = t.parties[0].member.home.folder / "work"
    go_on(*nodes, until=lambda: bool(under_way(work)))
    (told,) = under_way(work)
    assert (told.job, told.round, told.epochs) == (number, 1, 4.0)
    for party in t.parties:
        (party.member.home.scratch / "go").touch()
    drive(*nodes)
    assert sorted(state_of(t, number).rounds[1].commitments) == [0, 1, 2]
    assert slow.digest == state_of(t, number).digest
    assert any(f"job {number}: the data can be read: 2 rows" in line for line in said)


@pytest.mark.parametrize("does", ["raise", "interrupt", "leave", "exit", "crash"])
def test_a_task_that_fails_costs_its_round_and_nothing_else(trial: Trial, tmp_path: Path, does: str) -> None:
    t = trial
    _, number = second(t, tmp_path, train=does)
    (tmp_path / "lines").write_text("one\ntwo\n")
    said: list[str] = []
    nodes = [node_of(t, 0, {number: tmp_path / "lines"}, said.append), node(t.parties[1]), node(t.parties[2])]
    t.parties[0].sender.send("ledger", "openRound", number)
    drive(nodes[0])
    (failed,) = notes(t.parties[0].member.home, "failed")
    assert failed["job"] == number
    for name, value in (("task", "wild"), ("method", "train"), ("round", "1"), ("file", str(tmp_path / "lines"))):
        assert failed["facts"][name] == value
        assert f"{name}: {value}" in "\n".join(said), "the screen says what the journal says"
    drive(*nodes, aggregators.service(t.parties[0]))
    assert t.state.complete
    assert not state_of(t, number).rounds[1].commitments
    assert len(notes(t.parties[0].member.home, "failed")) == 1, "it is not tried again and again"


def test_a_training_ends_with_its_round(trial: Trial, tmp_path: Path) -> None:
    t = trial
    _, number = second(t, tmp_path, train="loop")
    (tmp_path / "lines").write_text("one\n")
    one = node_of(t, 0, {number: tmp_path / "lines"})
    t.parties[0].sender.send("ledger", "openRound", number)
    go_on(one, until=lambda: (number, 1) in one._rounds._trainings.under_way())
    t.pass_time(wild.SECONDS + 1)
    one.look()
    assert one._rounds._trainings.under_way() == frozenset()
    (note,) = notes(t.parties[0].member.home, "late")
    assert "its training was ended" in note["text"]


def test_data_are_named_by_job_and_checked_before_any_clock_runs(trial: Trial, tmp_path: Path) -> None:
    """Before a round is open, and again when the file changes; what is wrong is on the screen as in the journal."""
    t = trial
    _, number = second(t, tmp_path)
    said: list[str] = []
    good = data_of(t.parties[0]).read_text()
    data_of(t.parties[0]).write_text(good.replace("low", "lwo", 1))
    one = node_of(t, 0, {number: tmp_path / "nowhere"}, said.append)
    drive(one)
    assert not t.state.rounds, "no round is open"
    unfit = {note["job"]: note for note in notes(t.parties[0].member.home, "unfit")}
    assert unfit[t.number]["facts"]["value"] == "'lwo'"
    assert unfit[number]["facts"]["file"] == str(tmp_path / "nowhere")
    for fact in ("value: 'lwo'", "line: ", f"file: {data_of(t.parties[0])}", f"fedledger node data {number} FILE"):
        assert fact in "\n".join(said)
    data_of(t.parties[0]).write_text(good)
    (tmp_path / "nowhere").write_text("one\ntwo\nthree\n")
    drive(one)
    checked = {note["job"]: note["text"] for note in notes(t.parties[0].member.home, "checked")}
    assert checked[t.number].endswith("the data can be read: 24 rows")
    assert checked[number].endswith("the data can be read: 3 rows")
