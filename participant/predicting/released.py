"""A released model as prediction takes it: found on the ledger, or in a folder that `release fetch` wrote, and checked.

What could be checked is said: a folder alone can be held against itself (values, tensor root, card, job), and only a
chain can say that the members released it, and have not revoked it since.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from ledger.errors import Malformed, Refuted, UsageError
from ledger.events.encoding import name_word
from ledger.formats import merkle
from ledger.formats.artifact import Layout
from ledger.formats.digest import sha256
from ledger.formats.dtypes import FLOAT, NUMPY
from ledger.jobs.document import MAX_SIZE as MAX_JOB
from ledger.jobs.document import Job, parse
from ledger.releases import peft
from ledger.releases.file import FORMAT, JOB_FILE, MAX_HEADER, NAME
from ledger.releases.values import Values
from ledger.store import disk

if TYPE_CHECKING:
    from ledger.events.proposals import Release
    from ledger.party.connection import Connection

Ints = NDArray[np.int32]
CARD = "README.md"
MAX_CARD = 16 << 20
AGAIN = "do not use it; fedledger release fetch writes it again"
_EXACT = 1 << 24
"""Integers below this in size are whole in a file of float32: the tensor root can be made from it again."""


@dataclass(frozen=True, slots=True)
class FoundRelease:
    """A release, its job and the integers of its model.

    `at_block` is the chain's block at which it was in use, and `at_time` the latest block's time then, in seconds since
    1970, where its hash covers it; None where no chain was asked. `root_checked` is false where
    a file has some of its integers rounded, so that only the ledger's own copy has the root.
    """

    name: str
    version: str
    release: str
    chain: int
    ledger: str
    number: int
    round: int
    root: bytes
    job: Job
    model: Ints
    root_checked: bool = True
    at_block: int | None = None
    at_time: int | None = None

    @property
    def title(self) -> str:
        return f"{self.name}@{self.version}"

    def document(self) -> dict[str, object]:
        """What an output says of the release that made it."""
        return {
            "name": self.name,
            "version": self.version,
            "release": self.release,
            "chain": self.chain,
            "ledger": self.ledger,
            "job": self.number,
            "round": self.round,
            "root": self.root.hex(),
            "job_digest": self.job.digest.hex(),
        }


def from_ledger(connection: "Connection", title: str) -> FoundRelease:
    """A release by NAME or NAME@VERSION, the model read from its holders and checked to its root.

    Raises as `ledger.party.publishing.card_in_use`: RevokedRelease, UnknownRelease, Refuted, Unavailable, Malformed.
    """
    from ledger.history.names import find
    from ledger.party.publishing import check_on_chain
    from ledger.releases.file import ModelFile
    from ledger.rounds.facts import read_model

    history = connection.refresh()
    if not history.decisions.releases:
        _require_any(connection)
    release = find(history.decisions, title)
    check_on_chain(connection, release)
    state = history.jobs[release.job]
    job = connection.document(state)
    board = connection.network.contracts.releases.address
    base = ModelFile(connection.place, board, release, state, job).model
    body = b"".join(bytes(piece) for piece in read_model(connection.place, state, job, base, connection.fetch))
    return FoundRelease(
        name=release.name,
        version=release.version,
        release=release.id.hex(),
        chain=connection.place.chain,
        ledger=connection.place.contract,
        number=release.job,
        round=release.round,
        root=release.root,
        job=job,
        model=np.frombuffer(body, "<i4"),
        at_block=connection.follower.tip.number,
        at_time=_time_of(connection),
    )


def _time_of(connection: "Connection") -> int | None:
    """The latest block's time; None where the node's word alone says it."""
    head = connection.follower.latest()
    return head.time if head.proved else None


def _require_any(connection: "Connection") -> None:
    """Raise UsageError, with who does what next, where the consortium has released no model."""
    done = [
        (number, round_.number)
        for number, state in connection.history.jobs.items()
        for round_ in state.rounds.values()
        if round_.final is not None and not state.is_convicted(round_.number)
    ]
    advice = "a job comes first: fedledger job create, then fedledger job propose"
    if connection.history.jobs:
        advice = "a round of a job has to be finalised first: fedledger status says what it waits for"
    if done:
        job, round_number = done[-1]
        command = f"fedledger release propose {round_number} NAME@1.0 --job {job}"
        advice = f"a member proposes one, and the others vote: {command}"
    raise UsageError("this consortium has released no model yet", advice=advice, jobs=len(connection.history.jobs))


def still_in_use(connection: "Connection", found: FoundRelease) -> FoundRelease:
    """The same, held against the chain as it is now. Raises UsageError where it is of another ledger, Refuted where the
    chain keeps another release under its name, and RevokedRelease.
    """
    from ledger.history.names import released
    from ledger.party.publishing import check_on_chain

    _require(connection.place.chain, found.chain, "chain")
    _require(connection.place.contract, found.ledger, "ledger")
    history = connection.refresh()
    release = released(history.decisions, found.name, found.version)
    check_on_chain(connection, release)
    expected = (release.id.hex(), release.job, release.round, release.root, history.jobs[release.job].digest)
    actual = (found.release, found.number, found.round, found.root, found.job.digest)
    if expected != actual:
        raise Refuted(
            f"this is not the release {found.title} of this ledger", advice=AGAIN, expected=expected, actual=actual
        )
    return replace(found, at_block=connection.follower.tip.number, at_time=_time_of(connection))


def current_of(connection: "Connection", found: FoundRelease) -> "Release | None":
    """The release that the members made the current one of the same name, where that is another one."""
    current = connection.history.decisions.current.get(found.name)
    return None if current is None or current.id.hex() == found.release else current


def _require(expected: object, actual: object, what: str) -> None:
    if expected != actual:
        raise UsageError(
            f"the release is of another {what} than this network's",
            advice="pass the network file of the consortium that released it",
            expected=expected,
            actual=actual,
        )


def from_folder(folder: Path) -> FoundRelease:
    """A release that `fedledger release fetch` wrote, held against itself; no chain is asked.

    1. The model file says that it is a release's. 2. The job's document is one, and has the digest that the card says.
    3. The file has the tensors that this job demands, and nothing else. 4. Its integers have the tensor root that file
    and card say. Raises UsageError where something is not there, Malformed, and Refuted.
    """
    if (folder / peft.MODEL).is_file():
        raise UsageError("an adapter predicts on its backbone", advice="load it with PEFT, as its card says")
    file = folder / NAME
    header, body = _split(file, _whole(file, _room(folder)))
    said = header.metadata
    if said.get("fedledger") != FORMAT:
        raise Malformed("this is not the model of a release", advice=AGAIN, file=str(file), expected=FORMAT)
    card = _whole(folder / CARD, MAX_CARD).decode("utf-8", "replace")
    job = _job_of(folder, card)
    model, whole = _integers(file, job.layout, header, body)
    root = merkle.root_of(model.tobytes()) if whole else bytes.fromhex(said["root"])
    for what, held in (("the model file", said["root"] == root.hex()), ("the card", f"`{root.hex()}`" in card)):
        if not held:
            raise Refuted(f"{what} says another tensor root than its model has", advice=AGAIN, actual=root.hex())
    try:
        numbers = [int(said[name]) for name in ("chain", "job", "round")]
        texts = [said[name] for name in ("name", "version", "release", "ledger")]
        name_word(texts[0])
        name_word(texts[1])
    except (KeyError, ValueError) as error:
        raise Malformed(
            f"the model file does not say its release whole: {error}", advice=AGAIN, file=str(file)
        ) from error
    name, version, release, ledger = texts
    chain, number, round_ = numbers
    return FoundRelease(name, version, release, chain, ledger, number, round_, root, job, model, root_checked=whole)


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


class _Header(msgspec.Struct):
    """`metadata`, and the table of tensors."""

    metadata: dict[str, str]
    tensors: dict[str, dict[str, object]]


def _room(folder: Path) -> int:
    """Bytes that the model file may have: what the job beside it demands, and a header."""
    job = _parsed(folder)
    return MAX_HEADER + 8 + Values(job.layout).size


def _parsed(folder: Path) -> Job:
    path = folder / JOB_FILE
    if not path.is_file():
        raise UsageError(
            "the folder has no document of its job, so nothing says how rows are prepared",
            advice="fedledger release fetch writes it beside the model; or name the release, not the folder",
            file=str(path),
        )
    return parse(_whole(path, MAX_JOB))


def _job_of(folder: Path, card: str) -> Job:
    job, digest = _parsed(folder), sha256(_whole(folder / JOB_FILE, MAX_JOB))
    if f"| job's document | SHA-256 `{digest.hex()}` |" not in card:
        raise Refuted(f"{JOB_FILE} is not the job that the card names", advice=AGAIN, actual=digest.hex())
    return job


def _whole(path: Path, ceiling: int) -> bytes:
    """A file of at most so many bytes. Raises UsageError where there is none, Malformed where it is larger."""
    if not path.is_file():
        raise UsageError(
            "the folder is not one that fedledger release fetch wrote",
            advice="fedledger release fetch NAME --output FOLDER",
            file=str(path),
        )
    if path.stat().st_size > ceiling:
        raise Malformed("a file of the release is too large", advice=AGAIN, file=str(path), maximum=ceiling)
    return b"".join(bytes(piece) for piece in disk.pieces(path))


def _split(file: Path, data: bytes) -> tuple[_Header, memoryview]:
    """The header of a safetensors file, and its values. Raises Malformed."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(len(data) - 8, MAX_HEADER):
        raise Malformed("this is not a model file: its header is cut", advice=AGAIN, file=str(file), size=len(data))
    try:
        table = msgspec.json.decode(data[8 : 8 + length], type=dict[str, dict[str, object]])
        metadata = msgspec.convert(table.pop("__metadata__"), dict[str, str])
        bytes.fromhex(metadata["root"])
    except (msgspec.DecodeError, msgspec.ValidationError, KeyError, ValueError, RecursionError) as error:
        raise Malformed(f"this is not the model of a release: {error}", advice=AGAIN, file=str(file)) from error
    return _Header(metadata, table), memoryview(data)[8 + length :]


def _integers(file: Path, layout: Layout, header: _Header, body: memoryview) -> tuple[Ints, bool]:
    """The ledger's integers of a file's values, and whether all of them are whole. Raises Refuted, Malformed."""
    values = Values(layout)
    if header.tensors != values.entries() or len(body) != values.size:
        raise Refuted(f"{NAME} has other tensors than its job demands", advice=AGAIN, file=str(file))
    model, whole = np.empty(layout.values, "<i4"), True
    for tensor, start in zip(layout.tensors, layout.starts, strict=False):
        entry = msgspec.convert(values.entries()[tensor.name], _Entry)
        found = np.frombuffer(body[slice(*entry.data_offsets)], NUMPY[tensor.released]).astype(np.float64)
        integers = np.ldexp(found, tensor.fraction_bits) if tensor.released == FLOAT else found
        if not np.isfinite(integers).all() or (np.rint(integers) != integers).any() or (np.abs(integers) > 2**31).any():
            raise Refuted(f"{NAME} has values that no model of its job has", advice=AGAIN, tensor=tensor.name)
        whole = whole and bool((np.abs(integers) < _EXACT).all())
        model[start : start + tensor.values] = np.clip(integers, -(2**31) + 1, 2**31 - 1)
    return model, whole
