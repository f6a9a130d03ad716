"""A training receipt: a round trained again from the rows that its update is bound to, and the same root.

On the CPU the same rows, base model, seed, settings and scratch folder lead to the same integers. What a task keeps in
its scratch folder is there for the last rounds only (`participant.tasks.scratch`).
"""

from pathlib import Path

import msgspec

from ledger.errors import Refuted
from ledger.history.state import JobState
from ledger.rounds.facts import RoundFacts
from ledger.store import disk
from participant.integers.artifacts import file_of, root_of
from participant.measuring.evaluation import read
from participant.measuring.own_rows import OwnRows
from participant.node.updates import seed_of
from participant.trainer.messages import Train, TrainedUpdate
from participant.trainer.trainers import Trainers


def replay(
    own: OwnRows, state: JobState, number: int, data: Path, trainers: Trainers, keep: Path | None = None
) -> dict[str, object]:
    """Train a round of this party's again, and compare; nothing is sent, and the update kept in a file only if `keep`
    names one. Of a masked job the ledger has the masked file's root, and nothing is compared: what its secrets were is
    deleted.

    1. The home has the salt and leaves that the update's header binds.
    2. The data have all rows with these leaves; those held out are left out again.
    3. Training them, in their order, with the round's seed and base model, makes the update's tensor root.

    Raises UsageError for 1 and 2, Refuted for 3, Unavailable where the update's header or the base model cannot be had.
    """
    connection = own.connection
    job = connection.document(state)
    tree, leaves = own.tree(state, job, number)
    facts = RoundFacts.of(connection.place, state, job, state.rounds[number])
    member = own.member
    entry = next(one for one in facts.entries if member is not None and one.update.index == member.index)
    update = entry.update
    model = read(connection, state, job, facts.base)
    do = Train(round=number, seed=seed_of(job.digest, number, update.index), keep=False, again=True)
    with trainers.carried_out(job, state.number, do, data, model=model, wanted=leaves) as errand:
        trained, stream = errand.expect(TrainedUpdate), errand.update(job.layout.values)
        root = root_of(stream)
    if keep is not None:
        binding = msgspec.structs.replace(entry.binding, kind="update").on(len(tree.trained), tree.root)
        disk.write_whole(keep, file_of(job.layout, binding, stream))
    compared = job.masked is None and job.sealed is None
    if compared and root != update.root:
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
