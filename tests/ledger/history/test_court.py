"""What the fold believes of convictions and rewinds: only what contracts can have written, side by side."""

import copy
from typing import Any

import msgspec
import pytest
from support.worlds.decisions import Chamber, released
from support.worlds.signing import key
from support.worlds.world import World

from ledger.events import records as r
from ledger.events.actions import CloseJob, RewindJob
from ledger.events.court import Ground
from ledger.history.fold import HistoryError
from ledger.history.state import Phase

NONE, A = bytes(32), b"\x0a" * 32
DEADLINE = 2**32


def of(world: World, number: int, before: int, **fields: Any) -> dict[str, Any]:
    """A conviction of the last attempt at a round."""
    state = world.state
    claim = state.rounds[number].aggregates[-1].claim if number in state.rounds else A
    found = {"ground": Ground.VALUE, "member": 0, "value": 7, "expected": 1, "actual": 2, "caller": key(3)}
    return {"job": 1, "round": number, "before": before, "claim": claim} | found | fields


def convicted(world: World, number: int, before: int) -> World:
    """The court convicts a final model; what follows at once does."""
    world.emit(r.Convicted, **of(world, number, before))
    under_way = not world.round.phase.terminal
    world.emit(r.ModelConvicted, job=1, round=number, before=before)
    if under_way:
        world.emit(r.RoundAbandoned, job=1, round=world.round.number, reason=r.Reason.BASE_CONVICTED)
    return world


def rewound(world: World) -> World:
    chamber = Chamber(world, DEADLINE)
    chamber.decide(RewindJob(1, world.state.convicted))
    world.emit(r.JobRewound, job=1, round=world.state.convicted, latest=world.state.sound)
    return world


def attesting() -> World:
    world = World().open_job().open_round()
    for member in range(4):
        world.submit(member)
    world.publish(0)
    return world


def three() -> World:
    """Three final rounds, and a fourth under way."""
    world = World().open_job()
    for _ in range(3):
        world.honest_round()
    return world.open_round()


def judged() -> World:
    """The court has convicted round 2; the ledger's own event is still to come."""
    world = three()
    world.emit(r.Convicted, **of(world, 2, 1))
    return world


def marked() -> World:
    """The model stands convicted; the end of the round under way is still to come."""
    world = judged()
    world.emit(r.ModelConvicted, job=1, round=2, before=1)
    return world


def halted() -> World:
    return convicted(three(), 2, 1)


def decided() -> World:
    """The rewind is decided, and still to come."""
    world = halted()
    Chamber(world, DEADLINE).decide(RewindJob(1, 2))
    return world


def overtaken() -> World:
    """A rewind for round 2 is executed, after the court convicted round 1."""
    world = halted()
    convicted(world, 1, 0)
    Chamber(world, DEADLINE).decide(RewindJob(1, 2))
    return world


def closed() -> World:
    world = halted()
    Chamber(world, DEADLINE).decide(CloseJob(1))
    world.emit(r.JobClosed, job=1)
    Chamber.decide(_of(world), RewindJob(1, 2))
    return world


def _of(world: World) -> Chamber:
    made = object.__new__(Chamber)
    made.world, made.deadline = world, DEADLINE
    return made


def by_hand() -> World:
    """A job that the court cannot judge."""
    world = World()
    terms = msgspec.structs.replace(world.job.model_terms, by_value=False)
    world.approve(world.job.digest, world.job.terms, terms)
    return world.honest_round()


def fallen() -> World:
    """The court has convicted the attempt that is attested; its end is still to come."""
    world = attesting()
    world.emit(r.Convicted, **of(world, 1, 0))
    return world


def failing(**fields: Any) -> dict[str, Any]:
    return {"job": 1, "round": 1, "attempt": 1, "deadline": 5} | fields


def opening(world: World) -> dict[str, Any]:
    number = len(world.state.rounds) + 1
    return {"job": 1, "round": number, "opener": key(0), "epoch": 1, "deadline": 9}


