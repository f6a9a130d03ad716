"""How the updates of a job are protected beyond staying inside the consortium (docs/spec/job.md, "Masked jobs", "Sealed
jobs").

Masks hide single updates and show their sum (docs/spec/masks.md): what has to look at single updates does not go with
them, and `check_masked` refuses it.
"""

from typing import Literal, NamedTuple

from ledger.errors import Malformed
from ledger.events.masks import Masking
from ledger.formats.strict import Strict
from ledger.formats.text import plural
from ledger.jobs.bounds import MAX_SECONDS, within

MAX_SEGMENT = 256
LEAST_SET = 3
"""Members of the least set: of two, each would know the other's update."""
MOST = 255
"""Members of a consortium, at most."""
WORK_SECONDS = 8
"""The least that an aggregator has to make a model, beside the times of its members."""
SUMMED = "weighted_mean"
"""The rule that needs no more than a sum."""
GROUPED = {SUMMED: 1, "median": 3, "trimmed_mean": 3}
"""Rules that need no more than sums of groups, and of how many at least; a trimmed mean needs more where it trims more.
"""
GROUP_SCORING = "group_shapley"
"""The scores that need no more than that."""
LEAST_GROUPS, MOST_SCORED = 2, 12
"""Groups of a job that has any, at least; and at most where all coalitions of them are measured."""


class Unprotected(Strict, frozen=True, tag="none", tag_field="mode"):
    """Every member reads every update."""


OPEN = Unprotected()


class Masked(Strict, frozen=True, tag="masked", tag_field="mode", omit_defaults=True):
    """Nobody reads a single update: they are summed under masks. `interfaces/IMaskBoard.sol` says what numbers mean.

    `weights` are public, or equal: 1 for every update, since `admission.max_weight` is. `on_bad_sum`: what follows
    where the sum is one that no admissible updates have; members open theirs, so that who lied is known. `groups`: into
    how many the members of a segment are divided at most, each of `smallest` or more and with a sum of its own; 0 where
    all updates make one sum.
    """

    segment: int
    smallest: int
    threshold: int
    set_up_seconds: int
    set_seconds: int
    unmask_seconds: int
    share_seconds: int
    weights: Literal["public", "equal"]
    on_bad_sum: Literal["open"]
    groups: int = 0

    @property
    def masking(self) -> Masking:
        """What the contract MaskBoard is to say of the job: the same as the document."""
        return Masking(**{name: getattr(self, name) for name in Masking.__struct_fields__})

    @property
    def least_aggregate_seconds(self) -> int:
        """How long the aggregator's time must be at least: set, answers and shares lie in it."""
        return self.set_seconds + self.unmask_seconds + self.share_seconds + WORK_SECONDS


Reader = Literal["members", "auditors"]


class SealedTo(Strict, frozen=True, tag="sealed", tag_field="mode"):
    """Every reader reads every update, and nobody who only keeps or carries its bytes (docs/spec/seals.md).

    `readers` are the members, or the members and auditors that members let in.
    """

    readers: tuple[Reader, ...]


READERS: tuple[tuple[Reader, ...], ...] = (("members",), ("members", "auditors"))
"""What `readers` may be, in their one order."""
Privacy = Unprotected | Masked | SealedTo


def check_sealed(sealed: SealedTo, scoring: str) -> None:
    """Refuse readers that are not of the two forms, and scores. Raises Malformed."""
    if scoring != "none":
        raise Malformed(
            f"scoring.method = {scoring} does not go with seals yet",
            advice='say scoring.method = "none", or privacy.mode = "none"',
            expected="none",
            actual=scoring,
        )
    if sealed.readers not in READERS:
        raise Malformed(
            "privacy.readers is not in its form",
            advice='give ["members"], or ["members", "auditors"]',
            actual=", ".join(sealed.readers)[:80],
        )


class Demands(NamedTuple):
    """What else the job asks for that masks depend on: the names of its rule, with what it trims, and of its method of
    scoring, and limits of admission and terms.
    """

    rule: str
    trim: int
    scoring: str
    min_updates: int
    max_weight: int
    aggregate_seconds: int


def check_masked(masked: Masked, asked: Demands) -> None:
    """Refuse a job whose masks cannot be, or that needs what they hide. Raises Malformed, naming the field.

    1. The rule is the weighted mean: median and trimmed mean compare single updates, or means of groups where there are
       as many as they need.
    2. There are no scores, or those of groups: others measure single updates, and so does the search for copies.
    3. Numbers are within what the contract takes.
    4. A set has as many members as a model has updates: a smaller one would show its sum, and make no model.
    5. Equal weights are 1.
    6. The aggregator's time holds the times of set, answers and shares, and some for its own work.
    """
    _check_sums(masked, asked)
    within("privacy.segment", masked.segment, 1, MAX_SEGMENT)
    within("privacy.smallest", masked.smallest, LEAST_SET, MOST)
    within("privacy.threshold", masked.threshold, 0, MOST)
    for field in ("set_up_seconds", "set_seconds", "unmask_seconds", "share_seconds"):
        within(f"privacy.{field}", getattr(masked, field), 1, MAX_SECONDS)
    _check_updates(masked, asked)
    if masked.weights == "equal" and asked.max_weight != 1:
        raise Malformed(
            "admission.max_weight is not 1, and privacy.weights is equal",
            advice='give max_weight = 1, or privacy.weights = "public"',
            expected=1,
            actual=asked.max_weight,
        )
    if asked.aggregate_seconds < masked.least_aggregate_seconds:
        raise Malformed(
            "terms.aggregate_seconds is too short for masks: set_seconds, unmask_seconds and share_seconds lie in it",
            advice=f"give aggregate_seconds = {masked.least_aggregate_seconds} or more, or shorten these",
            minimum=masked.least_aggregate_seconds,
            actual=asked.aggregate_seconds,
        )


