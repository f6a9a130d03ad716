"""Scores: what scorers commit to, reveal and settle folds as the contract would have it, and as nothing else."""

import copy
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.worlds.world import BOARD, TERMS, World, key

from ledger.errors import Malformed
from ledger.events import records as r
from ledger.formats import claims as c
from ledger.history.fold import History, HistoryError
from ledger.history.scorings import bitmap, medians, root_of, settlement
from ledger.history.state import Commitment, Reveal, Scoring, ScoringPhase
from web.reading.snapshot import freeze

SCORED = msgspec.structs.replace(TERMS, score_seconds=60, reveal_seconds=40, scorers=2)
A, NONE, SEED = b"\x0a" * 32, bytes(32), b"\x5e" * 32
WHERE = {"job": 1, "round": 1}
VECTORS = ((5, -7, 0, 100), (6, -8, 0, -100), (7, -9, 1, 50), (-1, c.LARGEST_SCORE, -c.LARGEST_SCORE, 0))


def salt(member: int) -> bytes:
    return bytes([member]) * 32


class Panel(World):
    """A world whose members score its rounds; the first is finalised."""

    def __init__(self, members: int = 4, terms: r.Terms = SCORED) -> None:
        super().__init__(members, terms=terms)
        self.open_job().honest_round()

    @property
    def scoring(self) -> Scoring:
        scoring = self.state.latest_scoring
        assert scoring is not None
        return scoring

    def start(self, round_: int = 1, **lies: Any) -> "Panel":
        self.emit(r.ScoringOpened, **opening(self, round_, **lies))
        return self

    def commit(self, *members: int) -> "Panel":
        for member in members:
            self.emit(r.ScoresCommitted, **committing(self, member))
        return self

    def reveal(self, *members: int) -> "Panel":
        for member in members:
            self.emit(r.ScoresRevealed, **revealing(self, member))
        return self

    def settle(self, **lies: Any) -> "Panel":
        self.emit(r.MediansSettled, **median(self))
        self.emit(r.ScoresSettled, **settling(self, **lies))
        return self


def opening(world: Panel, round_: int = 1, **lies: Any) -> dict[str, Any]:
    fields = {"opener": world.keys[0], "seed": SEED, "epoch": world.history.epoch, "updates": 4, "scorers": 4}
    return {"job": 1, "round": round_, "commit_deadline": 1_000} | fields | lies


def committing(world: Panel, member: int, **lies: Any) -> dict[str, Any]:
    scorer = world.keys[member]
    place = (BOARD.chain, BOARD.address, 1, world.scoring.round)
    commitment = c.scores_commitment(*place, scorer, salt(member), VECTORS[member])
    return {"job": 1, "round": world.scoring.round, "scorer": scorer, "commitment": commitment} | lies


def revealing(world: Panel, member: int, **lies: Any) -> dict[str, Any]:
    fields = {"scorer": world.keys[member], "salt": salt(member), "scores": c.pack_scores(VECTORS[member])}
    return {"job": 1, "round": world.scoring.round} | fields | lies


def median(world: Panel, **lies: Any) -> dict[str, Any]:
    start, _, medians = settlement(world.scoring)
    return {"job": 1, "round": world.scoring.round, "start": start, "medians": medians} | lies


def settling(world: Panel, **lies: Any) -> dict[str, Any]:
    scoring = world.scoring
    said = {"root": root_of(scoring), "withheld": bitmap(scoring.pending)}
    return {"job": 1, "round": scoring.round} | said | lies


def ending(world: Panel, **lies: Any) -> dict[str, Any]:
    return {"job": 1, "round": world.scoring.round, "withheld": bitmap(world.scoring.pending)} | lies


def opened() -> Panel:
    return Panel().start()


def committed() -> Panel:
    return opened().commit(0, 1, 2)


def full() -> Panel:
    return opened().commit(0, 1, 2, 3)


def revealed() -> Panel:
    return committed().reveal(0, 1)


def measured() -> Panel:
    """Every median is settled; the contract's own event is still to come."""
    world = revealed()
    world.emit(r.MediansSettled, **median(world))
    return world


def settled() -> Panel:
    return revealed().settle()


def ended_void() -> Panel:
    world = committed().reveal(1)
    world.emit(r.ScoringVoid, **ending(world))
    return world


