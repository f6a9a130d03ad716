"""Lies of participants, holders, proposers and scorers."""

from dataclasses import replace
from random import Random
from typing import Any

import msgspec
import numpy as np
from support.lies.base import TERMS, Consortium, honest
from support.lies.classes import Tell, caught, told
from support.lies.rounds import Cast, majority
from support.lies.served import serve
from support.lies.told import Told
from support.worlds.lies import model_file
from support.worlds.scorers import ScoredWorld
from support.worlds.world import LIMITS, NAMES, altered, artifact

from ledger.audit.report import Answer
from ledger.events import records as r
from ledger.formats.cid import RAW, Cid, of_file
from ledger.formats.merkle import root_of
from ledger.jobs.scores import committed_set
from ledger.rounds.facts import initial_binding


def submitted(cast: Cast, **lies: Any) -> Told:
    """A round to which the liar submits something, that everyone opens, and that honest members make final."""
    world = cast.world
    world.open_round(cast.others[0])
    for member in range(cast.members):
        world.submit(member, **(lies if member == cast.liar else {"weight": 10 + member}))
    return _finished(cast)


def _finished(cast: Cast, without: tuple[int, ...] = ()) -> Told:
    cast.world.open_pending()
    cast.world.publish(cast.others[0], without=without)
    cast.attest()
    return told(cast)


def no_opening(random: Random) -> Told:
    """The liar commits to an update and never shows it."""
    cast = Cast(random)
    world = cast.world
    world.open_round(cast.others[0])
    for member in range(cast.members):
        world.submit(member)
    world.pending = [one for one in world.pending if one.party != world.keys[cast.liar]]
    return _finished(cast)


def junk_preimage(random: Random) -> Told:
    """The liar opens numbers that are of no file."""
    cast = Cast(random)
    world = cast.world
    world.open_round(cast.others[0])
    for member in range(cast.members):
        if member == cast.liar:
            opening = world.opening(member, 7, random.randbytes(32), random.randbytes(32))
            world.commit_update(opening)
            world.pending.append(opening)
        else:
            world.submit(member)
    return _finished(cast, (cast.liar,))


def anothers_update(random: Random) -> Told:
    """The liar submits what another one did: its header names that one."""
    cast = Cast(random)
    world = cast.world
    world.open_round(cast.others[0])
    for member in cast.others:
        world.submit(member)
    copy = world.pending[0]
    opening = world.opening(cast.liar, copy.weight, copy.root, copy.cid)
    world.commit_update(opening)
    world.pending.append(opening)
    return _finished(cast)


def too_heavy(random: Random) -> Told:
    """A weight above the job's cap."""
    return submitted(Cast(random), weight=LIMITS.max_weight + random.randrange(1, 99))


def too_large(random: Random) -> Told:
    """Values out of the job's bounds."""
    cast = Cast(random)
    return submitted(cast, values=np.full(cast.world.layout.values, (1 << 20) + 1, "<i4"))


def another_root(random: Random) -> Told:
    """A root that is not of the file."""
    return submitted(Cast(random), root=random.randbytes(32))


def not_an_artifact(random: Random) -> Told:
    """A file of random bytes."""
    return submitted(Cast(random), data=random.randbytes(120), root=random.randbytes(32))


def bytes_withdrawn(random: Random) -> Told:
    """The bytes of an admitted update are gone: the model cannot be made again, and nobody is convicted."""
    cast = Cast(random).begin(0)
    cast.world.publish(cast.others[0])
    cast.attest()
    return _gone(cast, of_file(cast.world.round.updates[cast.liar].cid, cast.world.layout.size), right="unknown")


def refused_bytes_withdrawn(random: Random) -> Told:
    """The bytes of an update that a majority refused are gone: the model can be made without them."""
    cast = Cast(random)
    submitted(cast, weight=LIMITS.max_weight + 1)
    return _gone(cast, of_file(cast.world.round.updates[cast.liar].cid, cast.world.layout.size), right="yes")


