"""What a node and its trainer say to each other: files in a folder of one order, written whole, read strictly.

order.json       what is to be done
job.json         the job's document
model.i32        the model's integers, little-endian int32: the base of a training, or what is measured
wanted.bin       the leaves of the rows that are trained on again
progress.json    how far it is, and in which of the task's methods, replaced as it goes on
update.i32       the trained update's integers
own.safetensors  a party's own tensors that training starts from, or that are measured (`participant.private.file`)
left.safetensors those that training left
leaves.bin       the digests of all rows of the data that it was trained on a part of, 32 bytes each
file.0, file.1   what a job, or an evaluation set, that was made is stored as
answer.json      what came out; written last
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
import numpy as np

from ledger.errors import FedledgerError, Malformed, Unavailable, UsageError
from ledger.files.foreign import open_foreign
from ledger.formats.rows import DIGEST, MAX_LEAVES
from ledger.formats.strict import Strict
from ledger.jobs.document import Setting
from ledger.jobs.preparation import Preparation
from ledger.jobs.scores import MAX_WEIGHT
from ledger.releases.counts import Counts, check
from ledger.releases.report import Rows
from ledger.releases.sums import Sums
from ledger.releases.sums import check as check_sums
from ledger.store.disk import translated
from participant.integers.fixed_point import Stream
from participant.jobs.proposals import Electorate
from participant.private.file import MAX_BYTES as MAX_OWN
from participant.tasks.seam import SHOWN

T = TypeVar("T")
ORDER, JOB, MODEL, DRIFT, WANTED, OWN, PROGRESS, UPDATE, LEFT, LEAVES, ANSWER = (
    "order.json",
    "job.json",
    "model.i32",
    "drift.i32",
    "wanted.bin",
    "own.safetensors",
    "progress.json",
    "update.i32",
    "left.safetensors",
    "leaves.bin",
    "answer.json",
)
FILE = "file."
MAX_MESSAGE = 1 << 20
"""Bytes of a message: figures are few."""


class ReadData(Strict, frozen=True, tag="read"):
    """Read the data as the job's task does; divide them, unless they are a file of its own; write their `leaves`."""

    rows: Rows = "own_file"
    leaves: bool = False


class Train(Strict, frozen=True, tag="train"):
    """Train a round on the data; with `keep` false nothing is left in the scratch folder, and with `again` only the
    rows whose leaves are in wanted.bin are used, in that order.
    """

    round: int
    seed: int
    keep: bool = True
    again: bool = False


class Personalise(Strict, frozen=True, tag="personalise"):
    """Train a personal model from a round's model, for so many steps, the model's tensors pulling by `pull`."""

    round: int
    seed: int
    steps: int
    pull: str


class Measure(Strict, frozen=True, tag="measure"):
    """Evaluate a model on these rows of the data, and count where that is wanted."""

    rows: Rows = "own_file"
    counts: bool = False


class Compare(Strict, frozen=True, tag="compare"):
    """Train each file alone and all of them pooled, as a job of that task and those settings would, and evaluate them
    on `test`. A `code` is that of an approved job's task, `version` too; without it, it is what is installed. With
    `tests`, one for each file, methods are compared that train together, too (`participant.comparing.federation`):
    `private` are patterns of tensors that stay at home, and `personal_steps`, `pull` are those of personal models. So
    they are with `hold_out`: this share of each file's rows, in percent, takes the place of `tests`.
    """

    task: str
    settings: dict[str, Setting]
    rounds: int
    preparation: Preparation | None = None
    files: tuple[str, ...] = ()
    test: str = ""
    seed: int = 1
    version: str = ""
    code: str = ""
    tests: tuple[str, ...] = ()
    hold_out: int = 0
    private: tuple[str, ...] = ()
    personal_steps: int = 0
    pull: str = "0"


class Create(Strict, frozen=True, tag="create"):
    """Make a job from a draft's file, for those who decide on it; `open_set` as `participant.jobs.creation.create`,
    `masked` as `participant.jobs.draft.read`.
    """

    draft: str
    electorate: Electorate | None
    open_set: bool
    masked: bool = False


class MakeSet(Strict, frozen=True, tag="make_set"):
    """Make the file of the evaluation set that the job commits to from the data."""


