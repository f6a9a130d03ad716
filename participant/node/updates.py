"""An update from training to the own store, in a form that survives a crash at any point.

The stored file and the weight in its pin's name are all that registering needs; so a node killed after it stored does
not train again, and one killed before trains to the same bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.errors import Malformed, Unavailable, UsageError
from ledger.formats import merkle
from ledger.formats.artifact import Buffer
from ledger.formats.cid import Cid
from ledger.formats.digest import encode, sha256
from ledger.formats.unixfs import cid_of
from ledger.history.state import JobState, Round
from ledger.jobs.document import Job
from ledger.party.connection import Connection
from ledger.rounds.admission import Decision, judge_bytes
from ledger.rounds.outcome import Base, base_of, update_binding
from participant.integers.artifacts import file_of, root_of
from participant.measuring.evaluation import read

if TYPE_CHECKING:
    from participant.tasks.training import Local, Trained


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is registered of an update. The rest is known only where it was trained just now."""

    weight: int
    root: bytes
    cid: Cid
    loss: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    device: str | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """An update that is trained and judged, but not stored."""

    trained: "Trained"
    file: tuple[Buffer, ...]
    root: bytes
    cid: Cid
    decision: Decision

    @property
    def weight(self) -> int:
        return self.trained.weight


def seed_of(job: bytes, round_: int, member: int) -> int:
    """The random seed of a member's training in a round: 63 bits that nobody chooses. `job` is its digest.

    By member index, not by key: the same job on the same data gives the same models, whatever keys sign it.
    """
    return int.from_bytes(sha256(encode(["training seed", job.hex(), round_, member]))[:8], "big") >> 1


def prepare(
    connection: Connection,
    state: JobState,
    job: Job,
    round_: Round,
    party: str,
    local: "Local",
    data: Path,
    *,
    keep: bool = True,
) -> Made:
    """Train on the data in `data` from the round's base model, and judge the update as everyone will.

    With `keep` false nothing is left in the job's scratch folder.

    Raises Unavailable or Malformed for the base model, UsageError for task, data, or values without integers.
    """
    base = base_of(state, job, round_.number)
    member = connection.history.member_of(party)
    if member is None:
        raise UsageError("this key is no member's", key=party)
    seed = seed_of(job.digest, round_.number, member.index)
    trained = local.train(read(connection, state, job, base), data, round_.number, seed, keep=keep)
    binding = update_binding(connection.place, round_, party, base)
    file = tuple(file_of(job.layout, binding, trained.update))
    root = root_of(trained.update)
    decision = judge_bytes(iter(file), job.layout, binding, root, job.admission)
    return Made(trained, file, root, cid_of(file)[0], decision)


def store(connection: Connection, job: Job, round_: Round, made: Made) -> Prepared:
    """Put an update into the own store: it survives a crash from here on."""
    cid = connection.put(made.file, f"{_prefix(job, round_)}{made.weight}")
    trained = made.trained
    return Prepared(made.weight, made.root, cid, trained.result.loss, dict(trained.result.metrics), trained.device)


def prepared_before(connection: Connection, job: Job, round_: Round, party: str, base: Base) -> Prepared | None:
    """The update that was stored for this very round before a crash, checked; None where there is none."""
    if connection.store is None:
        return None
    prefix = _prefix(job, round_)
    binding = update_binding(connection.place, round_, party, base)
    for pin, cid in reversed(connection.store.pins().items()):
        if not pin.startswith(prefix):
            continue
        try:
            body = job.layout.body(connection.fetch(cid, 0, job.layout.size + 1), binding)
            leaves = [leaf for piece in body for leaf in merkle.leaf_hashes(piece)]
        except (Malformed, Unavailable):
            continue
        return Prepared(int(pin.removeprefix(prefix)), merkle.root(leaves), cid)
    return None


def _prefix(job: Job, round_: Round) -> str:
    return f"trained/{job.digest.hex()}/{round_.number}/"