def groups_needed(rule: str, trim: int) -> int:
    """Of how many groups of a masked job a rule makes a model, at least; `trim` is 0 where the rule trims nothing."""
    return max(GROUPED.get(rule, 1), 2 * trim + 1)


def _check_sums(masked: Masked, asked: Demands) -> None:
    """What is made of sums needs no more than there are: one, or those of groups."""
    if not masked.groups:
        if asked.rule != SUMMED:
            why = "it compares single updates" + (", or means of privacy.groups" if asked.rule in GROUPED else "")
            raise _hidden("aggregation.rule", asked.rule, why, SUMMED)
        if asked.scoring == GROUP_SCORING:
            raise Malformed(
                f"scoring.method = {GROUP_SCORING} scores groups, and there are none",
                advice='say privacy.groups = 2 or more, or scoring.method = "none"',
            )
        if asked.scoring != "none":
            raise _hidden("scoring.method", asked.scoring, _SINGLE, "none")
        return
    most = MOST_SCORED if asked.scoring == GROUP_SCORING else MOST // LEAST_SET
    within("privacy.groups", masked.groups, LEAST_GROUPS, most)
    if asked.rule not in GROUPED:
        raise _hidden("aggregation.rule", asked.rule, "it compares single updates", SUMMED)
    needed = groups_needed(asked.rule, asked.trim)
    if masked.groups < needed:
        raise Malformed(
            f"privacy.groups is too few for aggregation.rule = {asked.rule}, which compares means of groups",
            advice=f"give groups = {needed} or more, or trim less",
            minimum=needed,
            actual=masked.groups,
        )
    if asked.scoring not in ("none", GROUP_SCORING):
        raise _hidden("scoring.method", asked.scoring, "scores measure single updates", GROUP_SCORING)


def _check_updates(masked: Masked, asked: Demands) -> None:
    """A set is as large as a model needs: of one sum just so, of groups as large as so many least ones together."""
    least = masked.smallest * groups_needed(asked.rule, asked.trim)
    if not masked.groups and asked.min_updates != masked.smallest:
        raise Malformed(
            "admission.min_updates is not privacy.smallest, and a set makes a model",
            advice=f"give both {max(asked.min_updates, masked.smallest)}",
            expected=masked.smallest,
            actual=asked.min_updates,
        )
    if masked.groups and asked.min_updates < least:
        raise Malformed(
            "admission.min_updates is less than its groups have together: a smaller set makes no model",
            advice=f"give min_updates = {least} or more, or a smaller privacy.smallest",
            minimum=least,
            actual=asked.min_updates,
        )


_SINGLE = f"scores measure single updates; with privacy.groups there is {GROUP_SCORING}, which scores groups"


def _hidden(field: str, value: str, why: str, way_out: str) -> Malformed:
    return Malformed(
        f"{field} = {value} does not go with masks: {why}",
        advice=f'say {field} = "{way_out}", or leave masks out: privacy.mode = "none", and no --masked',
        expected=way_out,
        actual=value,
    )


def describe(privacy: Privacy) -> str:
    """How updates are protected, in a sentence for people."""
    if isinstance(privacy, Unprotected):
        return "none: every member reads every update"
    if isinstance(privacy, SealedTo):
        others = ", and auditors that they let in" if "auditors" in privacy.readers else ""
        return f"sealed: members{others} read every update; who keeps or carries its bytes does not"
    weights = "weights are public" if privacy.weights == "public" else "all weights are equal"
    sums = f"sums of groups of {privacy.smallest} or more" if privacy.groups else f"a sum of {privacy.smallest} or more"
    return f"masked: updates are read as {sums}, not one by one; {weights}"


def describe_masks(masked: Masked) -> str:
    """When masks are made and taken off, and by whom, for people."""
    rebuild = f"{masked.threshold} members" if masked.threshold else "more than two thirds of the members"
    return (
        f"keys are dealt for {plural(masked.segment, 'round')}, which always takes {masked.set_up_seconds} s; in a "
        f"round, {masked.set_seconds} s to agree on whose updates count, {masked.unmask_seconds} s to take masks off, "
        f"{masked.share_seconds} s for shares of what silent members owe, which {rebuild} rebuild; after a sum out of "
        f"bounds, its members open their updates of that round{_describe_groups(masked)}"
    )


def _describe_groups(masked: Masked) -> str:
    if not masked.groups:
        return ""
    return f"; at most {masked.groups} groups have a sum each, drawn for each segment, and only that of a bad sum opens"


def describe_hidden(masked: Masked) -> str:
    """What masks hide from whom, and who reads updates all the same, for people."""
    many = f"{masked.threshold} (or a majority, if that is more)" if masked.threshold else "more than two thirds"
    what = "The sum of each group" if masked.groups else "The sum"
    others = "the others in their group" if masked.groups else "the others"
    return (
        f"from everyone, whose part in a sum is which. {what}, who is in it, weights, sample counts and models are "
        f"open. Members who work together see the sum of {others}; {many} of the members together can read every "
        "update"
    )
