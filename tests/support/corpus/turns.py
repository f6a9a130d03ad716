"""Calls of RoundLedger out of their turn, or in the last second of it."""

from collections.abc import Callable
from contextlib import suppress

from support.corpus.lies import value
from support.corpus.scene import FALSE, Case, Draw, Scene

from ledger.bundle.broken import BrokenBundle
from ledger.events.records import Form


def last_seconds(draw: Draw) -> Case:
    """A commitment, an aggregate, an attestation in the last second of their time; another's turn in its first one."""
    scene = Scene(draw)
    if draw.seed == 0:
        scene.open_round()
        deadline = scene.time + 600
        scene.submit(0)
        scene.submit(1)
        scene.time = deadline - 12
        scene.submit(2)
        scene.open_updates()
    else:
        scene.collect()
    opened = scene.time
    if draw.seed == 1:
        scene.time = opened + 1_200 - 12
    elif draw.seed == 3:
        scene.time = opened + 601 - 12
    scene.publish(1 if draw.seed == 3 else 0)
    if draw.seed == 2:
        scene.time += 600 - 12
    return scene.settle(1 if draw.seed == 3 else 0).case()


def out_of_turn(draw: Draw) -> Case:
    """A call that comes too early, too late, by the wrong member, or of what is over: the contract refused it."""
    scene, act = TURNS[draw.seed](draw)
    with suppress(BrokenBundle):
        act()
    return Case(scene.of_entries(scene.entries()))


Turn = tuple[Scene, Callable[[], object]]


def _committed_late(draw: Draw) -> Turn:
    scene = Scene(draw)
    scene.open_round()
    scene.time += 600 - 11
    return scene, lambda: scene.submit(1)


def _opened_early(draw: Draw) -> Turn:
    scene = Scene(draw)
    scene.open_round()
    scene.submit(0)
    return scene, scene.open_updates


def _weightless(draw: Draw) -> Turn:
    scene = Scene(draw)
    scene.open_round()
    for member in range(3):
        scene.submit(member, weight=0 if member == 1 else 10)
    return scene, scene.open_updates


def _opened_nothing(draw: Draw) -> Turn:
    scene = Scene(draw)
    scene.open_round()
    for member in range(3):
        scene.submit(member)
    return scene, lambda: scene.send(0, "ledger", "openUpdates", 1, 1, b"")


def _another_s_turn(draw: Draw) -> Turn:
    scene = Scene(draw).collect()
    scene.time += 600 - 12
    return scene, lambda: scene.publish(1)


def _published_late(draw: Draw) -> Turn:
    scene = Scene(draw).collect()
    scene.time += 1_200 - 11
    return scene, scene.publish


def _attested_late(draw: Draw) -> Turn:
    scene = Scene(draw).collect()
    scene.publish()
    scene.time += 600 - 11
    return scene, lambda: scene.attest(1)


def _other_of_the_same(draw: Draw) -> Turn:
    scene = Scene(draw).collect()
    scene.publish()
    claim = scene.round.aggregates[-1].claim
    return scene, lambda: scene.send(1, "ledger", "attest", 1, 1, 1, 1, claim, FALSE)


def _advanced_early(draw: Draw) -> Turn:
    scene = Scene(draw).collect()
    scene.publish()
    scene.time += 600 - 12
    return scene, lambda: scene.send(2, "ledger", "advance", 1, 1)


def _advanced_after_all(draw: Draw) -> Turn:
    scene = Scene(draw).honest()
    scene.time += 10_000
    return scene, lambda: scene.send(2, "ledger", "advance", 1, 1)


def _opened_on_a_conviction(_: Draw) -> Turn:
    scene = value(Draw("convicted before", 0)).settle()
    scene.refute(2)
    return scene, lambda: scene.open_round(1)


def _struck(draw: Draw) -> Turn:
    scene = Scene(draw).collect()
    scene.time += 1_201
    scene.send(2, "ledger", "advance", 1, 1)
    scene.time += 600 - 13
    return scene, scene.open_round


def _failed_before(draw: Draw) -> Turn:
    scene = Scene(draw, 4).collect()
    scene.publish()
    scene.attest(1, 2, form=Form.OTHER)
    return scene, scene.publish


TURNS = (
    *(_committed_late, _opened_early, _weightless, _opened_nothing, _another_s_turn, _published_late, _attested_late),
    *(_other_of_the_same, _advanced_early, _advanced_after_all, _opened_on_a_conviction, _struck, _failed_before),
)
COUNTS = {"last_seconds": 4, "out_of_turn": len(TURNS)}
"""How many files they have."""
