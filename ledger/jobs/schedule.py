"""When models are made: the job's section `schedule` (docs/spec/job.md, "Buffered jobs"; ADR 87).

In a job of mode `rounds` a round waits for every participant. In one of mode `buffered` it collects no more once it has
`terms.buffer` commitments, and an update may build on an earlier model than the last one (J. Nguyen et al., Federated
Learning with Buffered Asynchronous Aggregation, AISTATS 2022).
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

from ledger.errors import Malformed
from ledger.formats.strict import Strict
from ledger.jobs.bounds import within
from ledger.jobs.scores import MAX_FACTOR, MAX_WEIGHT

MAX_STALENESS = (1 << 16) - 1


class Lockstep(Strict, frozen=True, tag="rounds", tag_field="mode"):
    """One round after another, each of every participant."""


class Buffered(Strict, frozen=True, tag="buffered", tag_field="mode"):
    """Rounds of the updates that come first. `max_staleness`: how many models may have been finalised after the one
    that an update builds on; `staleness`: whether it then weighs less."""

    max_staleness: int
    staleness: Literal["sqrt", "none"]

    @property
    def fades(self) -> bool:
        """Whether an update weighs less by its staleness."""
        return self.staleness == "sqrt"


Schedule = Lockstep | Buffered
ROUNDS = Lockstep()


class ScheduleDemands(NamedTuple):
    """What a job says elsewhere that its schedule must go with; the texts are the names in the document."""

    buffer: int
    min_updates: int
    max_weight: int
    rule: str
    scoring: str
    optimiser: str
    corrects: bool
    privacy: str
    noise: bool
    private: bool
    feedback: bool
    edges: bool


def check_schedule(schedule: Schedule, asked: ScheduleDemands) -> None:
    """Refuse a schedule whose numbers are out of their bounds, or that the job's other sections make senseless. Raises
    Malformed.
    """
    if not isinstance(schedule, Buffered):
        if asked.buffer:
            raise Malformed(
                "terms.buffer is of buffered jobs alone",
                advice='leave it out, or say schedule.mode = "buffered"',
                expected=0,
                actual=asked.buffer,
            )
        return
    within("terms.buffer", asked.buffer, 1, 255)
    within("schedule.max_staleness", schedule.max_staleness, 0, MAX_STALENESS)
    if asked.min_updates > asked.buffer:
        raise Malformed(
            "admission.min_updates is above terms.buffer: no round would ever have a model",
            advice=f"say admission.min_updates = {asked.buffer}, or a larger buffer",
            expected=asked.buffer,
            actual=asked.min_updates,
        )
    if schedule.fades:
        within("admission.max_weight", asked.max_weight, 1, MAX_WEIGHT // MAX_FACTOR)
    for one in _CLASHES:
        if not one.fits(asked):
            raise Malformed(
                f"a buffer does not go with {one.named.format(**asked._asdict())}: {one.why}",
                advice=f'say {one.way_out}, or let rounds wait for everyone: schedule.mode = "rounds"',
                actual=one.named.format(**asked._asdict()),
            )


class _Clash(NamedTuple):
    """What does not go with a buffer: whether a document is free of it, what it says, why not, and what to say."""

    fits: Callable[[ScheduleDemands], bool]
    named: str
    why: str
    way_out: str


_CLASHES = (
    _Clash(
        lambda asked: asked.rule == "weighted_mean",
        "aggregation.rule = {rule}",
        "a stale update weighs less, and this rule uses no weights",
        'aggregation.rule = "weighted_mean"',
    ),
    _Clash(
        lambda asked: asked.scoring == "none",
        "scoring.method = {scoring}",
        "scores compare updates that build on one model, and a buffer's build on several",
        'scoring.method = "none"',
    ),
    _Clash(
        lambda asked: not asked.corrects,
        "server.optimiser = {optimiser}",
        "its half in training adds up a party's updates round by round, and a buffered job's parties miss rounds",
        'server.optimiser = "adam"',
    ),
    _Clash(
        lambda asked: asked.privacy == "none",
        "privacy.mode = {privacy}",
        "masks and slips are made for a round's members, and who fills a buffer is not known before",
        'privacy.mode = "none"',
    ),
    _Clash(
        lambda asked: not asked.noise,
        "dp",
        "noise is drawn and paid for by round, and training for a buffer begins before it is known which",
        "no dp",
    ),
    _Clash(
        lambda asked: not asked.private,
        "private.tensors",
        "private tensors follow a party's rounds, and training for a buffer begins before it is known which",
        "private.tensors = []",
    ),
    _Clash(
        lambda asked: not asked.feedback,
        "compression.error_feedback",
        "what rounding took follows a party's rounds, as private tensors do",
        "compression.error_feedback = false",
    ),
    _Clash(
        lambda asked: not asked.edges,
        "hierarchy",
        "an edge's clients train for one round and on one model",
        "no hierarchy",
    ),
)


def describe_schedule(schedule: Schedule, buffer: int) -> str:
    """When models are made, in a sentence for people."""
    if not isinstance(schedule, Buffered):
        return "rounds: each waits for every participant, until its deadline"
    weighs = "an older one weighs less" if schedule.fades else "each weighs as its samples do"
    most = f"{schedule.max_staleness} models old at most"
    return f"buffered: a model of the {buffer} updates that come first, each on a base {most}; {weighs}"
