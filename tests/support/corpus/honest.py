"""Consortia in which nothing false stands: VERIFIED, without a finding."""

import msgspec
import numpy as np
from support.corpus.scene import FALSE, LIMITS, RULES, SHAPES, THREE, Case, Draw, Scene
from support.worlds.signing import key

from ledger.bundle.form import BundleScope
from ledger.formats.cid import raw
from ledger.formats.digest import sha256
from ledger.jobs.rules import Median, TrimmedMean
from ledger.store.car import frame

LARGEST = LIMITS.max_value


def weighted_mean(draw: Draw) -> Case:
    """One round under the weighted mean, with weights of their own."""
    scene = Scene(draw)
    weights = draw.integers(1, 1001, 3)
    scene.open_round()
    for member in range(3):
        scene.submit(member, weight=int(weights[member]))
    scene.open_updates()
    scene.publish()
    return scene.settle().case()


def median(draw: Draw) -> Case:
    """One round under the median, of an odd or an even number of updates."""
    return Scene(draw, 3 + draw.seed % 2, rule=Median()).honest().case()


def trimmed_mean(draw: Draw) -> Case:
    """One round under the trimmed mean, without one or two at both ends."""
    trim = 1 + draw.seed % 2
    limits = msgspec.structs.replace(LIMITS, min_updates=2 * trim + 1)
    return Scene(draw, 2 * trim + 1, rule=TrimmedMean(trim), limits=limits).honest().case()


def three_rounds(draw: Draw) -> Case:
    """Three rounds, each on the model before, opened by different members."""
    scene = Scene(draw, rule=RULES[draw.seed], limits=THREE)
    return scene.honest().honest(1).honest(2).case()


def extremes(draw: Draw) -> Case:
    """Updates at both bounds of a value, one below and one above zero."""
    scene = Scene(draw, 4, rule=RULES[draw.seed], limits=THREE)
    bounds = np.array([-LARGEST, LARGEST, -LARGEST + 1, LARGEST - 1, 0, 1, -1])
    values = [bounds[draw.integers(0, 7, scene.layout.values)] for _ in range(4)]
    return _of_values(scene, values)


def halves(draw: Draw) -> Case:
    """Means that end in one half, above and below zero: rounded away from zero."""
    scene = Scene(draw, 4, limits=THREE if draw.seed % 2 else LIMITS, rule=Median() if draw.seed % 2 else None)
    odd = [2 * draw.integers(-9, 9, scene.layout.values) + 1 for _ in range(4)]
    even = [odd[0], odd[1], odd[2] + 1, odd[3]]
    sums = np.sum(even, axis=0) % 4
    return _of_values(scene, [even[0] + (2 - sums) % 4, *even[1:]])


def ties(draw: Draw) -> Case:
    """Many equal values under a rule that sorts them."""
    scene = Scene(draw, 4, rule=(Median(), TrimmedMean(1))[draw.seed % 2], limits=THREE)
    return _of_values(scene, [draw.integers(-1, 2, scene.layout.values) for _ in range(4)])


def no_model(draw: Draw) -> Case:
    """A sum of base and mean that int32 does not have: there is no model, and the round after it has one."""
    tensors = SHAPES[0]
    base = np.full(11, (1 << 31) - 2, "<i4")
    base[draw.seed] = -(1 << 31) if draw.seed % 2 else base[0]
    scene = Scene(draw, tensors=tensors, initial=base)
    up = np.where(base > 0, 1 << 19, -(1 << 19))
    scene.open_round()
    for member in range(3):
        scene.submit(member, up.astype("<i4"))
    scene.open_updates()
    scene.publish()
    scene.settle()
    scene.open_round()
    for member in range(3):
        scene.submit(member, (-up).astype("<i4"))
    scene.open_updates()
    scene.publish()
    return scene.settle().case()


