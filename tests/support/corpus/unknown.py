"""What leaves a verdict open: bytes that are missing, entries that show no statement, what no bundle can show."""

import json

import numpy as np
from support.corpus.lies import value
from support.corpus.scene import CONVICTIONS, FALSE, Case, Draw, Scene, under_others
from support.corpus.voting import Voting, words
from support.corpus.worded import BEFORE, worded
from support.worlds.signing import key

from ledger.bundle.findings import LISTED
from ledger.bundle.form import BundleEntry, BundleScope
from ledger.bundle.replay.members import REWIND
from ledger.formats.artifact import Tensor
from ledger.formats.cid import CHUNK
from ledger.formats.digest import sha256
from ledger.jobs.rules import GeometricMedian


def update_missing(draw: Draw) -> Case:
    """An update that is not in the bundle: who owed it is said, and the round is not judged."""
    scene = Scene(draw).honest()
    del scene.files.blocks[scene.round.updates[draw.seed % 3].cid]
    return scene.honest(1).case()


def updates_of_all_missing(draw: Draw) -> Case:
    """No update at all."""
    scene = Scene(draw).honest()
    for one in scene.round.updates.values():
        del scene.files.blocks[one.cid]
    return scene.case()


def initial_model_missing(draw: Draw) -> Case:
    """The initial model is not in the bundle."""
    scene = Scene(draw).honest().honest(1)
    del scene.files.blocks[scene.job.initial_cid.digest]
    return scene.case()


def model_missing(draw: Draw) -> Case:
    """A model between two rounds is not in the bundle."""
    scene = Scene(draw).honest(draw.seed % 3)
    final = scene.round.final
    assert final is not None
    del scene.files.blocks[final.cid]
    return scene.honest(1).case()


def document_missing(draw: Draw) -> Case:
    """The job's document is not in the bundle."""
    scene = Scene(draw).honest()
    del scene.files.blocks[scene.state.digest]
    return scene.case()


def no_document(draw: Draw) -> Case:
    """A document that nobody can read, which members approved."""
    scene = Scene(draw, opened=False)
    right = scene.job.encode()
    texts = (
        b'{"a":' * 50 + b"1" + b"}" * 50,
        right.replace(b'"min_updates":2', b'"min_updates":2.0'),
        right[:-1],
        right.replace(b'"seed":1', b'"seed":1,"seed":1'),
        b"{}",
    )
    scene.propose(texts[draw.seed])
    return scene.honest().case()


def not_plain(draw: Draw) -> Case:
    """A job whose rounds no reader of bundles recomputes."""
    if draw.seed == 0:
        return Scene(draw, rule=GeometricMedian()).honest().case()
    scene = Scene(draw, opened=False)
    right = scene.job.encode()
    changed = (
        (b'"server":{"optimiser":"none"}', b'"server":{"optimiser":"other"}'),
        (b'"privacy":{"mode":"none"}', b'"privacy":{"mode":"other"}'),
        (b'"name":"bundled"', b'"hierarchy":{},"name":"bundled"'),
        (b'"schedule":{"mode":"rounds"}', b'"schedule":{"mode":"other"}'),
    )
    old, new = changed[draw.seed - 1]
    assert old in right
    scene.propose(_sorted(right.replace(old, new)))
    return scene.honest().case()


def called_unavailable(draw: Draw) -> Case:
    """An update that the aggregate calls unavailable, though it is there."""
    scene = Scene(draw, 4).collect()
    scene.publish(without=[draw.seed % 4])
    return scene.settle().case()


def no_round(draw: Draw) -> Case:
    """A scope without a round that was finalised."""
    scopes = (
        BundleScope("rounds", 1, 1),
        BundleScope("rounds", 1, 2, 5),
        BundleScope("rounds", 7, 1),
        BundleScope("release", 1, 1, 3, "heart@1"),
        BundleScope("rounds", 1, 1, 1),
    )
    scene = Scene(draw)
    if draw.seed in (0, 4):
        return scene.collect().case(scopes[draw.seed])
    return scene.honest().case(scopes[draw.seed])


def evidence(draw: Draw) -> Case:
    """Transactions alone, of one job or of all."""
    scene = Scene(draw).collect()
    scene.publish(**({"root": FALSE} if draw.seed % 2 else {}))
    return scene.settle().case(BundleScope("evidence", draw.seed % 2))


def no_conviction(draw: Draw) -> Case:
    """A scope of convictions that has none."""
    return Scene(draw).honest().case(CONVICTIONS)


def false_convictions(draw: Draw) -> Case:
    """Blocks that convict nobody: bent, cut, of another consortium, empty; beside a true one in other words."""
    scene = value(draw)
    true = scene.refutation()
    other = value(Draw("another consortium", draw.seed)).refutation()
    at = 4 + draw.below(len(true) - 4 - 64)
    bent = true[:at] + bytes([true[at] ^ 1 << draw.seed]) + true[at + 1 :]
    in_other_words = [worded(true, BEFORE)] if draw.seed % 2 else []
    return scene.deny().case(CONVICTIONS, [bent, true[:-64], other, b"", *in_other_words])


