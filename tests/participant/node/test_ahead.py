"""Training ahead without a chain: what a full disk, a damaged file, a failed training or a job's end does to it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
from support.worlds.world import TERMS, World

from ledger.errors import Unavailable, UsageError
from ledger.history.state import JobState
from ledger.jobs.document import Job
from ledger.jobs.schedule import Buffered
from ledger.rounds.facts import base_named
from participant.node import ahead
from participant.node.ahead import Ahead
from participant.node.harvest import Shelf
from participant.node.replay import ways_of
from participant.node.trainings import Trainings, seed_of
from participant.trainer.messages import TrainedUpdate

TRAINED = TrainedUpdate(weight=7, samples=7, loss="0.5", metrics={}, device="cpu")
ME = 0


class Errand:
    """A training that is done when the test says so; `values` by its order."""

    def __init__(self, size: int, number: int, error: UsageError | None) -> None:
        self.done, self.size, self.number, self.error = False, size, number, error

    def expect(self, kind: type) -> TrainedUpdate:
        if self.error is not None:
            raise self.error
        assert kind is TrainedUpdate
        return TRAINED

    def update(self, values: int) -> np.ndarray:
        return np.full(values, self.number, "<i4")

    def leaves(self) -> tuple[bytes, ...]:
        return (bytes(32),)

    def left(self) -> bytes:
        return b""


class Trainers:
    """Begins errands, and remembers which were closed."""

    machine = SimpleNamespace(rows=Path())

    def __init__(self) -> None:
        self.begun: list[Errand] = []
        self.closed: list[Errand] = []
        self.error: UsageError | None = None

    def begin(self, job: Job, *_: object, **__: object) -> Errand:
        self.begun.append(Errand(job.layout.values, len(self.begun) + 1, self.error))
        return self.begun[-1]

    def close_errand(self, errand: Errand) -> None:
        self.closed.append(errand)


class Desk:
    """A member's training ahead for a buffered job of a world."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        terms = msgspec.structs.replace(TERMS, buffer=2, rounds=3)
        self.world = World(3, schedule=Buffered(max_staleness=2, staleness="sqrt"), terms=terms).open_job()
        self.trainers, self.shelf, self.notes = Trainers(), Shelf(home), list[tuple[str, str]]()
        self.trainings = Trainings(self.trainers)  # type: ignore[arg-type]
        connection: Any = SimpleNamespace(place=self.world.place)
        copies: Any = SimpleNamespace(base=lambda *_: SimpleNamespace(copying=()))
        self.ahead = Ahead(connection, self.trainings, copies, self.shelf)
        monkeypatch.setattr(ahead, "read", lambda *_: self.world.initial)

    def look(self) -> str:
        def note(action: str, _: JobState, text: str, why: object = None, /) -> None:
            self.notes.append((action, text))

        member = self.world.history.members[ME]
        self.ahead.look(self.world.state, member, lambda _: self.world.job, lambda _: Path("data.csv"), note)
        return self.ahead.unready[self.world.state.number]

    @property
    def root(self) -> str | None:
        head = self.shelf.head(self.world.state, self.world.job)
        return None if head is None else head.root


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, monkeypatch)


