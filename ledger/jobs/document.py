"""The job: one document that fixes all that a verdict on its rounds depends on (docs/spec/job.md).

Its SHA-256 is on chain, approved by the members, and is the digest of its CID: the document is its own address.
"""

import re
from functools import cached_property
from math import prod
from typing import Literal

import msgspec

from ledger.errors import Malformed
from ledger.events.records import ModelTerms, Terms
from ledger.formats.artifact import Layout, Tensor
from ledger.formats.cid import CHUNK, RAW, Cid
from ledger.formats.claims import LARGEST_SCORERS
from ledger.formats.digest import decode, encode, sha256
from ledger.formats.grammar import check_json, check_name, check_text
from ledger.formats.header import Kind
from ledger.formats.sealed import sealed_size
from ledger.formats.strict import Strict
from ledger.jobs.bounds import MAX_SECONDS, within
from ledger.jobs.layers import MAX_ACTIVATIONS, Layer, shapes
from ledger.jobs.noise import ExampleNoise, check_noise
from ledger.jobs.privacy import Demands, Masked, Privacy, SealedTo, check_masked, check_sealed
from ledger.jobs.reserved import RESERVED, refuse_unsupported
from ledger.jobs.versions import refuse_other_versions

FORMAT: Literal["job/2"] = "job/2"
MAX_WEIGHT = (1 << 24) - 1
MAX_FACTOR = 1 << 10
"""Largest factor of a weight by past scores: weight times factor stays within MAX_WEIGHT, and sums exact."""
MAX_SIZE = CHUNK
MAX_SEED = (1 << 63) - 1
MAX_SAMPLES = 1 << 24
MAX_CLASSES = 1 << 12
MAX_INPUTS = 1 << 28
MAX_HOLD_OUT = 90
MAX_ROUNDS = (1 << 24) - 1
"""A round's number has 24 bits on the ledger."""
LAST_MEMBER = 254

Setting = str | int | bool | list[str]


class JobTask(Strict, frozen=True):
    """Which code trains. A node runs it only where its own installed code has this digest.

    `settings` has no floats, which have no canonical text: a decimal number is written as a string.
    """

    name: str
    version: str
    code: str
    settings: dict[str, Setting]


class Admission(Strict, frozen=True, omit_defaults=True):
    """Limits for one update. Values and norm are counted in the integers of the ledger (docs/spec/round.md).

    `max_weights` caps the weights of single members below `max_weight`, by member index in decimal digits.
    """

    min_updates: int
    max_weight: int
    max_value: int
    max_norm: int
    max_weights: dict[str, int] = msgspec.field(default_factory=dict)

    def cap(self, index: int) -> int:
        """The largest weight that an update of a member may have."""
        return self.max_weights.get(str(index), self.max_weight)


class WeightedMean(Strict, frozen=True, tag="weighted_mean", tag_field="rule"):
    """The mean of the admitted updates, weighted by their samples."""


class Median(Strict, frozen=True, tag="median", tag_field="rule"):
    """The median of each coordinate, weights not used (Yin et al. 2018)."""


class TrimmedMean(Strict, frozen=True, tag="trimmed_mean", tag_field="rule"):
    """The mean of each coordinate without its `trim` lowest and highest values (Yin et al. 2018)."""

    trim: int


Rule = WeightedMean | Median | TrimmedMean
RULE_NUMBERS: dict[type[Rule], int] = {WeightedMean: 0, Median: 1, TrimmedMean: 2}
"""How the ledger names the rules."""


class InitialModel(Strict, frozen=True):
    """The model that the first round builds on: the shared tensors, by CID and root. From `seed` the task built it, and
    every participant builds the other tensors again."""

    cid: str
    root: str
    seed: int


class CommittedSet(Strict, frozen=True, tag="committed_set", tag_field="kind"):
    """Evidence that anyone recomputes: an evaluation set by its address and root, and the network to run on it."""

    cid: str
    root: str
    samples: int
    shape: tuple[int, ...]
    classes: int
    layers: tuple[Layer, ...]