ForJob = ReadData | Train | Personalise | Measure | MakeSet
Do = ForJob | Compare | Create


class Order(Strict, frozen=True):
    """What is to be done, on which data and device; `job` is the job's number, `scratch` the home's scratch folders.

    Those to compare and to create name their files themselves, and belong to no job: its number is 0. `salt`, in
    hexadecimal digits, is the party's own of the job, where its data are divided.
    """

    do: Do
    job: int
    data: str
    device: str
    scratch: str
    salt: str = ""


class Progress(Strict, frozen=True):
    """How far training is: epochs `done` of `epochs`, the latest loss, and when it began, in seconds since 1970.

    Where several models are trained, rounds are counted, and `method` is the task's that runs now, on `file`.
    """

    job: int
    round: int
    began: float
    done: float = 0.0
    epochs: float = 0.0
    loss: str = ""
    method: str = ""
    file: str = ""

    def __post_init__(self) -> None:
        if self.loss:
            number(self.loss)

    def left(self, now: float) -> float | None:
        """Seconds that are left at this pace; None where nothing tells."""
        if not 0 < self.done <= self.epochs:
            return None
        return (now - self.began) * (self.epochs - self.done) / self.done


class DataRead(Strict, frozen=True, tag="has_read"):
    """The data can be read: how many rows they have, and whether all are of one class, as far as they show it;
    `held_out` is the number of those that are not trained on and not among `rows`.
    """

    rows: Annotated[int, msgspec.Meta(ge=0)] | None
    one_class: bool
    held_out: Annotated[int, msgspec.Meta(ge=0)] = 0


class TrainedUpdate(Strict, frozen=True, tag="trained"):
    """A round is trained: the weight it asks for, samples, loss, further metrics as exact decimals, and the device.
    Of an analysis also the digests of what it is about, in hexadecimal digits.
    """

    weight: Annotated[int, msgspec.Meta(ge=1, le=MAX_WEIGHT)]
    samples: Annotated[int, msgspec.Meta(ge=0)]
    loss: str
    metrics: dict[str, str]
    device: str
    asked: dict[str, str] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        for figure in (self.loss, *self.metrics.values()):
            number(figure)


class Measured(Strict, frozen=True, tag="measured"):
    """What a model is worth: figures by name, as `repr` writes floats, NaN and infinity among them; and counts."""

    figures: dict[str, str]
    counts: Counts | None = None
    sums: Sums | None = None

    def __post_init__(self) -> None:
        if self.counts is not None:
            check(self.counts, self.counts.rows, "the task")
        if self.sums is not None:
            check_sums(self.sums, self.sums.rows, "the task")

    def floats(self) -> dict[str, float]:
        """The same as numbers. Raises Malformed for what is not one."""
        return {name: number(text) for name, text in self.figures.items()}


class ComparedModel(Strict, frozen=True):
    """One of the models that were trained: on whose data, on how many samples, and what it is worth. With a `party` it
    is what a method's model is worth on that party's rows, which are as many as `samples`.
    """

    name: str
    samples: Annotated[int, msgspec.Meta(ge=0)]
    measured: Measured
    party: str = ""

    @property
    def merit(self) -> dict[str, float]:
        """The task's figures. Raises Malformed as `Measured.floats`."""
        return self.measured.floats()


class Compared(Strict, frozen=True, tag="compared"):
    """Each file's model, then that of all of them, if there is one."""

    rows: tuple[ComparedModel, ...]


class StoredFile(Strict, frozen=True):
    """The pin that a file is stored under, and its CID."""

    pin: str
    cid: str


class Created(Strict, frozen=True, tag="created"):
    """A job is made: its files, the last of which is its document, and the tensors that stay at home."""

    files: tuple[StoredFile, ...]
    at_home: tuple[str, ...]


class SetMade(Strict, frozen=True, tag="set_made"):
    """An evaluation set's file is made: its tensor root, in hexadecimal digits."""

    root: str