def bytes_of_a_failed_attempt_withdrawn(random: Random) -> Told:
    """A liar's false model is refuted, and its file withdrawn."""
    cast = Cast(random).begin()
    world = cast.world
    values = world.random.integers(-9, 9, world.layout.values).astype("<i4")
    root, cid = model_file(world, values)
    world.publish(cast.liar, root=root, cid=cid.digest)
    cast.attest()
    cast.settle()
    return replace(_gone(cast, cid, right="yes"), listed=caught(cast))


def receipts_withdrawn(random: Random) -> Told:
    """The receipts file of a final round is gone."""
    cast = Cast(random).begin(0)
    cast.world.publish(cast.others[0])
    cast.attest()
    return _gone(cast, Cid(RAW, cast.world.aggregate.receipts), right="unknown")


def damaged_bytes(random: Random) -> Told:
    """A holder serves other bytes under the CID of an update, a model, or receipts."""
    shown = serve(honest())
    cid = random.choice(sorted(shown.files, key=str))
    data = bytearray(shown.files[cid])
    if data:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return Told(shown, replace(shown, files={**shown.files, cid: bytes(data)}))


def lost_bytes(random: Random) -> Told:
    """Some file of the history is gone: nobody is convicted, and what is right is not denied."""
    shown = serve(honest())
    return Told(shown, shown.without(*random.sample(sorted(shown.files, key=str), random.randrange(1, 9))))


def _gone(cast: Cast, *files: Cid, right: Answer) -> Told:
    shown = serve(cast.world)
    return Told(shown, shown.without(*files), cast.names, right=right)


class Drafted(Consortium):
    """A consortium whose job's document can be any bytes, and whose proposer tells the contract what it likes."""

    def propose(self, data: bytes, terms: r.Terms = TERMS, **model: Any) -> "Drafted":
        """Have a majority approve a document; play a round on what the members made of it."""
        said = msgspec.structs.replace(self.job.model_terms, **model)
        self.approve(self.files.put(data).digest, terms, said)
        return self


def _of_proposer(world: Consortium, *, played: bool = True) -> Told:
    if played:
        world.begin().finish()
    shown = serve(world)
    state = world.history.jobs[1]
    models = {f"model 1/{number}" for number in state.rounds}
    false = frozenset({"job 1", *models})
    return Told(shown, shown, frozenset({NAMES[0]}), false, {NAMES[0]: "standing"}, right="no")


def not_a_job(random: Random) -> Told:
    """The approved document is JSON, and no job."""
    return _of_proposer(Drafted().propose(b'{"fedledger": "job/2"}'))


def not_a_document(random: Random) -> Told:
    """The approved document is random bytes."""
    return _of_proposer(Drafted().propose(random.randbytes(random.randrange(1, 300))))


def other_terms(random: Random) -> Told:
    """The contract was told other terms than the document says."""
    world = Drafted()
    terms = msgspec.structs.replace(TERMS, attest_seconds=TERMS.attest_seconds + random.randrange(1, 9))
    return _of_proposer(world.propose(world.job.encode(), terms))


def other_models(random: Random) -> Told:
    """The contract was told another cap, minimum or norm than the document says."""
    world = Drafted()
    name = random.choice(("max_weight", "max_value", "max_norm", "min_updates"))
    return _of_proposer(world.propose(world.job.encode(), **{name: getattr(world.job.model_terms, name) + 1}))


def initial_model_altered(random: Random) -> Told:
    """The file of the initial model does not have the root that the document names."""
    world = Drafted()
    values = altered(world.initial, random.randrange(world.layout.values))
    model = {"cid": str(world.files.put(artifact(world.layout, initial_binding(), values)))}
    world.job = msgspec.structs.replace(
        world.job, initial_model=msgspec.structs.replace(world.job.initial_model, **model)
    )
    return _of_proposer(world.propose(world.job.encode()), played=False)