class PrivateSets(Strict, frozen=True, tag="private_sets", tag_field="kind"):
    """Evidence that each scorer keeps to itself: the score is the median of what they reveal."""


Evidence = CommittedSet | PrivateSets
Weighting = Literal["none", "past_scores"]


class _Method(Strict, frozen=True, tag_field="method", kw_only=True):
    @property
    def method(self) -> str:
        """Its name in the document."""
        return str(self.__struct_config__.tag)


class NoScoring(_Method, frozen=True, tag="none"):
    """No scores are made."""


class _Scored(_Method, frozen=True, kw_only=True):
    """`weighting`: whether past scores weigh the next round's updates. `copy_ppm`: how near to another update one is
    to count as its copy: the sine of the angle between them, in parts per million."""

    weighting: Weighting = "none"
    copy_ppm: int = 10_000


class Cosine(_Scored, frozen=True, tag="cosine"):
    """The cosine of an update to the weighted sum of the others: no data, no model is run (after Xu et al. 2021)."""


class _Measured(_Scored, frozen=True, kw_only=True):
    """`utility`: what a model is worth, measured on `evidence`."""

    utility: Literal["accuracy", "loss", "auc"]
    evidence: Evidence


class Shapley(_Measured, frozen=True, tag="shapley"):
    """The Shapley value, exact (Shapley 1953): 2^n models for n updates, so for at most 12."""


class LeaveOneOut(_Measured, frozen=True, tag="leave_one_out"):
    """What the aggregate loses without an update."""


class _Sampled(_Measured, frozen=True, kw_only=True):
    """`evaluations`: how many models may be measured."""

    evaluations: int


class TruncatedMonteCarlo(_Sampled, frozen=True, tag="truncated_monte_carlo", kw_only=True):
    """Random orders, each left once the rest matters less than `tolerance` ppm (Ghorbani and Zou 2019)."""

    tolerance: int


class GtgShapley(_Sampled, frozen=True, tag="gtg_shapley", kw_only=True):
    """The same, but every update comes first equally often, and idle rounds are left out (Liu et al. 2022)."""

    tolerance: int


class PairedRegression(_Sampled, frozen=True, tag="paired_regression"):
    """The Shapley value of an additive fit to sampled coalitions and their complements (Covert and Lee 2021)."""


class SurrogateShapley(_Sampled, frozen=True, tag="surrogate_shapley"):
    """The Shapley value of a smooth game fitted to sampled coalitions, for at most 12 updates."""


Measured = Shapley | LeaveOneOut | TruncatedMonteCarlo | GtgShapley | PairedRegression | SurrogateShapley
Scored = Cosine | Measured
Scoring = NoScoring | Scored
"""How contribution scores are made (docs/spec/scores.md)."""