def largest_weights(draw: Draw) -> Case:
    """Weights of 2^24 - 1, the most that there is, and of one."""
    scene = Scene(draw, limits=msgspec.structs.replace(LIMITS, max_weight=(1 << 24) - 1))
    scene.open_round()
    for member in range(3):
        scene.submit(member, weight=1 if member == draw.seed % 3 else (1 << 24) - 1)
    scene.open_updates()
    scene.publish()
    return scene.settle().case()


def caps_of_members(draw: Draw) -> Case:
    """A member whose weight has a bound of its own: at it, or above it and so not admitted."""
    limits = msgspec.structs.replace(LIMITS, max_weights={"1": 10 - draw.seed % 2})
    return Scene(draw, limits=limits).honest().case()


def bad_updates(draw: Draw) -> Case:
    """Updates that are not admitted, each for a reason of its own, and an aggregate that says so."""
    scene = Scene(draw, 7, tensors=SHAPES[0], limits=msgspec.structs.replace(LIMITS, max_norm=1 << 19))
    beyond = np.full(11, (-1, 1)[draw.seed % 2] * (LARGEST + 1 + draw.seed), "<i4")
    longer = np.full(11, LARGEST, "<i4")
    data = (b"", b"another file", bytes(1068), bytes(1067), b"{}")[draw.seed]
    bad = {"member1": {"weight": 1001 + draw.seed}, "member2": {"root": FALSE}, "member3": {"values": beyond}}
    scene.collect(**bad, member4={"data": data}, member5={"values": longer})
    scene.publish()
    return scene.settle().case()


def too_few_updates(draw: Draw) -> Case:
    """A round with too few admitted updates, whose aggregate says that there is no model; then one with a model."""
    scene = Scene(draw)
    scene.collect(member1={"root": FALSE}, member2={"weight": 5000})
    scene.publish()
    return scene.settle().honest().case()


def nobody_committed(draw: Draw) -> Case:
    """A round to which nobody committed, ended after its deadline; then one with a model."""
    scene = Scene(draw)
    scene.open_round()
    scene.time += 601 + draw.seed
    scene.send(1, "ledger", "advance", 1, 1)
    return scene.honest().case()


def nobody_published(draw: Draw) -> Case:
    """A round of which nobody published an aggregate; then one with a model."""
    scene = Scene(draw).collect()
    scene.time += 1_201 + draw.seed
    scene.send(2, "ledger", "advance", 1, 1)
    scene.time += 10_000
    return scene.honest(1).case()


def no_majority(draw: Draw) -> Case:
    """An attempt on which too few spoke in time; a later one is final."""
    scene = Scene(draw, 4, attempts=1 + draw.seed % 3).collect()
    scene.publish()
    scene.attest(1)
    scene.time += 601
    scene.send(1, "ledger", "advance", 1, 1)
    if scene.draw.seed % 3:
        scene.publish(1)
        return scene.settle(1).case()
    scene.time += 10_000
    return scene.honest(1).case()


def truth_denied(draw: Draw) -> Case:
    """Members who denied a right aggregate, so that it failed; the next one, the same, is final."""
    scene = Scene(draw).collect()
    scene.publish()
    scene.deny()
    scene.publish(1)
    return scene.settle(1).case()


def late_attestations(draw: Draw) -> Case:
    """Members who agree after the majority, in time."""
    scene = Scene(draw, 4).honest()
    scene.attest(3)
    return scene.honest(1).case()


def some_absent(draw: Draw) -> Case:
    """A member that sent no update, and another one's turn to publish."""
    scene = Scene(draw, 4)
    scene.open_round()
    for member in range(4):
        if member != draw.seed % 4:
            scene.submit(member)
    scene.time += 601
    scene.open_updates(3)
    scene.time += 601
    scene.publish(2)
    return scene.settle(2).case()


