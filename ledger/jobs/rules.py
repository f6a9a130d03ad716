"""The rules of aggregation: how a job makes one model of many updates (docs/spec/round.md)."""

import msgspec

from ledger.errors import Malformed
from ledger.formats.strict import Strict
from ledger.jobs.bounds import within


class WeightedMean(Strict, frozen=True, tag="weighted_mean", tag_field="rule"):
    """The mean of the admitted updates, weighted by their samples."""


class Median(Strict, frozen=True, tag="median", tag_field="rule"):
    """The median of each coordinate, weights not used (Yin et al. 2018)."""


class TrimmedMean(Strict, frozen=True, tag="trimmed_mean", tag_field="rule"):
    """The mean of each coordinate without its `trim` lowest and highest values (Yin et al. 2018)."""

    trim: int


class MultiKrum(Strict, frozen=True, tag="multi_krum", tag_field="rule"):
    """The mean of the updates whose neighbours are nearest, without the `f` others (Blanchard et al. 2017)."""

    f: int


class GeometricMedian(Strict, frozen=True, tag="geometric_median", tag_field="rule"):
    """Five steps towards the point whose distances to all updates add up to least (Pillutla et al. 2022)."""


class CentredClipping(Strict, frozen=True, tag="centred_clipping", tag_field="rule"):
    """Three steps from the last mean update, by the mean of ways to the updates that are cut to `radius` (Karimireddy
    et al. 2021). The radius counts the ledger's integers, as a norm does."""

    radius: int


ByShares = MultiKrum | GeometricMedian | CentredClipping
"""Rules whose mean is one of whole updates, each by a share that follows from all of them: it stands in the claim."""
Rule = WeightedMean | Median | TrimmedMean | ByShares
RULE_NUMBERS: dict[type[Rule], int] = {
    WeightedMean: 0,
    Median: 1,
    TrimmedMean: 2,
    MultiKrum: 3,
    GeometricMedian: 4,
    CentredClipping: 5,
}
"""How the ledger names the rules."""


def left_out(rule: Rule) -> int:
    """How many values at each end, or how many updates, a rule leaves out: what the ledger calls `trim`."""
    match rule:
        case TrimmedMean(trim=trim):
            return trim
        case MultiKrum(f=f):
            return f
        case _:
            return 0


_USES = {
    WeightedMean: "every update counts by its samples: for members who trust each other's updates",
    Median: "value by value; the dearest of all where members' data are unlike",
    TrimmedMean: "value by value, against a few updates that lie",
    MultiKrum: "whole updates, against up to f that lie far from the others",
    GeometricMedian: "whole updates, each by its distance; costs next to nothing where nobody lies",
    CentredClipping: "whole updates from the last step on, none further than the radius",
}


def describe_rule(rule: Rule) -> str:
    """A rule with its numbers, and when to choose it, for people (docs/tasks.md, "Which rule")."""
    said = [f"{name} = {value}" for name, value in msgspec.structs.asdict(rule).items()]
    name = str(rule.__struct_config__.tag).replace("_", " ")
    return f"{', '.join([name, *said])}: {_USES[type(rule)]}"


def check_rule(rule: Rule, min_updates: int, values: int, optimiser: str) -> None:
    """Refuse a rule that so few updates, a model of so many values, or a server's optimiser cannot have. Raises
    Malformed.
    """
    match rule:
        case TrimmedMean(trim=trim):
            _check_trim(trim, min_updates)
        case MultiKrum(f=f):
            _check_outnumbered(f, min_updates)
        case CentredClipping(radius=radius):
            within("aggregation.radius", radius, 1, (values << 31) - 1)
            _check_centre(optimiser)


def _check_trim(trim: int, min_updates: int) -> None:
    """A trimmed mean has a value left where n >= 2 * trim + 1."""
    if trim < 1:
        within("aggregation.trim", trim, 1, 127)
    if min_updates < 2 * trim + 1:
        most = (min_updates - 1) // 2
        lower = f"or aggregation.trim = {most}" if most > 0 else 'or another rule, such as "geometric_median"'
        raise Malformed(
            f"aggregation.trim = {trim} is too large: trimmed_mean needs more than 2 * trim updates",
            advice=f"say admission.min_updates = {2 * trim + 1}, {lower}",
            updates=min_updates,
            needed=2 * trim + 1,
        )


def _check_outnumbered(f: int, min_updates: int) -> None:
    """Multi-Krum holds against f of n updates where n >= 2f + 3."""
    if f < 1:
        within("aggregation.f", f, 1, 126)
    if min_updates < 2 * f + 3:
        most = (min_updates - 3) // 2
        lower = f"or aggregation.f = {most}" if most > 0 else 'or another rule, such as "geometric_median"'
        raise Malformed(
            f"aggregation.f = {f} is too large: multi_krum needs 2f + 3 updates",
            advice=f"say admission.min_updates = {2 * f + 3}, {lower}",
            updates=min_updates,
            needed=2 * f + 3,
        )


def _check_centre(optimiser: str) -> None:
    """The last step of the model is the last mean update only where that is added as it is."""
    if optimiser != "none":
        raise Malformed(
            f"aggregation.rule = centred_clipping does not go with server.optimiser = {optimiser}: its centre is the "
            "last mean update, which an optimiser does not add as it is",
            advice='say aggregation.rule = "geometric_median", or leave the optimiser out',
            expected="none",
            actual=optimiser,
        )