class Job(Strict, frozen=True, dict=True, omit_defaults=True):
    """A job's document. `parse` and `check` raise Malformed, naming the field.

    `hold_out` is the share of its rows, in percent, that each party never trains on (docs/spec/rows.md). `dp` is absent
    where training is not differentially private (docs/spec/privacy.md).
    """

    fedledger: Literal["job/2"]
    name: str
    task: JobTask
    tensors: tuple[Tensor, ...]
    initial_model: InitialModel
    aggregation: Rule
    admission: Admission
    terms: Terms
    scoring: Scoring
    hold_out: int
    private: dict[str, Setting]
    privacy: Privacy
    schedule: dict[str, Setting]
    server: dict[str, Setting]
    dp: ExampleNoise | None = None

    @cached_property
    def layout(self) -> Layout:
        return Layout(self.tensors)

    @property
    def masked(self) -> Masked | None:
        """How updates are masked; None where they are open."""
        return self.privacy if isinstance(self.privacy, Masked) else None

    @property
    def sealed(self) -> SealedTo | None:
        """The readers of sealed updates; None where updates are not sealed."""
        return self.privacy if isinstance(self.privacy, SealedTo) else None

    @property
    def update_size(self) -> int:
        """Bytes of an update's file."""
        return sealed_size(self.layout.size) if self.sealed else self.update_layout.size

    @property
    def update_layout(self) -> Layout:
        """The layout of an update: that of models, but of words where updates are masked."""
        return self.layout.masked if self.masked else self.layout

    @property
    def update_kind(self) -> Kind:
        """The kind that an update's header says."""
        return "masked" if self.masked else "update"

    @cached_property
    def initial_cid(self) -> Cid:
        return Cid.parse(self.initial_model.cid)

    @cached_property
    def initial_root(self) -> bytes:
        return bytes.fromhex(self.initial_model.root)

    @property
    def model_terms(self) -> ModelTerms:
        """What the ledger is to say of the job's models: the same as the document."""
        limits, rule = self.admission, self.aggregation
        trim = rule.trim if isinstance(rule, TrimmedMean) else 0
        bounds = (limits.min_updates, limits.max_weight, limits.max_value, limits.max_norm)
        return ModelTerms(self.initial_root, self.layout.values, RULE_NUMBERS[type(rule)], trim, *bounds)

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
    refuse_other_versions(data, FORMAT)
    job = decode(data, Job, "the job's document")
    _check_fields(job)
    return job


def check(job: Job) -> None:
    """Refuse a job that could not be said, run or judged: the checks that its types do not make. Raises Malformed."""
    _check_fields(job)
    check_json(job.encode(), "the job's document")


