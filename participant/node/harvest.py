"""What training for a buffered job came to, kept at home until it was counted: trained on one model, committed to in
whichever round collects.

    trained/<job>-<digest>.trained   the latest result of the job with that number and document

A line of JSON, then the leaves of the data, then the integers. It is written whole before it is committed to, so a
process killed at any instruction commits to the same bytes (mode 0600: no store, gateway or pin has it).
"""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec
import numpy as np

from ledger.errors import Malformed, Unavailable
from ledger.formats.digest import encode
from ledger.formats.rows import DIGEST, MAX_LEAVES
from ledger.formats.strict import Strict
from ledger.history.state import JobState, Phase
from ledger.jobs.document import Job
from ledger.rounds.facts import Base
from ledger.rounds.staleness import Ages
from ledger.store import disk
from participant.integers.artifacts import root_of
from participant.integers.fixed_point import Stream
from participant.trainer.messages import TrainedUpdate

FOLDER = "trained"
MAX_HEAD = 1 << 20
FAILED = frozenset({Phase.ABANDONED, Phase.REFUTED})
"""How rounds end that count no update."""


class HarvestHead(Strict, frozen=True):
    """What is said of a result: the model that it was trained on, by the number of its round and its tensor root; the
    last round that the member had committed in by then; and what the trainer said. `leaves` are counted, `root` is the
    tensor root of the integers, `digest` the SHA-256 of all that follows.
    """

    base: int
    base_root: str
    after: int
    trained: TrainedUpdate
    leaves: int
    root: str
    digest: str

    def is_spent(self, state: JobState, index: int) -> bool:
        """Whether the member committed to it. Where that round failed, others have seen it: one that makes its update
        for the next round would know what it is added to.
        """
        return last_commitment(state, index) > self.after

    def is_usable(self, state: JobState, job: Job) -> bool:
        """Whether the job's next update may build on its model: not too old a one, and still one of the ledger's."""
        return is_young(state, job, bytes.fromhex(self.base_root))


@dataclass(frozen=True, slots=True)
class Harvest:
    """A result with its integers and the leaves of its data."""

    head: HarvestHead
    values: Stream
    leaves: tuple[bytes, ...]


def is_young(state: JobState, job: Job, root: bytes) -> bool:
    """Whether an update that is committed to next may build on the model with this tensor root."""
    if job.buffered is None:
        return False
    age = Ages(state, job.initial_root, len(state.rounds) + 1, job.buffered.max_staleness).of(root)
    return age is not None and age <= job.buffered.max_staleness


def last_commitment(state: JobState, index: int) -> int:
    """The last round that a member has a commitment in; 0 before any."""
    return next((n for n in range(len(state.rounds), 0, -1) if index in state.rounds[n].commitments), 0)


def committed_in_vain(state: JobState, index: int, base: int, before: int) -> int:
    """In how many failed rounds, after that of the model `base` and below `before`, a member committed to an update. So
    many times it was trained again on one model, each time by another seed.
    """
    rounds = (state.rounds[number] for number in range(base + 1, before))
    return sum(index in one.commitments and one.phase in FAILED for one in rounds)


class Shelf:
    """The folder `trained` of a home."""

    def __init__(self, home: Path) -> None:
        self._folder = home / FOLDER
        self._known: dict[Path, tuple[disk.Version, HarvestHead | None]] = {}

    def keep(
        self,
        state: JobState,
        job: Job,
        base: Base,
        after: int,
        trained: TrainedUpdate,
        values: Stream,
        leaves: tuple[bytes, ...],
    ) -> None:
        """Keep a result in the place of the one before. Raises Unavailable where the disk does not take it."""
        rest = [b"".join(leaves), values.astype("<i4", copy=False).tobytes()]
        digest = sha256(b"".join(rest)).hexdigest()
        head = HarvestHead(
            base=base.round,
            base_root=base.root.hex(),
            after=after,
            trained=trained,
            leaves=len(leaves),
            root=root_of(values).hex(),
            digest=digest,
        )
        path = self._path(state, job)
        with disk.translated(self._folder):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for draft in self._folder.glob(f".{path.name}.*"):  # a killed process left it
                draft.unlink(missing_ok=True)
        disk.write_private(path, [encode(head) + b"\n", *rest])

    def head(self, state: JobState, job: Job) -> HarvestHead | None:
        """What is said of the result that is kept; None without one. It is asked for at each look.

        Raises Unavailable where it cannot be read now.
        """
        path = self._path(state, job)
        version = disk.version(path)
        if path not in self._known or self._known[path][0] != version:
            self._known[path] = version, _head(path)
        return self._known[path][1]

    def find(self, state: JobState, job: Job) -> Harvest | None:
        """The result that is kept, checked; None without one, or where it is damaged: then it is dropped, and trained
        again.

        Raises Unavailable where it cannot be read, or dropped, now.
        """
        path, head = self._path(state, job), self.head(state, job)
        if head is None:
            return None
        size = DIGEST * head.leaves
        try:
            with path.open("rb") as file:
                file.readline(MAX_HEAD)
                data = file.read(size + 4 * job.layout.values + 1)
        except OSError as error:
            raise Unavailable(f"cannot read what was trained: {error.strerror}", file=str(path)) from error
        if len(data) != size + 4 * job.layout.values or sha256(data).hexdigest() != head.digest:
            self.drop(state, job)
            return None
        leaves = tuple(data[start : start + DIGEST] for start in range(0, size, DIGEST))
        return Harvest(head, np.frombuffer(data[size:], "<i4").astype(np.int32), leaves)

    def drop(self, state: JobState, job: Job) -> None:
        """Forget it. Raises Unavailable."""
        path = self._path(state, job)
        with disk.translated(path):
            path.unlink(missing_ok=True)

    def _path(self, state: JobState, job: Job) -> Path:
        return self._folder / f"{state.number}-{job.digest.hex()}.trained"


def _head(path: Path) -> HarvestHead | None:
    try:
        with path.open("rb") as file:
            line = file.readline(MAX_HEAD)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unavailable(f"cannot read what was trained: {error.strerror}", file=str(path)) from error
    try:
        head = msgspec.json.decode(line, type=HarvestHead)
        root = bytes.fromhex(head.base_root)
    except (ValueError, RecursionError, Malformed):
        return None
    return head if 0 <= head.leaves <= MAX_LEAVES and len(root) == DIGEST else None
