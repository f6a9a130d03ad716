"""The job: one document that fixes all that a verdict on its rounds depends on (docs/spec/job.md).

Its SHA-256 is on chain, approved by the members, and is the digest of its CID: the document is its own address.
"""

import re
from functools import cached_property
from typing import Literal

import msgspec

from ledger.artifact import Layout, Tensor
from ledger.cid import CHUNK, RAW, Cid
from ledger.digest import decode, encode, sha256
from ledger.errors import Malformed
from ledger.records import Terms

FORMAT: Literal["job/1"] = "job/1"
MAX_WEIGHT = (1 << 24) - 1
MAX_SIZE = CHUNK

Setting = str | int | bool | list[str]


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Unknown fields are refused: a reader never passes over what it does not understand."""


class Task(Strict, frozen=True):
    """Which code trains. A node runs it only where its own installed code has this digest.

    `settings` has no floats, which have no canonical text: a decimal number is written as a string.
    """

    name: str
    version: str
    code: str
    settings: dict[str, Setting]


class Admission(Strict, frozen=True):
    """Limits for one update. Values and norm are counted in the integers of the ledger (docs/spec/round.md)."""

    min_updates: int
    max_weight: int
    max_value: int
    max_norm: int


class WeightedMean(Strict, frozen=True, tag="weighted_mean", tag_field="rule"):
    """The mean of the admitted updates, weighted by their samples."""


class Median(Strict, frozen=True, tag="median", tag_field="rule"):
    """The median of each coordinate, weights not used (Yin et al. 2018)."""


class TrimmedMean(Strict, frozen=True, tag="trimmed_mean", tag_field="rule"):
    """The mean of each coordinate without its `trim` lowest and highest values (Yin et al. 2018)."""

    trim: int


Rule = WeightedMean | Median | TrimmedMean


class InitialModel(Strict, frozen=True):
    """The model the first round builds on."""

    cid: str
    root: str


class Scoring(Strict, frozen=True):
    """How contribution scores are made."""

    method: Literal["none"]


class Privacy(Strict, frozen=True):
    """How updates are protected beyond staying inside the consortium."""

    mode: Literal["none"]


class Job(Strict, frozen=True, dict=True):
    """A job's document. `parse` and `check` raise Malformed, naming the field."""

    fedledger: Literal["job/1"]
    name: str
    task: Task
    tensors: tuple[Tensor, ...]
    initial_model: InitialModel
    aggregation: Rule
    admission: Admission
    terms: Terms
    scoring: Scoring
    privacy: Privacy

    @cached_property
    def layout(self) -> Layout:
        return Layout(self.tensors)

    @cached_property
    def initial_cid(self) -> Cid:
        return Cid.parse(self.initial_model.cid)

    @cached_property
    def initial_root(self) -> bytes:
        return bytes.fromhex(self.initial_model.root)

    def encode(self) -> bytes:
        return encode(self)

    @cached_property
    def digest(self) -> bytes:
        return sha256(self.encode())

    @property
    def cid(self) -> Cid:
        return Cid(RAW, self.digest)


def parse(data: bytes) -> Job:
    """Read a job's document, its digest already checked. Raises Malformed."""
    if len(data) > MAX_SIZE:
        raise Malformed("the job's document is too large", size=len(data), maximum=MAX_SIZE)
    job = decode(data, Job, "the job's document")
    check(job)
    return job


def check(job: Job) -> None:
    """Refuse a job that could not be run or judged: the checks that its types do not make. Raises Malformed."""
    layout = job.layout
    _ = job.initial_cid
    for field, digits in (("initial_model.root", job.initial_model.root), ("task.code", job.task.code)):
        if not re.fullmatch("[0-9a-f]{64}", digits):
            raise Malformed(f"{field} is not 64 hexadecimal digits", actual=digits[:80])
    limits = job.admission
    _within("admission.min_updates", limits.min_updates, 1, 255)
    _within("admission.max_weight", limits.max_weight, 1, MAX_WEIGHT)
    _within("admission.max_value", limits.max_value, 1, (1 << 31) - 1)
    _within("admission.max_norm", limits.max_norm, 1, (layout.values << 31) - 1)
    _within("terms.rounds", job.terms.rounds, 1, (1 << 32) - 1)
    _within("terms.attempts", job.terms.attempts, 1, 255)
    for field in ("update_seconds", "aggregate_seconds", "attest_seconds"):
        _within(f"terms.{field}", getattr(job.terms, field), 1, 365 * 86400)
    _check_scoring_terms(job.terms)
    if isinstance(job.aggregation, TrimmedMean):
        _within("aggregation.trim", job.aggregation.trim, 1, (limits.min_updates - 1) // 2)
    for name, text in (("name", job.name), ("task.name", job.task.name), ("task.version", job.task.version)):
        if not 0 < len(text) <= 200 or not text.isprintable():
            raise Malformed(f"{name} must be 1 to 200 printable characters", actual=text[:80])


def _check_scoring_terms(terms: Terms) -> None:
    """All three are 0, where the job makes no scores, or none is."""
    least = int(terms.scored or terms.score_seconds > 0 or terms.reveal_seconds > 0)
    _within("terms.scorers", terms.scorers, least, 255)
    for field in ("score_seconds", "reveal_seconds"):
        _within(f"terms.{field}", getattr(terms, field), least, 365 * 86400)


def _within(field: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise Malformed(f"{field} is out of range", minimum=low, maximum=high, actual=value)
