"""What a liar may put under a job's number: another document, or other terms of the same one."""

import msgspec
from support.bundles import CHAIN, SECONDS, Staged, calldata
from support.corpus.lies import value
from support.corpus.scene import CONVICTIONS, FALSE, LIMITS, Case, Draw, Scene
from support.worlds.signing import key
from support.worlds.world import artifact

from ledger.court.calldata import refute_call
from ledger.court.refutation import Accused, Point
from ledger.court.search import accused_of, find_point
from ledger.formats.claims import ENTRY, RoundName, commitment, pack_openings
from ledger.formats.digest import sha256
from ledger.jobs.document import Job
from ledger.jobs.server import Momentum
from ledger.rounds.facts import RoundFacts

NARROW = msgspec.structs.replace(LIMITS, max_norm=1000)


def another_document(draw: Draw) -> Case:
    """An honest aggregate under another document of the same initial model, which an honest member had proposed, or one
    who signed for it and another had approved.
    """
    true, lie = (Scene(Draw("world", draw.seed), opened=False) for _ in range(2))
    other = msgspec.structs.replace(true.job, admission=NARROW)
    approving, proposing = ((1, 0), (0, 1))[draw.seed]
    proposed = true.proposal(proposing, other)
    approved = true.signed(approving, "ledger", "approveJob", 1, other.digest)
    true.take(true.proposal(1, true.job), 1)
    true.send(2, "ledger", "approveJob", 1, true.job.digest)
    true.open_round(2)
    true.submit(0)
    true.submit(2)
    true.time += SECONDS + 1
    true.open_updates(2)
    true.publish(2)
    true.attest(0)
    lie.files = true.files
    lie.take(proposed, proposing)
    lie.take(approved, approving)
    lie.mined += true.mined[2:]
    lie.block, lie.time = true.block, true.time
    return Case(lie.of_entries(lie.entries(), lie.blocks()))


def another_key(draw: Draw) -> Case:
    """An honest aggregate above an update of a member that says to have changed its key before, and to have committed
    to the same file with the new one: with it the file's header would be another's.
    """
    true, lie = (Scene(Draw("world", draw.seed)) for _ in range(2))
    place, other = len(true.mined), key(9)
    true.open_round()
    for member in range(3):
        true.submit(member)
    openings = true.pending
    true.open_updates(2)
    true.publish()
    true.attest(1)
    lie.files = true.files
    lie.block, lie.time = lie.block - 1, lie.time - 12  # in one block with the approval, so that the others keep theirs
    lie.send(2, "consortium", "rotateKey", other)
    opened, first, second, _, _, published, agreed = true.mined[place:]
    for one, signer in ((opened, 0), (first, 0), (second, 1)):
        lie.take(one.raw, signer)
    mine = openings[2]._replace(party=other)
    name = RoundName(CHAIN, lie.place.contract, 1, 1)
    lie.send(other, "ledger", "commitUpdate", 1, 1, commitment(name, mine))
    lie.send(other, "ledger", "openUpdates", 1, 1, pack_openings([*openings[:2], mine]))
    lie.mined += [published, agreed]
    lie.block, lie.time = true.block, true.time
    return Case(lie.of_entries(lie.entries(), lie.blocks()))


def another_document_refuted(draw: Draw) -> Case:
    """A refutation on the ledger as of another document, which the court refuses."""
    scene = value(draw)
    accused, point = _accusation(scene, scene.job)
    call = refute_call(accused._replace(document=FALSE), point)
    return scene.refused(2, "court", call.function, *call.arguments)


def another_document_accused(draw: Draw) -> Case:
    """A conviction block as of another document: of any, or of one that the first openings are part of."""
    scene = Scene(draw)
    scene.open_round()
    for member in range(3):
        scene.submit(member)
    scene.open_updates(0, 1, 2)
    scene.publish_another_value(0)
    accused, point = _accusation(scene, scene.job)
    first = accused.updates[:ENTRY]
    later = accused._replace(
        document=sha256(accused.document + first), updates=accused.updates[ENTRY:], batches=accused.batches[1:]
    )
    bent = (accused._replace(document=FALSE), later)[draw.seed]
    return scene.settle().case(CONVICTIONS, [_block(bent, point)])


def other_terms(draw: Draw) -> Case:
    """A proposal of the same document under other terms, by which the court would convict an honest aggregate."""
    scene = Scene(draw, opened=False)
    narrow = ({"max_weight": 9}, {"min_updates": 4}, {"max_value": 1})[draw.seed]
    under = msgspec.structs.replace(scene.job, admission=msgspec.structs.replace(LIMITS, **narrow))
    scene.take(scene.proposal(1, scene.job, under), 1)
    scene.send(0, "ledger", "approveJob", 1, scene.job.digest)
    scene.signers.add(scene.keys[1])
    scene.honest()
    return scene.case(CONVICTIONS, [_block(*_accusation(scene, under))])


def by_value_of_no_document(draw: Draw) -> Case:
    """A job whose server makes more of a mean, proposed as one that the court judges, and its honest model accused."""
    scene = Scene(draw, opened=False)
    job = msgspec.structs.replace(scene.job, server=Momentum(rate="1", beta="0.9"))
    scene.take(scene.proposal(1, job, scene.job), 1)
    scene.send(0, "ledger", "approveJob", 1, job.digest)
    scene.liars.add(scene.keys[1])
    scene.collect()
    made = scene.files.put(artifact(scene.layout, scene.facts.binding, scene.initial))
    Staged.publish(scene, 0, root=job.initial_root, cid=made.digest)
    return scene.settle().case(CONVICTIONS, [_block(*_accusation(scene, scene.job))])


def _accusation(scene: Scene, job: Job) -> tuple[Accused, Point]:
    """What the court convicts the last attempt by, under the terms of a job."""
    facts, aggregate = RoundFacts.of(scene.place, scene.state, job, scene.round), scene.round.aggregates[-1]
    point = find_point(facts, aggregate, scene.files.fetch)
    assert point is not None
    return accused_of(facts, aggregate), point


def _block(accused: Accused, point: Point) -> bytes:
    return calldata("court", "refute", *refute_call(accused, point).arguments)


COUNTS = {"another_document": 2, "another_document_accused": 2, "other_terms": 3}
FOLDERS = {
    "another_document": "malformed",
    "another_key": "malformed",
    "another_document_refuted": "malformed",
    "another_document_accused": "unknown",
    "other_terms": "lies",
    "by_value_of_no_document": "unknown",
}
"""What each class is read as."""
