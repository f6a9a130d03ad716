"""What of a job stays at a home, by round, in step with the ledger across crashes and reorganisations: its private
tensors, and what rounding took from its updates.

    private/<job digest>/                   of the jobs with that document, by number: there may be several
        <job>-<round>-<commitment>.safetensors   what a round's training left, beside the update that was committed to
        personal/<job>-<round>-<method>.safetensors   a personal model (`fedledger node personalise`)

Each file is written whole before its update can be committed to, and is the current one only once the ledger has that
commitment. So the training of a round is a pure function of the ledger and of these files: killed at any instruction,
it is done again to the same bytes. Only the owner may read them (mode 0600); no store, gateway or pin has them.
"""

import re
from pathlib import Path
from typing import NamedTuple

from ledger.errors import Malformed, Unavailable, UsageError
from ledger.history.state import JobState
from ledger.jobs.document import Job
from ledger.store import disk
from participant.private.file import MAX_BYTES, require

FOLDER, PERSONAL = "private", "personal"
UNSETTLED = 3
"""Rounds back to which a file is kept that the ledger has no commitment for: the chain may bring it back."""
_NAME = re.compile(r"\.?([1-9][0-9]*)-([1-9][0-9]*)-([0-9a-f]{64})\.safetensors(\..*)?")
"""Of a file, or of the draft of one that a killed process left (`ledger.store.disk.write_private`)."""


class Registered(NamedTuple):
    """A round of the job with a number that a member registered an update in, and its commitment."""

    job: int
    round: int
    commitment: bytes


class LostState(UsageError):
    """The private tensors that a member's last update went with are not in its home, or are not those."""


def keeps(job: Job) -> bool:
    """Whether training leaves something at home that the next round needs."""
    return bool(job.private.tensors or (job.compression and job.compression.error_feedback))


def _kept(job: Job) -> str:
    """What training leaves, in words."""
    return "private tensors" if job.private.tensors else "record of what rounding took"


def last_registered(state: JobState, index: int, before: int) -> Registered | None:
    """The last round before `before` that the member has a commitment on the ledger in, and that no rewind had left out
    by then; None without one."""
    rounds = (one for one in state.rounds if one < before and not state.was_left_out(one, before))
    for number in sorted(rounds, reverse=True):
        made = state.rounds[number].commitments.get(index)
        if made is not None:
            return Registered(state.number, number, made.digest)
    return None


class PrivateStates:
    """The folder `private` of a home; its processes may use it at the same time."""

    def __init__(self, home: Path) -> None:
        self._folder = home / FOLDER

    def keep(self, job: Job, at: Registered, data: bytes) -> None:
        """Keep what a round's training left, before its update is kept. Raises Malformed for what is not that, and
        Unavailable where the disk does not take it.
        """
        require(data, job.digest, at.round)
        _write(self._path(job, at), data, self._folder)

    def before(self, state: JobState, job: Job, index: int, number: int) -> bytes:
        """What a member's round `number` starts from: the file of the last round before that it registered an update
        in; empty for the common start, and for a job that keeps nothing. Raises as `find`.
        """
        last = last_registered(state, index, number) if keeps(job) else None
        return self.find(job, last) if last else b""

    def mark(self, state: JobState, job: Job, index: int, number: int) -> bytes:
        """What changes with what `before` finds, without reading it: it may be large, and is asked for at each look."""
        last = last_registered(state, index, number) if keeps(job) else None
        return repr((last, disk.version(self._path(job, last)))).encode() if last else b""

    def find(self, job: Job, at: Registered) -> bytes:
        """What went with the update that was committed to. Raises LostState where it is not here, or not whole;
        Unavailable where it cannot be read now.
        """
        path = self._path(job, at)
        data = _read(path)
        try:
            if data is None:
                raise Malformed("there is no such file")
            require(data, job.digest, at.round)
        except Malformed as error:
            raise LostState(
                f"this member's {_kept(job)} of round {at.round} {'are' if job.private.tensors else 'is'} lost: "
                f"{error.message}",
                advice="restore the home's folder `private` from a copy; until then training goes on "
                f"{'from the start' if job.private.tensors else 'without it'}",
                file=str(path),
                **error.facts,
            ) from error
        return data

    def sweep(self, job: Job, state: JobState, index: int, number: int) -> None:
        """Remove what rounds well before `number` left that the ledger has no commitment for, and drafts. Raises
        Unavailable.
        """
        for path in self._of(job).glob("*.safetensors*"):
            found = _NAME.fullmatch(path.name)
            if found is None or int(found[1]) != state.number or int(found[2]) > number - UNSETTLED:
                continue
            round_ = state.rounds.get(int(found[2]))
            made = round_.commitments.get(index) if round_ else None
            if made is None or made.digest.hex() != found[3] or found[4]:
                with disk.translated(path):
                    path.unlink(missing_ok=True)

    def keep_personal(self, state: JobState, job: Job, number: int, method: str, data: bytes) -> Path:
        """Keep a personal model of a round; one made before by the same method goes. Raises as `keep`."""
        require(data, job.digest, number)
        path = self._personal(state, job, number, method)
        _write(path, data, self._folder)
        return path

    def personal(self, state: JobState, job: Job, number: int, method: str) -> bytes:
        """The personal model of a round that a method made; empty where there is none. Raises Malformed, naming it, for
        a file that is damaged; Unavailable.
        """
        path = self._personal(state, job, number, method)
        data = _read(path)
        if data is None:
            return b""
        try:
            require(data, job.digest, number)
        except Malformed as error:
            error.facts = {**error.facts, "file": str(path)}
            raise
        return data

    def _personal(self, state: JobState, job: Job, number: int, method: str) -> Path:
        return self._of(job) / PERSONAL / f"{state.number}-{number}-{method}.safetensors"

    def _path(self, job: Job, at: Registered) -> Path:
        return self._of(job) / f"{at.job}-{at.round}-{at.commitment.hex()}.safetensors"

    def _of(self, job: Job) -> Path:
        return self._folder / job.digest.hex()


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unavailable(f"cannot read private tensors: {error.strerror}", file=str(path)) from error
    return data


def _write(path: Path, data: bytes, home: Path) -> None:
    """A file below a home's folder `private`, the folders on the way with mode 0700."""
    with disk.translated(path):
        for folder in (home, *reversed([one for one in path.parents if home in one.parents])):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    disk.write_private(path, [data])