class Failed(Strict, frozen=True, tag="failed"):
    """Nothing came out; `waits` where trying again later may help."""

    message: str
    advice: str
    facts: dict[str, str]
    waits: bool = False

    @classmethod
    def of(cls, error: FedledgerError) -> "Failed":
        """What an error says, its facts as text."""
        facts = {name: str(value)[:SHOWN] for name, value in error.facts.items()}
        return cls(message=error.message, advice=error.advice, facts=facts, waits=isinstance(error, Unavailable))

    def error(self, **facts: object) -> UsageError | Unavailable:
        """The same as an error, with further facts."""
        known = {**facts, **self.facts}
        kind = Unavailable if self.waits else UsageError
        return kind(self.message, advice=self.advice, **known)


Answer = DataRead | TrainedUpdate | Measured | Compared | Created | SetMade | Failed


def number(text: str) -> float:
    """A float as `repr` wrote it. Raises Malformed."""
    try:
        return float(text)
    except ValueError as error:
        raise Malformed("a figure is not a number", actual=text[:80]) from error


def write(path: Path, message: msgspec.Struct) -> None:
    """Write a message, whole or not at all. Raises Unavailable."""
    place(path, msgspec.json.encode(message))


def place(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all. Raises Unavailable."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with translated(path):
        draft.write_bytes(data)
        draft.replace(path)


def read(path: Path, kind: type[T]) -> T | None:
    """A message; None while it is not there. Raises Malformed where it breaks its form."""
    try:
        with open_foreign(path, "a trainer's file") as file:
            data = file.read(MAX_MESSAGE + 1)
    except OSError:
        return None
    try:
        if len(data) > MAX_MESSAGE:
            raise ValueError("it is too long")
        return msgspec.json.decode(data, type=kind)
    except (ValueError, RecursionError) as error:  # msgspec's errors are of the first kind
        raise Malformed(f"a trainer's message is not valid: {error}", file=path.name) from error


def write_stream(path: Path, stream: Stream) -> None:
    """Write integers. Raises Unavailable."""
    with translated(path):
        stream.astype("<i4", copy=False).tofile(path)


def read_stream(path: Path, values: int) -> Stream:
    """Integers, so many of them. Raises Malformed for fewer or more, Unavailable where they cannot be read."""
    try:
        with open_foreign(path, "a trainer's file") as file:
            size = os.fstat(file.fileno()).st_size
            stream = np.fromfile(file, "<i4", values)
    except OSError as error:
        raise Unavailable(f"cannot read what was trained: {error.strerror}", file=str(path)) from error
    if size != 4 * values or len(stream) != values:
        raise Malformed("a trainer's file has another length", file=path.name, expected=4 * values, actual=size)
    return stream.astype(np.int32, copy=False)


def read_own(path: Path) -> bytes:
    """A file of a party's own tensors; empty where there is none. Raises Malformed where it is too long, Unavailable
    where it cannot be read.
    """
    if not path.exists():
        return b""
    try:
        with open_foreign(path, "a trainer's file") as file:
            data = file.read(MAX_OWN + 1)
    except OSError as error:
        raise Unavailable(f"cannot read what was trained: {error.strerror}", file=str(path)) from error
    if len(data) > MAX_OWN:
        raise Malformed("a trainer's file is too long", file=path.name, maximum=MAX_OWN)
    return data


def write_leaves(path: Path, leaves: Sequence[bytes]) -> None:
    """Write the leaves of data. Raises Unavailable."""
    with translated(path):
        path.write_bytes(b"".join(leaves))


def read_leaves(path: Path) -> tuple[bytes, ...]:
    """The leaves of data. Raises Malformed for a file of another form, Unavailable where it cannot be read."""
    try:
        with open_foreign(path, "a trainer's file") as file:
            size = os.fstat(file.fileno()).st_size
            data = file.read(size) if size <= MAX_LEAVES * DIGEST else b""
    except OSError as error:
        raise Unavailable(f"cannot read what was trained on: {error.strerror}", file=str(path)) from error
    if not data or size % DIGEST or size != len(data):
        raise Malformed("a trainer's file of leaves has an impossible length", file=path.name, actual=size)
    return tuple(data[at : at + DIGEST] for at in range(0, len(data), DIGEST))


def read_pieces(path: Path) -> Iterator[bytes]:
    """A file's bytes. Raises as `read_stream`."""
    try:
        with open_foreign(path, "a trainer's file") as file:
            while piece := file.read(MAX_MESSAGE):
                yield piece
    except OSError as error:
        raise Unavailable(f"cannot read what was made: {error.strerror}", file=str(path)) from error
