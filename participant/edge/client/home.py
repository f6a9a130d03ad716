"""A client's home: its key, the edge that it belongs to, and what it keeps of each round.

    edge.json                 the edge as it was met first: another ledger, key or job's document is refused afterwards
    jobs/<digest>.json        documents of jobs
    rounds/<job>-<round>/
        update.safetensors    the update, kept before it is signed: trained once, sent as often as it takes
        signed.json           what the client signed (child-update/1)
        left.safetensors      what stays at home for the next round, where the job has private tensors
        receipt.json          the edge's receipt (edge-receipt/1)
        given-up              there where the round ended without this update

All of it is for its owner alone (mode 0600). A receipt is evidence: keep it until the edge's sum is on the ledger.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from ledger.config import Home
from ledger.errors import Malformed, Refuted, Unavailable
from ledger.files.foreign import read_foreign
from ledger.formats.artifact import Buffer
from ledger.formats.digest import decode, encode, sha256
from ledger.formats.edges.receipts import MAX_SIZE as MAX_RECEIPT
from ledger.formats.edges.receipts import EdgeReceipt
from ledger.formats.edges.receipts import parse as parse_receipt
from ledger.formats.strict import Strict
from ledger.jobs.document import MAX_SIZE as MAX_JOB
from ledger.jobs.document import Job, parse
from ledger.store import disk
from participant.edge.documents import MAX_UPDATE, EdgeTasks, SignedUpdate, parse_update
from participant.private.file import MAX_BYTES as MAX_LEFT

MAX_EDGE = 1 << 16


class KnownEdge(Strict, frozen=True):
    """The edge that a client belongs to, and the digests of its jobs' documents by their numbers."""

    fedledger: Literal["edge-client/1"]
    chain: int
    ledger: str
    edge: int
    key: str
    jobs: dict[str, str]

    @classmethod
    def met(cls, tasks: EdgeTasks) -> "KnownEdge":
        """An edge that is met for the first time."""
        chain, ledger = tasks.chain, tasks.ledger
        return cls(fedledger="edge-client/1", chain=chain, ledger=ledger, edge=tasks.edge, key=tasks.key, jobs={})

    def check(self, tasks: EdgeTasks) -> None:
        """Raise Refuted where an edge is not the one that is known, or a job has another document than before."""
        for what in ("chain", "ledger", "edge", "key"):
            expected, actual = getattr(self, what), getattr(tasks, what)
            if expected != actual:
                raise Refuted(
                    f"this is not the edge that this client knows: another {what}",
                    advice="ask its operator; after a change of its key, confirm it with --edge-key",
                    expected=expected,
                    actual=actual,
                )
        for task in tasks.tasks:
            known = self.jobs.get(str(task.job), task.digest)
            if known != task.digest:
                raise Refuted(
                    f"the edge names another document of job {task.job} than before; a job never changes",
                    advice="train nothing for it, and ask another member which is on the ledger",
                    expected=known,
                    actual=task.digest,
                )


class ClientHome:
    """A client's folder. Raises Unavailable where the disk does not take or show a file, Malformed for a broken one."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._edge = home.folder / "edge.json"

    def edge(self) -> KnownEdge | None:
        """The edge that it belongs to; None before it met any."""
        if not self._edge.exists():
            return None
        return decode(_read(self._edge, MAX_EDGE), KnownEdge, "the client's edge.json")

    def know(self, edge: KnownEdge) -> None:
        """Keep which edge it belongs to."""
        _write(self._edge, [encode(edge)], replace=True)

    def job(self, digest: str) -> Job | None:
        """A job's document that was kept; None where it was not."""
        path = self.home.folder / "jobs" / f"{digest}.json"
        if not path.exists():
            return None
        data = _read(path, MAX_JOB)
        return parse(data) if sha256(data).hex() == digest else None

    def keep_job(self, job: Job) -> None:
        _write(self.home.folder / "jobs" / f"{job.digest.hex()}.json", [job.encode()])

    def round(self, job: int, number: int) -> "KeptRound":
        return KeptRound(self.home.folder / "rounds" / f"{job}-{number}")

    def unanswered(self) -> list["KeptRound"]:
        """The rounds whose update was signed, for which there is no receipt yet, and which were not given up."""
        found = [KeptRound(path) for path in sorted((self.home.folder / "rounds").glob("*-*"))]
        return [one for one in found if one.signed() and one.receipt() is None and not one.given_up]

    def left_before(self, job: int, number: int) -> bytes:
        """The private tensors of the last round before that has a receipt; empty where there is none."""
        for earlier in range(number - 1, 0, -1):
            kept = self.round(job, earlier)
            if kept.receipt() is not None and (left := kept.left()):
                return left
        return b""


class KeptRound:
    """What a client keeps of a round."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._update, self._signed = folder / "update.safetensors", folder / "signed.json"
        self._given_up = folder / "given-up"
        self._left, self._receipt = folder / "left.safetensors", folder / "receipt.json"

    def signed(self) -> SignedUpdate | None:
        """What was signed; None before that."""
        return parse_update(_read(self._signed, MAX_UPDATE)) if self._signed.exists() else None

    def keep(self, pieces: Iterable[Buffer], left: bytes, signed: SignedUpdate) -> None:
        """Keep an update, then what was signed: once that is here, the round is never trained again."""
        _write(self._update, pieces, replace=True)
        if left:
            _write(self._left, [left], replace=True)
        _write(self._signed, [signed.encode()])

    def update(self) -> Iterator[Buffer]:
        """The update's bytes, in pieces."""
        return disk.pieces(self._update)

    def left(self) -> bytes:
        return _read(self._left, MAX_LEFT) if self._left.exists() else b""

    def receipt(self) -> EdgeReceipt | None:
        return parse_receipt(_read(self._receipt, MAX_RECEIPT)) if self._receipt.exists() else None

    @property
    def given_up(self) -> bool:
        """Whether the round ended without this update."""
        return self._given_up.exists()

    def give_up(self) -> None:
        """Note that the edge took no update of this client in the round, and takes none any more."""
        _write(self._given_up, [b""])
        self._update.unlink(missing_ok=True)

    def keep_receipt(self, receipt: EdgeReceipt) -> None:
        _write(self._receipt, [receipt.encode()])
        self._update.unlink(missing_ok=True)


def _read(path: Path, most: int) -> bytes:
    try:
        return read_foreign(path, "a file of the client's home", most)
    except Malformed:
        raise
    except OSError as error:
        raise Unavailable(f"cannot read the file: {error.strerror}", file=str(path)) from error


def _write(path: Path, pieces: Iterable[Buffer], *, replace: bool = False) -> None:
    with disk.translated(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    disk.write_private(path, pieces, replace=replace)