def copied() -> Panel:
    """Member 1 committed to what member 0 had committed to."""
    world = opened().commit(0)
    world.emit(r.ScoresCommitted, **committing(world, 0, scorer=key(1)))
    return world


def rotated(world: Panel, member: int = 3) -> Panel:
    world.emit(r.KeyRotated, index=member, old_key=key(member), new_key=key(member, 1), epoch=2)
    return world


def two_rounds() -> Panel:
    world = Panel()
    world.honest_round()
    return world


def scored(world: Panel, round_: int = 1) -> Panel:
    return world.start(round_).commit(0, 1).reveal(0, 1).settle()


def unscored() -> Panel:
    return Panel(terms=TERMS)


def with_(make: Any, *arguments: Any, **lies: Any) -> Any:
    return lambda world: make(world, *arguments, **lies)


def other_median(place: int, by: int) -> Any:
    def made(world: Panel) -> dict[str, Any]:
        medians = list(c.unpack_scores(settlement(world.scoring)[2], 4))
        medians[place] += by
        return median(world, medians=c.pack_scores(medians))

    return made


ILLEGAL: dict[str, tuple[Any, Any, Any]] = {
    "scores in a job without any": (unscored, r.ScoringOpened, with_(opening)),
    "scores of no job": (Panel, r.ScoringOpened, with_(opening, job=2)),
    "scores opened by a stranger": (Panel, r.ScoringOpened, with_(opening, opener=key(9))),
    "scores opened by a retired key": (lambda: rotated(Panel()), r.ScoringOpened, with_(opening, opener=key(3))),
    "scores of a round to come": (Panel, r.ScoringOpened, with_(opening, 2)),
    "scores of a round under way": (lambda: Panel().open_round(), r.ScoringOpened, with_(opening, 2)),
    "scores of another epoch": (Panel, r.ScoringOpened, with_(opening, epoch=2)),
    "more updates than were admitted": (Panel, r.ScoringOpened, with_(opening, updates=5)),
    "no updates": (Panel, r.ScoringOpened, with_(opening, updates=0)),
    "more scorers than there are": (Panel, r.ScoringOpened, with_(opening, scorers=5)),
    "fewer scorers than there are": (Panel, r.ScoringOpened, with_(opening, scorers=3)),
    "fewer scorers than must reveal": (
        lambda: Panel(terms=msgspec.structs.replace(SCORED, scorers=5)), r.ScoringOpened, with_(opening)),
    "scores opened twice": (opened, r.ScoringOpened, with_(opening)),
    "scores opened beside others": (lambda: two_rounds().start(), r.ScoringOpened, with_(opening, 2)),
    "scores of a later round first": (two_rounds, r.ScoringOpened, with_(opening, 2)),
    "scores of an earlier round": (lambda: scored(scored(two_rounds()), 2), r.ScoringOpened, with_(opening, 1)),
    "scores opened again after their end": (settled, r.ScoringOpened, with_(opening)),
    "scores opened again after they were void": (ended_void, r.ScoringOpened, with_(opening)),
    "a commitment before the opening": (Panel, r.ScoresCommitted, WHERE | {"scorer": key(0), "commitment": A}),
    "a commitment for another round": (opened, r.ScoresCommitted, with_(committing, 0, round=2)),
    "a stranger's commitment": (opened, r.ScoresCommitted, with_(committing, 0, scorer=key(9))),
    "a commitment by a key too young": (lambda: rotated(opened()), r.ScoresCommitted,
        with_(committing, 0, scorer=key(3, 1))),
    "a retired key's commitment": (lambda: rotated(opened()), r.ScoresCommitted, with_(committing, 0, scorer=key(3))),
    "a commitment twice": (committed, r.ScoresCommitted, with_(committing, 0)),
    "a commitment after a reveal": (revealed, r.ScoresCommitted, with_(committing, 3)),
    "a commitment after the end": (settled, r.ScoresCommitted, with_(committing, 3)),
    "a reveal without a commitment": (committed, r.ScoresRevealed, with_(revealing, 3)),
    "a stranger's reveal": (committed, r.ScoresRevealed, with_(revealing, 0, scorer=key(9))),
    "a reveal twice": (revealed, r.ScoresRevealed, with_(revealing, 0)),
    "a reveal after the end": (settled, r.ScoresRevealed, with_(revealing, 2)),
    "a reveal of other scores": (committed, r.ScoresRevealed,
        with_(revealing, 0, scores=c.pack_scores((5, -7, 0, 101)))),
    "a reveal with another salt": (committed, r.ScoresRevealed, with_(revealing, 0, salt=A)),
    "a reveal of a copied commitment": (copied, r.ScoresRevealed, with_(revealing, 0, scorer=key(1))),
    "a reveal by the member's next key": (lambda: rotated(full()), r.ScoresRevealed,
        with_(revealing, 3, scorer=key(3, 1))),
    "a reveal of too few scores": (committed, r.ScoresRevealed, with_(revealing, 0, scores=bytes(12))),
    "a reveal of too many scores": (committed, r.ScoresRevealed, with_(revealing, 0, scores=bytes(20))),
    "a reveal out of range": (committed, r.ScoresRevealed, with_(revealing, 0, scores=b"\x7f" * 16)),
    "a median below the quorum": (lambda: committed().reveal(0), r.MediansSettled, with_(median)),
    "a median of another round": (revealed, r.MediansSettled, with_(median, round=2)),
    "medians twice": (measured, r.MediansSettled, WHERE | {"start": 0, "medians": c.pack_scores((5, -8, 0, -100))}),
    "a median out of turn": (revealed, r.MediansSettled, with_(median, start=1)),
    "no medians": (revealed, r.MediansSettled, with_(median, medians=b"")),
    "a median too high": (revealed, r.MediansSettled, other_median(1, 1)),
    "a median too low": (revealed, r.MediansSettled, other_median(3, -1)),
    "a median left out": (revealed, r.MediansSettled, lambda w: median(w, medians=median(w)["medians"][:-4])),
    "a reveal after a median": (measured, r.ScoresRevealed, with_(revealing, 2)),
    "a settlement without medians": (revealed, r.ScoresSettled, with_(settling)),
    "a settlement of another round": (measured, r.ScoresSettled, with_(settling, round=2)),
    "a settlement twice": (settled, r.ScoresSettled, with_(settling)),
    "another root": (measured, r.ScoresSettled, with_(settling, root=A)),
    "a withheld reveal hidden": (measured, r.ScoresSettled, with_(settling, withheld=NONE)),
    "a withheld reveal invented": (measured, r.ScoresSettled, with_(settling, withheld=bitmap({2, 3}))),
    "a void settled scoring": (settled, r.ScoringVoid, with_(ending)),
    "void with every median": (measured, r.ScoringVoid, with_(ending)),
    "void twice": (ended_void, r.ScoringVoid, with_(ending)),
    "void, with a withheld reveal hidden": (committed, r.ScoringVoid, with_(ending, withheld=NONE)),
    "void of nothing": (Panel, r.ScoringVoid, WHERE | {"withheld": NONE}),
}  # fmt: skip