def truth_accused(draw: Draw) -> Case:
    """A conviction block against a right model, as the court would refuse it."""
    scene = value(draw)
    block = scene.refutation()
    scene.deny().publish(1)
    at = draw.below(len(block) - 4) + 4
    return scene.settle(1).case(CONVICTIONS, [block[:at] + b"\0" + block[at:]])


def gap(draw: Draw) -> Case:
    """A transaction that shows no statement, of which nothing follows."""
    scene = Scene(draw, 4).honest()
    scene.attest(3)
    made = scene.entries()
    made[-1] = BundleEntry(made[-1].block, made[-1].time, hash=bytes([draw.seed]) * 32)
    return Case(scene.of_entries(made, scene.blocks()))


def after_a_gap(draw: Draw) -> Case:
    """A gap, after which the rules refuse some calls as far as they are known."""
    scene = Scene(draw).honest()
    made = scene.entries()
    place = 3 + draw.seed
    made[place] = BundleEntry(made[place].block, made[place].time, hash=FALSE)
    return Case(scene.of_entries(made, scene.blocks()))


def votes_after_a_gap(draw: Draw) -> Case:
    """A decision about members of which a gap hides the proposal or a vote: passed over, with what follows of it."""
    scene = Voting(draw)
    motion = scene.admission(key(9))
    place = len(scene.mined) - 1 + draw.seed
    scene.decide(motion, 0, 2)
    scene.keys.append(key(9))
    scene.honest(1)
    made = scene.entries()
    made[place] = BundleEntry(made[place].block, made[place].time, hash=FALSE)
    return Case(scene.of_entries(made, scene.blocks()))


def other_openings_after_a_gap(draw: Draw) -> Case:
    """An honest aggregate above other openings than it was signed of, after a gap: passed over, nobody is blamed."""
    return Case(under_others(draw, gap=True))


def many_gaps(draw: Draw) -> Case:
    """More gaps than a verdict lists."""
    scene = Scene(draw).honest()
    made = scene.entries()
    last = made[-1]
    more = [BundleEntry(last.block, last.time, hash=sha256(b"%d" % number)) for number in range(LISTED + 6)]
    return Case(scene.of_entries([*made, *more], scene.blocks()))


def named_too_often(draw: Draw) -> Case:
    """Rounds that name more bytes than a file of this length may: the first one, or the second; or just not so many."""
    values = ((1 << 22) + (1 << 18), (1 << 22) - (1 << 10), (1 << 21) + (1 << 19))[draw.seed]
    scene = Scene(draw, tensors=(Tensor("large", (values,)),), initial=np.zeros(values))
    for opener in range(1 + draw.seed // 2):
        scene.open_round(opener)
        for member in range(3):
            scene.submit(member, np.zeros(values, "<i4"))
        scene.open_updates()
        scene.publish(opener)
        scene.settle(opener)
    scene.files.blocks = {one: block for one, block in scene.files.blocks.items() if len(block) < 10_000}
    return scene.case()


def convicted_and_rewound(draw: Draw) -> Case:
    """A model that the court convicted, what was built on it, and the job rewound: a void round's lie is caught."""
    scene = value(draw).settle()
    scene.refute(2)
    scene.execute(REWIND, words(1, 1))
    return scene.honest(2).case()


def convicted_in_a_round(draw: Draw) -> Case:
    """A refutation on the ledger before members spoke: the attempt fails, and the next one is final."""
    scene = value(draw)
    scene.refute(2)
    scene.publish(1)
    return scene.settle(1).case()


def leaves_missing(draw: Draw) -> Case:
    """Files of several blocks of which only the nodes are in the bundle."""
    scene = Scene(draw, tensors=(Tensor("large", (CHUNK // 4 * (1 + draw.seed % 2) + 1,)),)).honest()
    scene.files.blocks = {one: block for one, block in scene.files.blocks.items() if len(block) < 10_000}
    return scene.case()


def _sorted(document: bytes) -> bytes:
    """The document in its one encoding: members sorted."""
    return json.dumps(json.loads(document), sort_keys=True, separators=(",", ":")).encode()


COUNTS = dict.fromkeys(("no_document", "not_plain", "no_round", "after_a_gap"), 5) | dict.fromkeys(
    ("false_convictions", "truth_accused", "evidence", "votes_after_a_gap", "update_missing", "leaves_missing"), 2
)
COUNTS |= dict.fromkeys(("other_openings_after_a_gap", "named_too_often"), 3)
"""How many files classes have whose numbers matter; the others have one."""