def opened_in_parts(draw: Draw) -> Case:
    """Updates that were opened in several calls."""
    scene = Scene(draw, 4)
    scene.open_round()
    for member in (3, 1, 0, 2):
        scene.submit(member)
    scene.open_updates(0, 1 + draw.seed % 3, 3 - draw.seed % 3)
    scene.publish()
    return scene.settle().case()


def keys_rotated(draw: Draw) -> Case:
    """Members who replaced their keys between rounds, and within one."""
    scene = Scene(draw).honest()
    scene.send(2, "consortium", "rotateKey", key(2, 1))
    scene.keys[2] = key(2, 1)
    scene.collect(1).publish(1)
    scene.send(2, "consortium", "rotateKey", key(2, 2))
    scene.keys[2] = key(2, 2)
    return scene.settle(1).honest().case()


def keys_recovered(draw: Draw) -> Case:
    """A member whose lost key the others replaced."""
    scene = Scene(draw).honest()
    for member in (0, 1):
        scene.send(member, "consortium", "approveRotation", 2, key(2, 1))
    scene.keys[2] = key(2, 1)
    return scene.honest(2).case()


def job_closed(draw: Draw) -> Case:
    """A job that members closed after its last round."""
    scene = Scene(draw).honest()
    scene.execute(5, (1).to_bytes(32))
    return scene.case()


def other_jobs(draw: Draw) -> Case:
    """A ledger with a second job, of which nothing is in the bundle but that it was proposed, and rewound."""
    scene = Scene(draw).honest()
    other = scene.job.encode().replace(b'"bundled"', b'"another"')
    terms, model = (
        tuple(getattr(one, name) for name in one.__struct_fields__) for one in (scene.job.terms, scene.job.model_terms)
    )
    scene.send(1, "ledger", "proposeJob", sha256(other), terms, model)
    scene.honest(1)
    rewind = scene.send(0, "ballots", "execute", scene.keys[0], 1, 10, (2).to_bytes(32) + (1).to_bytes(32), kept=False)
    scene.mined.append(scene.mined[-1]._replace(raw=rewind))
    return scene.case()


def release(draw: Draw) -> Case:
    """A released model: the rounds up to it, and none after it."""
    return Scene(draw).honest().honest(1).case(BundleScope("release", 1, 1, 1, f"heart {draw.seed}@1"))


def later_rounds(draw: Draw) -> Case:
    """Rounds from the second on: the model before is attested, not recomputed."""
    last = (0, 2)[draw.seed % 2]
    return Scene(draw).honest().honest(1).case(BundleScope("rounds", 1, 2, last))


def blocks_nobody_names(draw: Draw) -> Case:
    """Blocks that nothing names, and blocks in another order: passed over, and the same."""
    scene = Scene(draw).honest()
    whole = scene.of_entries(scene.entries(), [*reversed(scene.blocks()), b"nobody names this"])
    more = b"nor this %d" % draw.seed
    return Case(whole + frame(raw(more), len(more)) + more)


def transaction_types(draw: Draw) -> Case:
    """Transactions of types 0 and 1 among those of type 2, with access lists."""
    return Scene(draw, types=(0, 1, 2)).honest().case()


def its_network(draw: Draw) -> Case:
    """A bundle beside the network file that it is of."""
    scene = Scene(draw).honest()
    return scene.case()._replace(network=scene.network())


def _of_values(scene: Scene, values: list[np.ndarray]) -> Case:
    scene.open_round()
    for member, one in enumerate(values):
        scene.submit(member, one.astype("<i4"))
    scene.open_updates()
    scene.publish()
    return scene.settle().case()


COUNTS = dict.fromkeys(("weighted_mean", "median", "trimmed_mean", "extremes", "halves", "ties", "bad_updates"), 5) | {
    "three_rounds": 3,
    "largest_weights": 2,
    "caps_of_members": 2,
    "no_majority": 3,
    "some_absent": 2,
    "opened_in_parts": 2,
    "later_rounds": 2,
    "no_model": 2,
}
"""How many files classes have whose numbers matter; the others have one."""