@pytest.mark.parametrize(("start", "kind", "fields"), ILLEGAL.values(), ids=ILLEGAL.keys())
def test_scores_that_cannot_be_are_refused_and_leave_no_trace(start: Any, kind: Any, fields: Any) -> None:
    world = start()
    history = world.history
    made = fields(world) if callable(fields) else fields
    event = kind(block=10_000 + history.applied, log=0, tx=bytes(32), **made)
    before = copy.deepcopy(vars(history))
    with pytest.raises(HistoryError, match="log is damaged"):
        history.apply(event)
    assert vars(history) == before


def test_a_round_gets_the_lower_medians_and_who_withheld_is_on_record() -> None:
    scoring = settled().scoring
    assert scoring.medians == (5, -8, 0, -100)
    assert (scoring.outcome, scoring.withheld, scoring.pending) == (ScoringPhase.SETTLED, {2}, {2})
    assert scoring.root == root_of(scoring) != NONE
    assert {index: reveal.scores for index, reveal in scoring.reveals.items()} == dict(enumerate(VECTORS[:2]))


def wide(scorers: int, updates: int) -> Scoring:
    """A scoring that is over: so many scorers revealed, the last one first, scores that nobody else has."""
    scoring = Scoring(1, 1, key(0), SEED, updates, 1, scorers, 2, 1_000, 1_040, NONE)
    for index in reversed(range(scorers)):
        scores = tuple((7919 * index + 104_729 * place) % 2001 - 1000 for place in range(updates))
        scoring.commitments[index] = Commitment(key(index), index, NONE, NONE)
        scoring.reveals[index] = Reveal(key(index), index, scores, NONE, NONE)
    return scoring