ILLEGAL: dict[str, tuple[Any, Any, Any]] = {
    "a conviction of no job": (three, r.Convicted, lambda w: of(w, 2, 1, job=2)),
    "of no round": (three, r.Convicted, lambda w: of(w, 9, 3)),
    "of a round without an aggregate": (three, r.Convicted, lambda w: of(w, 3, 2, round=4)),
    "of another claim": (three, r.Convicted, lambda w: of(w, 2, 1, claim=A)),
    "of a model that built on another": (three, r.Convicted, lambda w: of(w, 2, 0)),
    "of an attempt that builds on another": (attesting, r.Convicted, lambda w: of(w, 1, 1)),
    "of a job that no court can judge": (by_hand, r.Convicted, lambda w: of(w, 1, 0)),
    "of what is convicted": (halted, r.Convicted, lambda w: of(w, 2, 1)),
    "of what stands on it": (halted, r.Convicted, lambda w: of(w, 3, 2)),
    "of what was left out": (lambda: rewound(halted()), r.Convicted, lambda w: of(w, 3, 2)),
    "a model convicted by nobody": (three, r.ModelConvicted, {"job": 1, "round": 2, "before": 1}),
    "another model convicted": (judged, r.ModelConvicted, {"job": 1, "round": 3, "before": 2}),
    "another base named": (judged, r.ModelConvicted, {"job": 1, "round": 2, "before": 0}),
    "an attempt's conviction marks a model": (fallen, r.ModelConvicted, {"job": 1, "round": 1, "before": 0}),
    "an attempt attested after its conviction": (fallen, r.Attested, lambda w: {"job": 1, "round": 1, "member": key(1),
        "attempt": 1, "form": r.Form.AGREE, "claim": w.aggregate.claim, "detail": NONE}),
    "another attempt fails": (fallen, r.AttemptFailed, failing(attempt=2)),
    "an attempt fails where a model is judged": (judged, r.AttemptFailed, failing(round=2)),
    "nothing follows a conviction": (judged, r.Announced, {"index": 0, "gateway": "http://x"}),
    "a round goes on on a convicted model": (marked, r.UpdateCommitted,
        {"job": 1, "round": 4, "party": key(1), "commitment": bytes(28), "deadline": 4000}),
    "it ends for another reason": (marked, r.RoundAbandoned,
        {"job": 1, "round": 4, "reason": r.Reason.TOO_FEW_UPDATES}),
    "a round ends so, and nothing is convicted": (three, r.RoundAbandoned,
        {"job": 1, "round": 4, "reason": r.Reason.BASE_CONVICTED}),
    "a round opens on a convicted model": (halted, r.RoundOpened, opening),
    "a rewind that nobody decided": (halted, r.JobRewound, {"job": 1, "round": 2, "latest": 1}),
    "a rewind to another model": (decided, r.JobRewound, {"job": 1, "round": 2, "latest": 0}),
    "a rewind for another conviction": (decided, r.JobRewound, {"job": 1, "round": 3, "latest": 1}),
    "a rewind for a conviction that came later": (overtaken, r.JobRewound, {"job": 1, "round": 1, "latest": 0}),
    "a rewind for a conviction that stands no more": (overtaken, r.JobRewound, {"job": 1, "round": 2, "latest": 1}),
    "a rewind of another job": (decided, r.JobRewound, {"job": 2, "round": 2, "latest": 1}),
    "a rewind of a closed job": (closed, r.JobRewound, {"job": 1, "round": 2, "latest": 1}),
    "a rewind where nothing is convicted": (lambda: _decided_on(three()), r.JobRewound,
        {"job": 1, "round": 3, "latest": 3}),
}  # fmt: skip


def _decided_on(world: World) -> World:
    Chamber(world, DEADLINE).decide(RewindJob(1, 3))
    return world


@pytest.mark.parametrize(("start", "kind", "fields"), ILLEGAL.values(), ids=ILLEGAL.keys())
def test_what_no_court_can_have_found_is_refused_and_leaves_no_trace(start: Any, kind: Any, fields: Any) -> None:
    world = start()
    history = world.history
    said = fields(world) if callable(fields) else fields
    event = kind(block=history.applied + 1, log=0, tx=bytes(32), leaf=bytes(32), **said)
    before = copy.deepcopy(vars(history))
    with pytest.raises(HistoryError, match="log is damaged"):
        history.apply(event)
    assert vars(history) == before


def showing(first: int, shown: int, **fields: Any) -> dict[str, Any]:
    """Updates shown to the court, of value 7 of round 2's claim."""
    said = {"job": 1, "claim": A, "caller": key(3), "value": 7, "low": 0, "high": 0}
    return said | {"first": first, "shown": shown} | fields


