"""Lies that stand: REFUTED, and those who signed them named; and the same lies where members caught them."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from support.corpus.scene import (
    CONVICTIONS,
    FALSE,
    LIMITS,
    RULES,
    SHAPES,
    THREE,
    Case,
    Draw,
    Scene,
    half_away,
    weighted,
)
from support.corpus.voting import Voting
from support.worlds.signing import key

from ledger.events.records import Form
from ledger.formats.digest import NOTHING

LARGEST = LIMITS.max_value


def of_rule(draw: Draw, members: int = 3) -> Scene:
    """A scene under the rule of the seed."""
    return Scene(draw, members, rule=RULES[draw.seed], limits=THREE)


def root(draw: Draw) -> Scene:
    """A model's root that nothing has."""
    scene = of_rule(draw).collect()
    scene.publish(root=FALSE)
    return scene


def cid(draw: Draw) -> Scene:
    """The right root beside a CID of something else."""
    scene = of_rule(draw).collect()
    scene.publish(cid=FALSE)
    return scene


def carried(draw: Draw) -> Scene:
    """An optimiser's state in a job that has none."""
    scene = of_rule(draw).collect()
    scene.publish(carried=FALSE)
    return scene


def value(draw: Draw) -> Scene:
    """A model with one value changed by one, stored."""
    scene = of_rule(draw).collect()
    scene.publish_another_value(draw.below(scene.layout.values))
    return scene


def rounding(draw: Draw) -> Scene:
    """A model whose halves were rounded to the even integer."""
    scene = Scene(draw, 4)
    _halves(scene)
    scene.publish_values(_mean(scene, round), bytes(4))
    return scene


def left_out(draw: Draw) -> Scene:
    """A right update called one without its root, and the model of the others."""
    scene = Scene(draw).collect()
    gone = draw.seed % 3
    verdicts = bytes(5 * (member == gone) for member in range(3))
    scene.publish_values(_mean(scene, half_away, gone), verdicts)
    return scene


def let_in(draw: Draw) -> Scene:
    """An update whose root is another's, admitted all the same."""
    scene = Scene(draw).collect(member2={"root": FALSE})
    scene.publish_values(_mean(scene, half_away), bytes(3))
    return scene


def too_heavy(draw: Draw) -> Scene:
    """A weight above the bound, admitted all the same."""
    scene = Scene(draw).collect(member1={"weight": 1001 + 10**draw.seed})
    scene.publish_values(_weighed(scene), bytes(3))
    return scene


def too_large(draw: Draw) -> Scene:
    """A value above the bound, admitted all the same."""
    scene = Scene(draw)
    values = np.full(scene.layout.values, (1, -1)[draw.seed % 2] * (LARGEST + 1 + draw.seed), "<i4")
    scene.collect(member2={"values": values})
    scene.publish_values(_mean(scene, half_away), bytes(3))
    return scene


def too_few(draw: Draw) -> Scene:
    """A model made of fewer updates than the job asks for."""
    scene = Scene(draw, limits=THREE).collect(member1={"root": FALSE})
    scene.publish_values(_mean(scene, half_away, 1), bytes([0, 5, 0]))
    return scene


def no_model(draw: Draw) -> Scene:
    """An aggregate that says that there is no model, where there is one; a round after it."""
    scene = of_rule(draw).collect()
    scene.publish(root=NOTHING, cid=NOTHING)
    return scene


def clamped(draw: Draw) -> Scene:
    """A model cut to int32 where there is none."""
    base = np.full(11, (1 << 31) - 1, "<i4")
    scene = Scene(draw, tensors=SHAPES[0], initial=base)
    scene.open_round()
    for member in range(3):
        scene.submit(member, np.full(11, 1 + draw.seed, "<i4"))
    scene.open_updates()
    scene.publish_values([(1 << 31) - 1] * 11, bytes(3))
    return scene


LIES: dict[str, Callable[[Draw], Scene]] = {
    one.__name__: one
    for one in (
        *(root, cid, carried, value, rounding, left_out, let_in, too_heavy, too_large, too_few, no_model, clamped),
    )
}


def stands(lie: Callable[[Draw], Scene]) -> Callable[[Draw], Case]:
    """The lie with a majority that agrees with it."""
    return lambda draw: lie(draw).settle().case()


def caught(lie: Callable[[Draw], Scene]) -> Callable[[Draw], Case]:
    """The lie denied by so many that its attempt fails, and the right aggregate after it."""

    def made(draw: Draw) -> Case:
        scene = lie(draw).deny()
        scene.publish(1)
        scene.settle(1)
        return (scene if scene.round.final else scene.honest(2)).case()

    return made


def convicted(lie: Callable[[Draw], Scene], *, fails: bool) -> Callable[[Draw], Case]:
    """Only what the court convicts the lie by, of an attempt that stands or that failed."""

    def made(draw: Draw) -> Case:
        scene = lie(draw)
        block = scene.refutation()
        (scene.deny if fails else scene.settle)()
        return scene.case(CONVICTIONS, [block])

    return made


