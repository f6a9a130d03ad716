"""A party's personal models: the global model of a round with its private tensors, or trained on at home.

Fine-tuning goes on from a round's model on the own rows. Ditto (T. Li et al. 2021, "Ditto: Fair and Robust Federated
Learning Through Personalization") adds lambda/2 · |w - w_round|² to the loss, which holds the personal model near the
global one. Both are local: no update, no figure and no byte of them is on the ledger.
"""

from pathlib import Path

from ledger.errors import Malformed
from ledger.formats.digest import encode, sha256
from ledger.history.state import JobState
from ledger.jobs.document import Job
from ledger.releases.personal import METHODS, Kind
from participant.integers.fixed_point import Stream
from participant.measuring.own_rows import OwnRows
from participant.private.states import PrivateStates
from participant.trainer.messages import Personalise, TrainedUpdate
from participant.trainer.trainers import Trainers


def personal_models(own: OwnRows, state: JobState, job: Job, number: int) -> dict[Kind, bytes]:
    """What makes the home's personal models of the round `number` of its global one, by kind, ascending.

    Raises UsageError for private tensors that are lost, Malformed for a file that is damaged, Unavailable.
    """
    states = PrivateStates(own.home.folder)
    found = {kind: states.personal(state, job, number, kind) for kind in METHODS}
    found["private_tensors"] = private_tensors(own, state, job, number)
    return {kind: data for kind, data in sorted(found.items()) if data}


def private_tensors(own: OwnRows, state: JobState, job: Job, number: int) -> bytes:
    """The home's private tensors as of the round `number`; empty where it has none yet. Raises as `personal_models`."""
    member = own.member
    if member is None or not job.private.tensors:
        return b""
    return PrivateStates(own.home.folder).before(state, job, member.index, number + 1)


def personalise(
    own: OwnRows,
    state: JobState,
    number: int,
    model: Stream,
    data: Path,
    trainers: Trainers,
    do: Personalise,
    kind: Kind,
) -> tuple[Path, TrainedUpdate]:
    """Train a personal model from a round's, on the rows that are not held out, and keep it in the home.

    Raises UsageError for data or a task that do not train so, Malformed for what the trainer wrote, Unavailable.
    """
    job = own.connection.document(state)
    kept = private_tensors(own, state, job, number)
    with trainers.carried_out(job, state.number, do, data, model=model, own=kept) as errand:
        trained, left = errand.expect(TrainedUpdate), errand.left()
    if not left:
        raise Malformed("the trainer left no personal model", job=state.number, round=number)
    return PrivateStates(own.home.folder).keep_personal(state, job, number, kind, left), trained


def seed_of(job: bytes, number: int, kind: str) -> int:
    """The random seed of a personal model's training: 63 bits that follow from job, round and method."""
    return int.from_bytes(sha256(encode(["personal seed", job.hex(), number, kind]))[:8], "big") >> 1
