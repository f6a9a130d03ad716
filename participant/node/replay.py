"""A training receipt: a round trained again from the rows that its update is bound to, and the same root.

On the CPU the same rows, base model, seed, settings and scratch folder lead to the same integers. What a task keeps in
its scratch folder is there for the last rounds only (`participant.tasks.scratch`).
"""

from pathlib import Path
from typing import Any

import msgspec

from ledger.errors import Refuted
from ledger.formats import merkle
from ledger.history.state import JobState
from ledger.party.held_out import round_fetch
from ledger.rounds.facts import Base, Entry, RoundFacts, base_named, base_of, read_binding
from ledger.store import disk
from participant.integers.artifacts import body_of, file_of
from participant.measuring.evaluation import read
from participant.measuring.own_rows import OwnRows
from participant.node.drift import Drifts
from participant.node.harvest import committed_in_vain
from participant.node.trainings import seed_of
from participant.private.states import PrivateStates
from participant.trainer.messages import Train, TrainedUpdate
from participant.trainer.trainers import Trainers


def replay(
    own: OwnRows, state: JobState, number: int, data: Path, trainers: Trainers, keep: Path | None = None
) -> dict[str, object]:
    """Train a round of this party's again, and compare; nothing is sent, and the update kept in a file only if `keep`
    names one. Of a masked job the ledger has the masked file's root, and nothing is compared: its secrets are gone.

    1. The home has the salt and leaves that the update's header binds.
    2. The data have all rows with these leaves; those held out are left out again.
    3. Training them, in their order, with the round's seed and base model, makes the update's tensor root.

    A job's private tensors start as they did then. Raises UsageError for 1 and 2, and where those are lost; Refuted for
    3, Unavailable where the update's header or the base model cannot be had.
    """
    connection, job = own.connection, own.connection.document(state)
    tree, leaves = own.tree(state, job, number)
    facts = RoundFacts.of(connection.place, state, job, state.rounds[number])
    member, layout = own.member, job.packing or job.layout
    entry = next(one for one in facts.entries if member is not None and one.update.index == member.index)
    update = entry.update
    base = _base_of(own, facts, entry)
    given = _given(own, facts, base, update.index) | {"wanted": leaves}
    for trained_for, seed in ways_of(facts, update.index, base):
        do = Train(round=trained_for, seed=seed, keep=False, again=True)
        with trainers.carried_out(job, state.number, do, data, **given) as errand:
            trained, stream = errand.expect(TrainedUpdate), errand.update(job.layout.values)
            root = merkle.root_of(body_of(layout, stream))
        if root == update.root:
            break
    if keep is not None:
        binding = msgspec.structs.replace(entry.binding, kind="update", base=base.root).on(len(tree.trained), tree.root)
        disk.write_whole(keep, file_of(layout, binding, stream))
    if (compared := job.masked is None and job.sealed is None) and root != update.root:
        raise Refuted(
            "the training does not lead to the update that is on the ledger",
            advice="another device or version of torch may train to other integers: replay where the update was made",
            round=number,
            device=trained.device,
            expected=update.root.hex(),
            actual=root.hex(),
        )
    return {
        "job": state.number,
        "round": number,
        "rows": len(tree.trained),
        "held_out": len(tree.held_out),
        "data": tree.root.hex(),
        "root": root.hex(),
        "compared": compared,
        "device": trained.device,
    }


def _base_of(own: OwnRows, facts: RoundFacts, entry: Entry) -> Base:
    """The model that an update was trained on: of a buffered job the one that its header names."""
    state, job, number = facts.state, facts.job, facts.round.number
    if job.buffered is None:
        return facts.base
    said = read_binding(job, entry, round_fetch(own.connection, state, job, number))
    return base_named(state, job, number, said.base)


def _given(own: OwnRows, facts: RoundFacts, base: Base, index: int) -> dict[str, Any]:
    """What the round was trained from: the model, the party's drift, its private tensors. Raises as `replay`."""
    state, job, number = facts.state, facts.job, facts.round.number
    return {
        "model": read(own.connection, state, job, base),
        "own": PrivateStates(own.home.folder).before(state, job, index, number),
        "drift": Drifts(own.connection).of(facts, index),
    }


def ways_of(facts: RoundFacts, index: int, base: Base) -> list[tuple[int, int]]:
    """The rounds and seeds that a member's update on a model can have been trained for and with, the likeliest first:
    one; of a buffered job one for each model with the same integers, and for each of those one more for each round that
    failed after the member had committed in it.
    """
    job, state, number = facts.job, facts.state, facts.round.number
    if job.buffered is None:
        return [(number, seed_of(job.digest, number, index))]
    ways, at = [], base
    while True:
        if at.root == base.root:
            vain = committed_in_vain(state, index, at.round, number)
            seeded_by = range(at.round + 1 + vain, at.round, -1)
            ways += [(at.round + 1, seed_of(job.digest, one, index)) for one in seeded_by]
        if at.round == 0:
            return ways
        at = base_of(state, job, at.round)