def test_what_was_shown_goes_on_from_where_it_stood() -> None:
    world = three()
    claim = world.state.rounds[2].aggregates[-1].claim
    for first, shown in ((0, 2), (2, 3), (0, 1), (1, 4)):
        world.emit(r.Shown, **showing(first, shown, claim=claim))
    world.emit(r.Shown, **showing(0, 4, claim=claim, caller=key(2)))
    world.emit(r.Shown, **showing(0, 2, claim=claim, value=8))
    convicted(world, 2, 1)
    (found,) = world.state.convictions
    assert [(one.first, one.shown) for one in found.shows] == [(0, 1), (1, 4)]
    world.emit(r.Shown, **showing(0, 1, claim=claim))
    assert [(one.first, one.shown) for one in found.shows] == [(0, 1), (1, 4)], "as of the conviction"
    assert {kept._fields for calls in world.state.shows.values() for kept in calls} == {
        ("tx", "low", "high", "first", "shown")
    }, "of what strangers show no more is kept"


@pytest.mark.parametrize(
    "fields",
    [
        showing(1, 2),
        showing(2, 2),
        showing(0, 0),
        showing(0, 1, job=2),
        showing(0, 1, value=1 << 40),
        showing(2, 3, claim=bytes(32)),
    ],
)
def test_what_the_court_takes_from_nobody_is_refused(fields: dict[str, Any]) -> None:
    world = three()
    world.emit(r.Shown, **showing(0, 2))
    world.emit(r.Shown, **showing(2, 3))
    with pytest.raises(HistoryError, match="log is damaged"):
        world.emit(r.Shown, **fields)


def test_an_attempt_fails_at_once_as_if_a_majority_had_spoken() -> None:
    world = fallen()
    world.emit(r.AttemptFailed, **failing())
    state, aggregate = world.state, world.aggregate
    assert (aggregate.outcome, world.round.phase, state.strikes) == (Phase.REFUTED, Phase.AGGREGATING, {0: 1})
    assert (state.convicted, state.latest) == (0, 0), "no model fell"
    assert state.conviction_of(1, 1) is not None
    world.publish(1)
    assert state.conviction_of(1, 2) is None


def test_the_same_claim_may_be_published_and_convicted_again() -> None:
    world = fallen()
    world.emit(r.AttemptFailed, **failing())
    said = world.aggregate.said
    world.publish_claim(1, said)
    assert world.state.conviction_of(1, 2) is None
    world.emit(r.Convicted, **of(world, 1, 0))
    world.emit(r.AttemptFailed, **failing(attempt=2))
    assert [one.attempt for one in world.state.convictions] == [1, 2]


def test_a_job_goes_on_from_the_last_sound_model() -> None:
    world = rewound(halted())
    state = world.state
    assert (state.latest, state.convicted, state.sound, state.void, state.finalised) == (1, 0, 0, ((2, 4),), 3)
    assert [state.is_convicted(number) for number in (1, 2, 3, 4, 5)] == [False, True, True, True, False]
    world.honest_round()
    assert [state.built_on(number) for number in (2, 3, 4, 5, 6)] == [1, 2, 3, 1, 5]
    assert (state.lineage(5), state.lineage(3), state.latest) == ([5, 1], [3, 2, 1], 5)
    assert state.rounds[5].final is state.sound_model


def test_a_lower_conviction_later_leaves_out_more() -> None:
    world = rewound(halted()).honest_round()
    convicted(world, 1, 0)
    state = world.state
    assert (state.convicted, state.sound) == (1, 0)
    rewound_again = _of(world)
    rewound_again.decide(RewindJob(1, 1))
    world.emit(r.JobRewound, job=1, round=1, latest=0)
    assert (state.base, state.void) == (state.model.initial, ((2, 4), (1, 5)))
    assert [state.built_on(number) for number in (3, 5, 6)] == [2, 1, 0], "what was built is not built again"


def test_an_earlier_conviction_while_one_waits_lowers_what_is_convicted() -> None:
    world = halted()
    convicted(world, 1, 0)
    assert (world.state.convicted, world.state.sound) == (1, 0)


def test_releases_fall_with_their_models_and_a_rewind_brings_none_back() -> None:
    world = three()
    chamber = Chamber(world, DEADLINE)
    for number, version in ((1, "1.0"), (3, "2.0")):
        chamber.release(chamber.model(version=version, number=number))
    convicted(world, 2, 1)
    first, second = world.history.decisions.releases.values()
    assert (first.usable, second.usable, second.convicted) == (True, False, True)
    assert world.history.decisions.current == {}
    chamber.decide(RewindJob(1, 2))
    world.emit(r.JobRewound, job=1, round=2, latest=1)
    assert second.convicted
    made = chamber.model(version="3.0", number=3)
    chamber.decide(made)
    with pytest.raises(HistoryError, match="cannot be released"):
        world.emit(r.Released, **released(made))
