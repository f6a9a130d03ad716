"""A node that hides or forges what members said on the board of masks: the head that they signed is another one."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from support.worlds.chain import ADDRESSES
from support.worlds.logged import logged
from support.worlds.masked import MaskedWorld
from support.worlds.masks import BoardWorld
from support.worlds.signing import key
from support.worlds.world import open_matters, seen

from ledger.audit.report import Check
from ledger.events import records as r
from ledger.history.fold import History, HistoryError

Change = Callable[[list[r.Event]], Iterator[r.Event]]


def base() -> BoardWorld:
    """The cast of a masked job that is proposed; then two rounds of an open one, whose heads cover it."""
    return BoardWorld(beside=True).cast().honest_round().honest_round()


def without(kind: type[r.Event], place: int = -1) -> Change:
    """One event of a kind is hidden."""

    def change(events: list[r.Event]) -> Iterator[r.Event]:
        hidden = [event for event in events if isinstance(event, kind)][place]
        yield from (event for event in events if event is not hidden)

    return change


def saying(kind: type[r.Event], **fields: Any) -> Change:
    """The first event of a kind says something else."""

    def change(events: list[r.Event]) -> Iterator[r.Event]:
        first = next(event for event in events if isinstance(event, kind))
        yield from (msgspec.structs.replace(e, **fields) if e is first else e for e in events)

    return change


def late_set_up(events: list[r.Event]) -> Iterator[r.Event]:
    """A member's set-up is shown after that of all others, and another file before it."""
    for event in events:
        if isinstance(event, r.SegmentSetUp) and event.member == key(1):
            yield msgspec.structs.replace(event, cid=b"\x77" * 32)
            yield msgspec.structs.replace(event, log=1)
        else:
            yield event


FOLDING: dict[str, Change] = {
    "a set-up hidden": without(r.SegmentSetUp),
    "a set-up of another opening": saying(r.SegmentSetUp, deadline=1 << 39),
    "a set-up elsewhere": saying(r.SegmentSetUp, cid=b"\x77" * 32),
    "a set-up under another name": saying(r.SegmentSetUp, member=key(4)),
    "two set-ups": late_set_up,
    "another mask key": saying(r.MaskKeyRegistered, key=b"\x77" * 32),
    "another opener": saying(r.SegmentOpened, aggregator=key(2)),
    "another proposer": saying(r.CastProposed, aggregator=key(4)),
    "more time to agree": saying(r.CastProposed, deadline=90_000),
    "another that agreed": saying(r.CastAgreed, member=key(4)),
}
IMPOSSIBLE: dict[str, Change] = {
    "terms hidden": without(r.MaskingConfigured),
    "a mask key hidden": without(r.MaskKeyRegistered, 0),
    "the opening hidden": without(r.SegmentOpened),
    "the proposal hidden": without(r.CastProposed),
    "agreement hidden": without(r.CastAgreed, 0),
    "a fixed cast hidden, before anything else of the board": without(r.CastFixed),
    "another roster": saying(r.SegmentOpened, roster=15),
    "another cast": saying(r.CastFixed, cast=15),
    "a cast before its time": saying(r.CastProposed, deadline=500),
}


@pytest.mark.parametrize("change", FOLDING.values(), ids=FOLDING)
def test_what_is_hidden_or_forged_of_masks_blames_the_server(change: Change) -> None:
    world = base()
    told = History(world.foundation, (logged(event, ADDRESSES) for event in change(world.events)))  # type: ignore[arg-type]
    report = world.audit(history=told)
    assert (report.right.answer, report.lies.answer) == ("unknown", "none")
    assert {one.fault for one in open_matters(report) if one.check is Check.SIGNED} == {"the chain node"}


@pytest.mark.parametrize("change", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_what_no_board_writes_is_a_damaged_log(change: Change) -> None:
    world = base()
    world.register(0)
    with pytest.raises(HistoryError, match="log is damaged"):
        History(world.foundation, (logged(event, ADDRESSES) for event in change(world.events)))  # type: ignore[arg-type]


def test_the_honest_one_is_right() -> None:
    report = base().audit()
    assert (report.right.answer, report.lies.answer, open_matters(report)) == ("yes", "none", [])


def test_a_cast_that_the_contract_does_not_keep_is_the_nodes_fault() -> None:
    world = MaskedWorld().open_job().cast().honest_round()
    found = open_matters(world.audit(seen(world.observed(), casts={(1, 1): 15})))
    assert [(one.check, one.fault) for one in found] == [(Check.HEADS, "the chain node")]
    assert "1 of" in found[0].why