@pytest.mark.parametrize(
    ("scorers", "updates", "ranges"),
    [
        (64, 255, [32] * 7 + [31]),
        (64, 32, [32]),
        (7, 64, [64]),
        (8, 255, [255]),
        (9, 255, [224, 31]),
        (40, 33, [32, 1]),
    ],
)
def test_scores_are_settled_in_ranges_that_a_call_can_take(scorers: int, updates: int, ranges: list[int]) -> None:
    scoring, taken = wide(scorers, updates), []
    while len(scoring.settled) < updates:
        start, scores, packed = settlement(scoring)
        assert start == len(scoring.settled)
        some = c.unpack_scores(packed, len(packed) // 4)
        assert len(scores) == scorers * (len(packed) + 32)
        taken.append(len(some))
        scoring.settled += some
    assert taken == ranges
    assert scoring.settled == medians(scoring)


def test_a_scoring_that_nobody_settles_is_void_and_has_no_medians() -> None:
    world = measured()
    with pytest.raises(HistoryError, match="cannot be void"):
        world.emit(r.ScoringVoid, **ending(world))
    world = revealed()
    world.emit(r.ScoringVoid, **ending(world))
    scoring = world.scoring
    assert (scoring.outcome, scoring.medians, scoring.root) == (ScoringPhase.VOID, None, NONE)
    assert scoring.settle_deadline == scoring.reveal_deadline + SCORED.reveal_seconds


def test_a_gained_role_waits_for_the_next_scoring() -> None:
    members = opened().history.members[3]
    assert members.acts(r.Role.SCORER, 1)
    members.roles_since = 2
    assert not members.acts(r.Role.SCORER, 1)
    assert members.acts(r.Role.SCORER, 2)


def test_a_void_round_has_no_scores_and_the_next_may_have() -> None:
    world = ended_void()
    first = world.scoring
    assert (first.outcome, first.medians, first.root, first.withheld) == (ScoringPhase.VOID, None, NONE, {0, 2})
    world.honest_round()
    world.start(2).commit(0, 1, 2, 3).reveal(3, 2, 1, 0).settle()
    assert (world.scoring.medians, world.scoring.withheld) == ((5, -8, 0, 0), frozenset())
    assert list(world.state.scorings) == [1, 2]


def test_a_retired_key_reveals_what_it_committed_to() -> None:
    world = full()
    rotated(world)
    world.emit(r.ScoresRevealed, **revealing(world, 3, scorer=key(3)))
    assert set(world.scoring.reveals) == {3}


def test_without_a_board_no_reveal_is_believed() -> None:
    world = committed()
    history = History(world.events)
    event = r.ScoresRevealed(block=10_000, log=0, tx=NONE, **revealing(world, 0))
    with pytest.raises(HistoryError, match="cannot reveal"):
        history.apply(event)


@pytest.mark.parametrize(
    ("start", "now", "phase"),
    [
        (opened, 1_000, ScoringPhase.COMMITTING),
        (opened, 1_001, ScoringPhase.OVER),
        (committed, 1_000, ScoringPhase.COMMITTING),
        (committed, 1_001, ScoringPhase.REVEALING),
        (committed, 1_040, ScoringPhase.REVEALING),
        (committed, 1_041, ScoringPhase.OVER),
        (full, 0, ScoringPhase.REVEALING),
        (lambda: full().reveal(0, 1, 2), 1_000, ScoringPhase.REVEALING),
        (lambda: full().reveal(0, 1, 2, 3), 0, ScoringPhase.OVER),
        (lambda: committed().reveal(0, 1, 2), 1_001, ScoringPhase.OVER),
        (settled, 0, ScoringPhase.SETTLED),
        (ended_void, 0, ScoringPhase.VOID),
    ],
)
def test_time_and_reveals_give_the_phase(start: Any, now: int, phase: ScoringPhase) -> None:
    assert start().scoring.phase(now) is phase


ACTIONS = ("start", "commit", "reveal", "settle", "void", "round", "rotate")


def act(world: Panel, action: str, member: int) -> None:
    """One legal step, or none where the action is not open to that member now."""
    last = world.state.latest_scoring
    open_ = last is not None and last.outcome is None
    if action == "round" and len(world.state.rounds) < 3 and world.history.epoch == 1:
        world.honest_round()
    elif action == "rotate" and world.history.epoch < 4:
        epoch, old = world.history.epoch, world.keys[member]
        world.keys[member] = key(member, epoch)
        world.emit(r.KeyRotated, index=member, old_key=old, new_key=world.keys[member], epoch=epoch + 1)
    elif action == "start" and not open_:
        number = len(world.state.scorings) + 1
        if number in world.state.rounds:
            world.start(number, opener=world.keys[member])
    elif open_ and last is not None:
        step(world, last, action, member)


def step(world: Panel, scoring: Scoring, action: str, member: int) -> None:
    young = world.history.members[member].since > scoring.epoch
    if action == "commit" and not (young or scoring.reveals or scoring.full or member in scoring.commitments):
        world.commit(member)
    elif action == "reveal" and member in scoring.commitments and member not in scoring.reveals:
        world.emit(r.ScoresRevealed, **revealing(world, member, scorer=scoring.commitments[member].scorer))
    elif action == "settle" and len(scoring.reveals) >= scoring.quorum:
        world.settle()
    elif action == "void":
        world.emit(r.ScoringVoid, **ending(world))


steps = st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 3)), max_size=60)