def _check_fields(job: Job) -> None:
    _check_reserved(job)
    layout = job.layout
    _ = job.initial_cid
    for field, digits in (("initial_model.root", job.initial_model.root), ("task.code", job.task.code)):
        if not re.fullmatch("[0-9a-f]{64}", digits):
            raise Malformed(f"{field} is not 64 hexadecimal digits", actual=digits[:80])
    within("initial_model.seed", job.initial_model.seed, 0, MAX_SEED)
    limits = job.admission
    within("admission.min_updates", limits.min_updates, 1, 255)
    within("admission.max_weight", limits.max_weight, 1, MAX_WEIGHT)
    within("admission.max_value", limits.max_value, 1, (1 << 31) - 1)
    within("admission.max_norm", limits.max_norm, 1, (layout.values << 31) - 1)
    for member, weight in limits.max_weights.items():
        if not re.fullmatch("0|[1-9][0-9]{0,2}", member) or int(member) > LAST_MEMBER:
            raise Malformed("admission.max_weights names no member", maximum=LAST_MEMBER, actual=member[:80])
        within(f"admission.max_weights.{member}", weight, 1, limits.max_weight)
    within("terms.rounds", job.terms.rounds, 1, MAX_ROUNDS)
    within("terms.attempts", job.terms.attempts, 1, 255)
    for field in ("update_seconds", "open_seconds", "aggregate_seconds", "attest_seconds"):
        within(f"terms.{field}", getattr(job.terms, field), 1, MAX_SECONDS)
    within("hold_out", job.hold_out, 0, MAX_HOLD_OUT)
    _check_masks(job)
    _check_scoring(job)
    if job.dp is not None:
        check_noise(job.dp)
    if isinstance(job.aggregation, TrimmedMean):
        within("aggregation.trim", job.aggregation.trim, 1, (limits.min_updates - 1) // 2)
    check_text(job.name, "name")
    check_name(job.task.name, "task.name")
    check_name(job.task.version, "task.version")
    for setting in job.task.settings:
        check_name(setting, "the name of a setting")


def _check_reserved(job: Job) -> None:
    """Each of the reserved fields says what every job says now."""
    for field, allowed in RESERVED.items():
        said = getattr(job, field)
        refuse_unsupported(field, said)
        if said != allowed:
            raise Malformed(f"{field} is not whole", expected=allowed, actual=said)


def _check_masks(job: Job) -> None:
    if job.sealed is not None:
        check_sealed(job.sealed, job.scoring.method)
    if job.masked is not None:
        rule = str(job.aggregation.__struct_config__.tag)
        limits, seconds = job.admission, job.terms.aggregate_seconds
        asked = Demands(rule, job.scoring.method, limits.min_updates, limits.max_weight, seconds)
        check_masked(job.masked, asked)


def recomputable(scoring: Scoring) -> bool:
    """Whether anyone can make the job's scores again: from the updates alone, or on a committed set."""
    return isinstance(scoring, Cosine) or committed_set(scoring) is not None


def committed_set(scoring: Scoring) -> CommittedSet | None:
    """The evaluation set that the job commits to, where it does."""
    evidence = scoring.evidence if isinstance(scoring, Measured) else None
    return evidence if isinstance(evidence, CommittedSet) else None


def _check_scoring(job: Job) -> None:
    """Scores are made where the terms give them time and a quorum, and nowhere else."""
    scoring, terms = job.scoring, job.terms
    if isinstance(scoring, NoScoring) and not (terms.score_seconds or terms.reveal_seconds or terms.scorers):
        return
    for field in ("score_seconds", "reveal_seconds"):
        within(f"terms.{field}", getattr(terms, field), 1, MAX_SECONDS)
    within("terms.scorers", terms.scorers, 1, LARGEST_SCORERS)
    if isinstance(scoring, NoScoring):
        raise Malformed("the terms give scores time and a quorum, but scoring.method is none", actual=terms.scorers)
    within("scoring.copy_ppm", scoring.copy_ppm, 0, 1_000_000)
    if isinstance(scoring, _Sampled):
        within("scoring.evaluations", scoring.evaluations, 2, 1 << 20)
    if isinstance(scoring, TruncatedMonteCarlo | GtgShapley):
        within("scoring.tolerance", scoring.tolerance, 0, 1_000_000_000)
    if scoring.weighting == "past_scores":
        if not isinstance(job.aggregation, WeightedMean):
            raise Malformed("scoring.weighting needs a rule that uses weights", expected="weighted_mean")
        within("admission.max_weight", job.admission.max_weight, 1, MAX_WEIGHT // MAX_FACTOR)
    if isinstance(scoring, Measured) and isinstance(scoring.evidence, CommittedSet):
        _check_set(job, scoring.evidence, scoring.utility)


def _check_set(job: Job, evidence: CommittedSet, utility: str) -> None:
    """The network that the layers make fits the model's tensors and the set's classes."""
    Cid.parse(evidence.cid)
    if not re.fullmatch("[0-9a-f]{64}", evidence.root):
        raise Malformed("scoring.evidence.root is not 64 hexadecimal digits", actual=evidence.root[:80])
    within("scoring.evidence.samples", evidence.samples, 1, MAX_SAMPLES)
    within("scoring.evidence.classes", evidence.classes, 2, MAX_CLASSES)
    if not 0 < len(evidence.shape) <= 3 or not all(0 < n <= MAX_ACTIVATIONS for n in evidence.shape):
        raise Malformed("scoring.evidence.shape must have 1 to 3 dimensions", actual=evidence.shape)
    if prod(evidence.shape) * evidence.samples > MAX_INPUTS:
        raise Malformed("the evaluation set is too large", values=prod(evidence.shape) * evidence.samples)
    outputs = shapes(evidence.shape, evidence.layers, job.tensors)[-1]
    if outputs != (evidence.classes,):
        raise Malformed(
            "scoring.evidence.layers do not end in one output a class", expected=(evidence.classes,), actual=outputs
        )
    if utility == "auc" and evidence.classes != 2:
        raise Malformed("scoring.utility auc is for two classes", expected=2, actual=evidence.classes)
