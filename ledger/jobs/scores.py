"""How a job's contribution scores are made, and on what evidence (docs/spec/scores.md)."""

import re
from math import prod
from typing import Literal

from ledger.errors import Malformed
from ledger.events.records import Terms
from ledger.formats.artifact import Tensor
from ledger.formats.cid import Cid
from ledger.formats.claims import LARGEST_SCORERS
from ledger.formats.strict import Strict
from ledger.jobs.bounds import MAX_SECONDS, within
from ledger.jobs.layers import MAX_ACTIVATIONS, Layer, shapes
from ledger.jobs.rules import Rule, WeightedMean

MAX_WEIGHT = (1 << 24) - 1
MAX_FACTOR = 1 << 10
"""Largest factor of a weight by past scores: weight times factor stays within MAX_WEIGHT, and sums exact."""
MAX_SAMPLES = 1 << 24
MAX_CLASSES = 1 << 12
MAX_INPUTS = 1 << 28


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


class GroupShapley(_Method, frozen=True, tag="group_shapley", kw_only=True):
    """The Shapley value of the groups of a masked job, exact; each update has its group's (after S. Ma et al. 2021).

    No update is seen, so none is found to be a copy, and past scores weigh none: a group would answer for its worst.
    """

    utility: Literal["accuracy", "loss", "auc"]
    evidence: Evidence

    @property
    def weighting(self) -> Weighting:
        """Past scores weigh nothing."""
        return "none"


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


Measured = Shapley | LeaveOneOut | TruncatedMonteCarlo | GtgShapley | PairedRegression | SurrogateShapley | GroupShapley
Scored = Cosine | Measured
Scoring = NoScoring | Scored
"""How contribution scores are made (docs/spec/scores.md)."""


def weighting_of(scoring: Scoring) -> Weighting:
    """Whether past scores weigh updates."""
    return "none" if isinstance(scoring, NoScoring) else scoring.weighting


def recomputable(scoring: Scoring) -> bool:
    """Whether anyone can make the job's scores again: from the updates alone, or on a committed set."""
    return isinstance(scoring, Cosine) or committed_set(scoring) is not None


def committed_set(scoring: Scoring) -> CommittedSet | None:
    """The evaluation set that the job commits to, where it does."""
    evidence = scoring.evidence if isinstance(scoring, Measured) else None
    return evidence if isinstance(evidence, CommittedSet) else None


def check_scoring(scoring: Scoring, terms: Terms, rule: Rule, max_weight: int, tensors: tuple[Tensor, ...]) -> None:
    """Scores are made where the terms give them time and a quorum, and nowhere else. Raises Malformed."""
    if isinstance(scoring, NoScoring) and not (terms.score_seconds or terms.reveal_seconds or terms.scorers):
        return
    for field in ("score_seconds", "reveal_seconds"):
        within(f"terms.{field}", getattr(terms, field), 1, MAX_SECONDS)
    within("terms.scorers", terms.scorers, 1, LARGEST_SCORERS)
    if isinstance(scoring, NoScoring):
        raise Malformed("the terms give scores time and a quorum, but scoring.method is none", actual=terms.scorers)
    if not isinstance(scoring, GroupShapley):
        within("scoring.copy_ppm", scoring.copy_ppm, 0, 1_000_000)
    if isinstance(scoring, _Sampled):
        within("scoring.evaluations", scoring.evaluations, 2, 1 << 20)
    if isinstance(scoring, TruncatedMonteCarlo | GtgShapley):
        within("scoring.tolerance", scoring.tolerance, 0, 1_000_000_000)
    if scoring.weighting == "past_scores":
        if not isinstance(rule, WeightedMean):
            raise Malformed("scoring.weighting needs a rule that uses weights", expected="weighted_mean")
        within("admission.max_weight", max_weight, 1, MAX_WEIGHT // MAX_FACTOR)
    if isinstance(scoring, Measured) and isinstance(scoring.evidence, CommittedSet):
        _check_set(tensors, scoring.evidence, scoring.utility)


def _check_set(tensors: tuple[Tensor, ...], evidence: CommittedSet, utility: str) -> None:
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
    outputs = shapes(evidence.shape, evidence.layers, tensors)[-1]
    if outputs != (evidence.classes,):
        raise Malformed(
            "scoring.evidence.layers do not end in one output a class", expected=(evidence.classes,), actual=outputs
        )
    if utility == "auc" and evidence.classes != 2:
        raise Malformed("scoring.utility auc is for two classes", expected=2, actual=evidence.classes)