@given(steps)
def test_every_legal_history_folds_and_folds_again(path: list[tuple[str, int]]) -> None:
    world = Panel()
    for action, member in path:
        act(world, action, member)
    assert vars(History(world.events, BOARD)) == vars(world.history)
    ended = [scoring.outcome is not None for scoring in world.state.scorings.values()]
    assert all(ended[:-1])
    assert list(world.state.scorings) == sorted(world.state.scorings)
    for scoring in world.state.scorings.values():
        assert scoring.reveals.keys() <= scoring.commitments.keys()
        assert len(scoring.commitments) <= scoring.scorers
        settled_ = scoring.outcome is ScoringPhase.SETTLED
        assert settled_ == (scoring.medians is not None) == (scoring.root != NONE)
        assert not settled_ or len(scoring.reveals) >= scoring.quorum


@given(steps, st.data())
def test_a_history_with_an_event_left_out_is_noticed_or_legal(path: Any, data: st.DataObject) -> None:
    """A refused event leaves no trace, wherever it comes; the rest of the log goes on from there."""
    world = Panel()
    for action, member in path:
        act(world, action, member)
    gone = data.draw(st.integers(0, len(world.events) - 1))
    history = History(board=BOARD)
    for position, event in enumerate(world.events):
        if position == gone:
            continue
        before = copy.deepcopy(vars(history))
        try:
            history.apply(event)
        except HistoryError:
            assert vars(history) == before


def test_a_snapshot_does_not_change_with_the_scoring() -> None:
    world = committed()
    frozen = freeze(world.history, 1)
    world.reveal(0, 1).settle()
    kept = frozen.jobs[1].scorings[1]
    assert (kept.outcome, kept.reveals, len(kept.commitments)) == (None, {}, 3)
    world.honest_round()
    world.start(2)
    assert list(frozen.jobs[1].scorings) == [1]


scores = st.lists(st.integers(-c.LARGEST_SCORE, c.LARGEST_SCORE), max_size=255)


@given(scores)
def test_scores_travel(values: list[int]) -> None:
    assert c.unpack_scores(c.pack_scores(values), len(values)) == tuple(values)


@pytest.mark.parametrize("score", [c.LARGEST_SCORE + 1, -c.LARGEST_SCORE - 1, 1 << 31, -(1 << 31) - 1, 1 << 40])
def test_a_score_out_of_range_is_named(score: int) -> None:
    with pytest.raises(Malformed, match="out of range") as caught:
        c.pack_scores([0, score])
    assert (caught.value.facts["update"], caught.value.facts["actual"]) == (1, score)


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=30))
def test_the_lower_median_is_the_one_that_counts_right(values: list[int]) -> None:
    """What the contract counts: at least (k + 1) // 2 at or below it, and k // 2 + 1 at or above it."""
    median, size = c.lower_median(values), len(values)
    good = {
        value
        for value in range(-6, 7)
        if sum(v <= value for v in values) >= (size + 1) // 2 and sum(v >= value for v in values) >= size // 2 + 1
    }
    assert good == {median}