def in_a_later_round(draw: Draw) -> Case:
    """A lie in the second round, on which honest members built a third."""
    scene = Scene(draw).honest().collect(1)
    scene.publish_another_value(draw.below(scene.layout.values), member=1)
    return scene.settle(1).honest(2).case()


def agreed_late(draw: Draw) -> Case:
    """A member who agrees with a lie after the majority did; another one says nothing."""
    scene = root(draw) if draw.seed % 2 else Scene(draw, 5).collect()
    if not draw.seed % 2:
        scene.publish(root=FALSE)
    scene.settle()
    scene.attest(len(scene.keys) - 1 - (len(scene.keys) > 3))
    return scene.case()


def minority_denied(draw: Draw) -> Case:
    """A lie that one member denied: it is not named."""
    scene = Scene(draw, 4).collect()
    scene.publish(carried=FALSE)
    scene.attest(3, form=(Form.OTHER, Form.MISSING)[draw.seed % 2])
    return scene.settle().case()


def under_old_keys(draw: Draw) -> Case:
    """A lie whose signers replaced their keys: the keys that signed are named."""
    scene = value(draw).settle()
    for member in (0, 1):
        scene.send(member, "consortium", "rotateKey", key(member, 1))
        scene.keys[member] = key(member, 1)
    return scene.honest(2).case()


def built_on_a_lie(draw: Draw) -> Case:
    """A right aggregate was denied; one with its CID and another root is final, and a round was built on it."""
    scene = Scene(draw).collect()
    scene.publish()
    scene.deny()
    scene.publish(1, root=FALSE)
    return scene.settle(1).honest(2).case()


def twice(draw: Draw) -> Case:
    """Two attempts of one round that lie in other ways: one was caught, one stands."""
    scene = root(draw).deny()
    scene.publish(1, cid=FALSE)
    return scene.settle(1).case()


def beside_what_is_missing(draw: Draw) -> Case:
    """A lie in one round, and an update missing in another."""
    scene = root(draw).settle().honest(2)
    del scene.files.blocks[scene.round.updates[draw.seed % 3].cid]
    return scene.case()


def terms(draw: Draw) -> Case:
    """A job proposed under other terms than its document's, and approved."""
    scene = Scene(draw, opened=False)
    names = ("max_weight", "max_value", "min_updates", "attempts", "aggregate_seconds")
    name = names[draw.seed].encode()
    document = scene.job.encode()
    at = document.index(b'"' + name + b'":') + len(name) + 3
    other = document[:at] + bytes([document[at] + (1 if document[at] < 57 else -1)]) + document[at + 1 :]
    scene.propose(other)
    scene.signers.add(scene.keys[0])
    return scene.honest().case()


def by_a_member_by_vote(draw: Draw) -> Case:
    """A lie of a member whom the others admitted by vote."""
    scene = Voting(draw)
    scene.admit(key(9), 1, 2)
    scene.collect(3)
    scene.publish(3, root=FALSE)
    scene.attest(*range(2))
    return scene.case()


def _halves(scene: Scene) -> None:
    """Updates of four members whose means are one half beyond an even integer, all above zero or all below."""
    values = [4 * scene.draw.integers(1, 900, scene.layout.values) for _ in range(4)]
    values[0] += 2 - np.sum(values, axis=0) % 8
    values = [one * (1, -1)[scene.draw.seed % 2] for one in values]
    scene.open_round()
    for member, one in enumerate(values):
        scene.submit(member, one.astype("<i4"))
    scene.open_updates()


def _mean(scene: Scene, how: Any, without: int | None = None) -> list[int]:
    updates = [one for member, one in enumerate(scene.updates()) if member != without]
    return weighted(scene.initial.tolist(), updates, how)


def _weighed(scene: Scene) -> list[int]:
    weights = [one.weight for _, one in sorted(scene.round.updates.items())]
    columns = zip(*scene.updates(), strict=True)
    sums = [sum(w * q for w, q in zip(weights, column, strict=True)) for column in columns]
    return [int(b) + half_away(Fraction(one, sum(weights))) for b, one in zip(scene.initial, sums, strict=True)]


ALONE = (
    *("in_a_later_round", "agreed_late", "minority_denied", "under_old_keys", "twice", "beside_what_is_missing"),
    *("terms", "built_on_a_lie", "by_a_member_by_vote"),
)
CAUGHT = (
    *("root", "cid", "carried", "value", "rounding", "left_out", "let_in", "too_heavy", "too_large", "too_few"),
    "no_model",
)
CONVICTED = ("value", "rounding", "too_heavy", "too_large", "too_few")
"""Of the lies: those that the court convicts."""
COUNTS = (
    dict.fromkeys(("value", "rounding", "too_large", "terms"), 5)
    | dict.fromkeys(("root", "left_out", "let_in", "too_heavy", "too_few"), 3)
    | {"agreed_late": 2, "minority_denied": 2}
)
"""How many files classes have whose numbers matter; the others have one."""
