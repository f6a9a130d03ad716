"""The history under every sequence of legal steps that a small model of the contracts takes."""

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from support.worlds.signing import key
from support.worlds.world import TERMS, World

from ledger.events import records as r
from ledger.formats.claims import Claimed
from ledger.formats.digest import NOTHING
from ledger.history.fold import History, HistoryError
from ledger.history.state import Phase

A, B, NONE = b"\x0a" * 32, b"\x0b" * 32, bytes(32)


def snapshot(history: History) -> dict[str, Any]:
    return copy.deepcopy(vars(history))


ACTIONS = ("commit", "show", "publish", "lie", "agree", "refuse", "advance", "open", "rotate", "announce")


def act(world: World, action: str, member: int) -> None:
    """One legal step, or none where the action is not open to that member now."""
    round_ = world.state.current
    epoch = world.history.epoch
    if action == "rotate" and epoch < 5:
        old = world.keys[member]
        world.keys[member] = key(member, epoch)
        world.emit(r.KeyRotated, index=member, old_key=old, new_key=world.keys[member], epoch=epoch + 1)
    elif action == "announce":
        world.emit(r.Announced, index=member, gateway="http://127.0.0.1")
    elif round_ is None or round_.phase.terminal:
        if action == "open" and not world.state.complete:
            world.open_round(member)
    elif action == "advance":
        world.advance()
    elif action == "show" and world.pending and round_.phase in (Phase.COLLECTING, Phase.OPENING):
        world.open_updates([world.pending.pop(member % len(world.pending))])
    elif world.history.members[member].since <= round_.epoch:
        vote(world, action, member)


def vote(world: World, action: str, member: int) -> None:
    round_ = world.round
    if action == "commit" and round_.phase is Phase.COLLECTING and member not in round_.commitments:
        opening = world.opening(member, 1, A, B)
        world.commit_update(opening)
        world.pending.append(opening)
    elif action in ("publish", "lie") and round_.phase in (Phase.OPENING, Phase.AGGREGATING):
        if round_.updates and all(a.index != member for a in round_.aggregates):
            root = A if action == "publish" else NONE
            point = world.standpoint(b"")
            world.publish_claim(
                member, Claimed(world.state.base, root, root, *point, NOTHING, bytes(len(round_.updates)))
            )
    elif action in ("agree", "refuse") and round_.phase is Phase.ATTESTING and not world.aggregate.attested_by(member):
        world.attest(member, world.aggregate.claim if action == "agree" else B, NONE)


steps = st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 3)), max_size=60)


@given(steps)
def test_every_legal_history_folds_and_folds_again(path: list[tuple[str, int]]) -> None:
    world = World().open_job()
    for action, member in path:
        act(world, action, member)
    again = History(world.foundation, world.events)
    assert vars(again) == vars(world.history)
    for round_ in world.state.rounds.values():
        assert all(0 <= index < 4 for index in round_.updates)
        assert round_.sorted_updates() == sorted(round_.updates.values(), key=lambda u: u.index)
        assert len({a.index for a in round_.aggregates}) == len(round_.aggregates) <= TERMS.attempts
        if round_.final:
            assert 2 * round_.final.agreeing > len(world.keys)
    terminal = [round_.phase.terminal for round_ in world.state.rounds.values()]
    assert all(terminal[:-1])


@given(steps, st.data())
def test_a_history_with_an_event_left_out_or_twice_is_noticed_or_legal(path: Any, data: st.DataObject) -> None:
    """A refused event leaves no trace, wherever it comes; the rest of the log goes on from there."""
    world = World().open_job()
    for action, member in path:
        act(world, action, member)
    gone = data.draw(st.integers(0, len(world.events) - 1))
    history = History(world.foundation)
    for position, event in enumerate(world.events):
        if position == gone:
            continue
        before = snapshot(history)
        try:
            history.apply(event)
        except HistoryError:
            assert vars(history) == before