def test_a_result_that_the_disk_does_not_take_is_kept_later(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "trains on the model of round 0" in desk.look()
    desk.trainers.begun[0].done = True

    def full(*_: object) -> None:
        raise Unavailable("no space left on the device")

    with monkeypatch.context() as disk:
        disk.setattr("ledger.store.disk.write_private", full)
        assert [desk.look(), desk.look()] == ["no space left on the device"] * 2
    assert desk.look() == ""
    assert desk.root is not None
    assert len(desk.trainers.begun) == 1, "it is not trained again"
    assert [one for one, _ in desk.notes] == ["failed", "trained"]


@pytest.mark.parametrize("damage", ["cut", "flipped", "no root"])
def test_a_damaged_result_is_trained_again(desk: Desk, tmp_path: Path, damage: str) -> None:
    desk.look()
    desk.trainers.begun[0].done = True
    assert desk.look() == ""
    (path,) = (tmp_path / "trained").iterdir()
    data = path.read_bytes()
    head, _, rest = data.partition(b"\n")
    root = desk.world.job.initial_root.hex().encode()
    damaged = {
        "cut": data[:-1],
        "flipped": head + b"\n" + bytes([rest[0] ^ 1]) + rest[1:] + b"",
        "no root": data.replace(root, b"x" * 64),
    }
    path.write_bytes(damaged[damage])
    assert desk.shelf.find(desk.world.state, desk.world.job) is None
    assert "trains on the model of round 0" in desk.look()
    desk.trainers.begun[1].done = True
    assert desk.look() == ""


def test_a_result_that_cannot_be_read_now_is_not_trained_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.look()
    desk.trainers.begun[0].done = True
    assert desk.look() == ""
    before = desk.root
    desk.shelf._known.clear()

    def busy(*_: object, **__: object) -> None:
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as system:
        system.setattr(Path, "open", busy)
        assert "Too many open files" in desk.look()
    assert desk.look() == ""
    assert desk.root == before
    assert len(desk.trainers.begun) == 1


def test_a_draft_that_a_killed_process_left_goes_with_the_next_result(desk: Desk, tmp_path: Path) -> None:
    desk.look()
    desk.trainers.begun[0].done = True
    name = f"{desk.world.state.number}-{desk.world.job.digest.hex()}.trained"
    (tmp_path / "trained").mkdir(mode=0o700)
    (tmp_path / "trained" / f".{name}.7.abcd").write_bytes(b"half of it")
    desk.look()
    assert [one.name for one in (tmp_path / "trained").iterdir()] == [name]


def test_a_training_that_failed_is_tried_again_in_the_next_round(desk: Desk) -> None:
    """Where nobody trains there is no newer model, and the data stay as they are."""
    desk.trainers.error = UsageError("the task's process was ended")
    desk.world.open_round()
    desk.look()
    desk.trainers.begun[0].done = True
    desk.look()
    assert "was ended" in desk.look()
    assert len(desk.trainers.begun) == 1
    desk.world.submit(1)
    desk.world.advance()
    desk.world.open_round()
    desk.trainers.error = None
    assert "trains on the model of round 0" in desk.look()
    desk.trainers.begun[1].done = True
    assert desk.look() == ""


@pytest.mark.parametrize("end", ["closed", "complete"])
def test_a_training_ends_with_its_job(desk: Desk, end: str) -> None:
    desk.look()
    state = desk.world.state
    assert desk.trainings.overtaken(state, 0) == []
    if end == "closed":
        state.open, state.closed = False, True
    else:
        state.finalised = state.terms.rounds
    assert desk.trainings.overtaken(state, 0) == [1]
    assert desk.trainers.closed == desk.trainers.begun
    assert desk.trainings.under_way() == frozenset()


def test_a_replay_tries_what_the_ledger_leaves_open(desk: Desk) -> None:
    """Three models with the same integers, and a round that failed after the member had committed."""
    world, nothing = desk.world, np.zeros(desk.world.layout.values, "<i4")
    for _ in range(2):
        world.open_round()
        for member in (1, 2):
            world.submit(member, nothing)
        world.publish(0)
        world.attest(1)
    world.open_round()
    world.submit(ME)
    world.advance()
    world.open_round()
    world.submit(ME)
    world.submit(1)
    facts = world.facts
    assert facts.base.root == world.job.initial_root
    ways = ways_of(facts, ME, base_named(world.state, world.job, 4, world.job.initial_root))
    seeded_by = [(3, 4), (3, 3), (2, 3), (2, 2), (1, 2), (1, 1)]
    assert ways == [(round_, seed_of(world.job.digest, by, ME)) for round_, by in seeded_by]
    plain = World(3).open_job().open_round()
    assert ways_of(plain.facts, ME, plain.facts.base) == [(1, seed_of(plain.job.digest, 1, ME))]