def document_lost(random: Random) -> Told:
    """Nobody holds the job's document any more."""
    world = honest()
    return Told(serve(world), serve(world).without(world.job.cid), right="unknown")


def initial_model_lost(random: Random) -> Told:
    """Nobody holds the initial model any more."""
    world = honest()
    return Told(serve(world), serve(world).without(world.job.initial_cid), right="unknown")


def set_lost(random: Random) -> Told:
    """Nobody holds the evaluation set any more."""
    world = honest()
    evidence = committed_set(world.job.scoring)
    assert evidence is not None
    return Told(serve(world), serve(world).without(Cid.parse(evidence.cid)), right="unknown")


def not_a_set(random: Random) -> Told:
    """What the job commits to as its evaluation set is something else."""
    world = Drafted()
    scoring: Any = world.job.scoring
    evidence = msgspec.structs.replace(scoring.evidence, cid=str(world.files.put(random.randbytes(99))))
    world.job = msgspec.structs.replace(world.job, scoring=msgspec.structs.replace(scoring, evidence=evidence))
    world.propose(world.job.encode()).begin().finish()
    scores = (1,) * 5
    ScoredWorld.score(world.open_scoring(), honest=scores)
    made = _of_proposer(world, played=False)
    return replace(made, liars=frozenset(NAMES[:5]), false=made.false | {"scores 1/1"}, majority=True)


def _scores(random: Random, liars: int, **options: Any) -> Cast:
    """The scoring of the first round, in which so many lie."""
    cast = Cast(random, lambda members: liars, stages=1)
    cast.world.begin(0).finish()
    world = cast.world.open_scoring()
    truth = world.scores()
    place = random.randrange(len(truth))
    false = tuple(score + 1000 * (at == place) for at, score in enumerate(truth))
    world.score(dict.fromkeys(cast.liars, false), **options)
    return cast


def false_reveal(random: Random) -> Told:
    """One scorer reveals falsely; the medians are right."""
    cast = _scores(random, 1)
    return told(cast, caught(cast))


def false_reveals_by_a_majority(random: Random) -> Told:
    """So many reveal falsely that a median is another."""
    cast = _scores(random, majority(5))
    return told(cast, dict.fromkeys(cast.names, "standing"), "scores 1/1", majority=True)


def false_reveal_and_void(random: Random) -> Told:
    """One scorer reveals falsely and all others withhold: the scoring is void."""
    cast = Cast(random, stages=1)
    cast.world.begin(0).finish()
    world = cast.world.open_scoring()
    false = tuple(score - 5 for score in world.scores())
    world.score({cast.liar: false}, without=cast.others)
    return told(cast, caught(cast))


def withheld_reveal(random: Random) -> Told:
    """A scorer commits and never reveals."""
    cast = Cast(random, stages=1)
    cast.world.begin(0).finish()
    cast.world.open_scoring().score(without=[cast.liar])
    return told(cast)


def root_under_another_name(random: Random) -> Told:
    """The liar's update has the root of its values, and the file of other values."""
    cast = Cast(random)
    values = cast.world.random.integers(-99, 99, cast.world.layout.values).astype("<i4")
    return submitted(cast, values=values, root=root_of(altered(values, 0)))


PARTIES: dict[str, Tell] = {
    tell.__name__.replace("_", " "): tell
    for tell in (
        no_opening,
        junk_preimage,
        anothers_update,
        too_heavy,
        too_large,
        another_root,
        root_under_another_name,
        not_an_artifact,
        bytes_withdrawn,
        refused_bytes_withdrawn,
        bytes_of_a_failed_attempt_withdrawn,
        receipts_withdrawn,
        damaged_bytes,
        lost_bytes,
        not_a_job,
        not_a_document,
        other_terms,
        other_models,
        initial_model_altered,
        document_lost,
        initial_model_lost,
        set_lost,
        not_a_set,
        false_reveal,
        false_reveals_by_a_majority,
        false_reveal_and_void,
        withheld_reveal,
    )
}
