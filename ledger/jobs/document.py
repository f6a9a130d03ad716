"""The job: one document that fixes all that a verdict on its rounds depends on (docs/spec/job.md).

Its SHA-256 is on chain, approved by the members, and is the digest of its CID: the document is its own address.
"""

import re
from functools import cached_property
from typing import Literal

import msgspec

from ledger.errors import Malformed
from ledger.events.records import ModelTerms, Terms
from ledger.formats.artifact import Layout, Tensor
from ledger.formats.cid import CHUNK, Cid, of_file
from ledger.formats.compressed.packing import Packing
from ledger.formats.digest import decode
from ledger.formats.grammar import check_json, check_name, check_text
from ledger.formats.header import Kind
from ledger.formats.sealed import sealed_size
from ledger.formats.strict import Addressed, Strict
from ledger.jobs.analysis import Analysis, Around, check_analysis, others_of
from ledger.jobs.bounds import MAX_SECONDS, within
from ledger.jobs.compression import Compression, check_compression, packing_of
from ledger.jobs.hierarchy import Beside, Hierarchy, check_hierarchy
from ledger.jobs.members import ClientNoise, NoiseDemands, check_members
from ledger.jobs.noise import ExampleNoise, check_counting, check_noise
from ledger.jobs.permitted_use import PermittedUse, check_permitted_use
from ledger.jobs.preparation import Preparation, check_preparation
from ledger.jobs.privacy import Demands, Masked, Privacy, SealedTo, check_masked, check_sealed, groups_needed
from ledger.jobs.private import Private, check_private
from ledger.jobs.rules import RULE_NUMBERS, ByShares, Rule, check_rule, left_out
from ledger.jobs.schedule import Buffered, Schedule, ScheduleDemands, check_schedule
from ledger.jobs.scores import MAX_WEIGHT, GroupShapley, Scoring, check_scoring, committed_set, weighting_of
from ledger.jobs.server import Server, check_server
from ledger.jobs.versions import refuse_other_versions

FORMAT: Literal["job/2"] = "job/2"
MAX_SIZE = CHUNK
MAX_SEED = (1 << 63) - 1
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

    `max_weights` caps the weights of single members below `max_weight`, by member index in decimal digits. `on_norm`
    says what becomes of an update beyond `max_norm`: it is refused, or made shorter.
    """

    min_updates: int
    max_weight: int
    max_value: int
    max_norm: int
    max_weights: dict[str, int] = msgspec.field(default_factory=dict)
    on_norm: Literal["refuse", "clip"] = "refuse"

    @property
    def clips(self) -> bool:
        """Whether an update beyond `max_norm` is made shorter, not refused."""
        return self.on_norm == "clip"

    def cap(self, index: int) -> int:
        """The largest weight that an update of a member may have."""
        return self.max_weights.get(str(index), self.max_weight)


class InitialModel(Strict, frozen=True):
    """The model that the first round builds on: the shared tensors, by CID and root. From `seed` the task built it, and
    every participant builds the other tensors again."""

    cid: str
    root: str
    seed: int


class Job(Addressed, frozen=True, omit_defaults=True):
    """A job's document. `parse` and `check` raise Malformed, naming the field.

    `hold_out` is the share of its rows, in percent, that each party never trains on (docs/spec/rows.md). `dp` is absent
    where no noise is added, in training or to updates (docs/spec/privacy.md), `compression` where updates have 32 bits
    for each value, `hierarchy` where every update is its member's own, `preparation` where the task reads columns as
    they are, `permitted_use` where the job says nothing of it, `analysis` where a model is trained.
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
    private: Private
    privacy: Privacy
    schedule: Schedule
    server: Server
    dp: ExampleNoise | ClientNoise | None = None
    compression: Compression | None = None
    hierarchy: Hierarchy | None = None
    preparation: Preparation | None = None
    permitted_use: PermittedUse | None = None
    analysis: Analysis | None = None

    @cached_property
    def layout(self) -> Layout:
        return Layout(self.tensors)

    @property
    def row_noise(self) -> ExampleNoise | None:
        """The noise in training that hides single rows, where there is any."""
        return self.dp if isinstance(self.dp, ExampleNoise) else None

    @property
    def member_noise(self) -> ClientNoise | None:
        """The noise under masks that hides whole members, where there is any."""
        return self.dp if isinstance(self.dp, ClientNoise) else None

    @property
    def masked(self) -> Masked | None:
        """How updates are masked; None where they are open."""
        return self.privacy if isinstance(self.privacy, Masked) else None

    @property
    def sealed(self) -> SealedTo | None:
        """The readers of sealed updates; None where updates are not sealed."""
        return self.privacy if isinstance(self.privacy, SealedTo) else None

    @property
    def buffered(self) -> Buffered | None:
        """The schedule of rounds that do not wait for everyone; None where they do."""
        return self.schedule if isinstance(self.schedule, Buffered) else None

    @property
    def groups_needed(self) -> int:
        """Of how many groups a masked job's model is made at least; 1 where it has no groups."""
        return groups_needed(str(self.aggregation.__struct_config__.tag), self.model_terms.trim)

    @cached_property
    def update_size(self) -> int:
        """Bytes of an update's file."""
        return sealed_size(self.update_layout.size) if self.sealed else self.update_layout.size

    @cached_property
    def packing(self) -> Packing | None:
        """The layout of an update that is compressed; None where updates are not."""
        return packing_of(self.compression, self.layout) if self.compression else None

    @cached_property
    def update_layout(self) -> Layout:
        """The layout of an update: that of models, but of words where updates are masked, of small integers where they
        are compressed.
        """
        return self.layout.masked if self.masked else self.packing or self.layout

    @property
    def update_kind(self) -> Kind:
        """The kind that an update's header says."""
        return "masked" if self.masked else "update"

    def is_edge(self, index: int) -> bool:
        """Whether a member's updates are sums of its children's."""
        return self.hierarchy is not None and self.hierarchy.is_edge(index)

    def layout_of(self, index: int) -> Layout:
        """The layout of a member's update."""
        return self.layout.wide if self.is_edge(index) else self.update_layout

    def kind_of(self, index: int) -> Kind:
        """The kind that the header of a member's update says."""
        return "sum" if self.is_edge(index) else self.update_kind

    def size_of(self, index: int) -> int:
        """Bytes of the file of a member's update."""
        return self.layout.wide.size if self.is_edge(index) else self.update_size

    def file_of(self, index: int, digest: bytes) -> Cid:
        """Where a member's update is, by the digest on the ledger."""
        return of_file(digest, self.size_of(index))

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
        bounds = (limits.min_updates, limits.max_weight, limits.max_value, limits.max_norm)
        named = (RULE_NUMBERS[type(rule)], left_out(rule))
        return ModelTerms(self.initial_root, self.layout.values, *named, *bounds, by_value=self.by_value)

    @property
    def by_value(self) -> bool:
        """Whether each value of a model follows from the same values of its base and of the admitted updates alone, all
        int32, and from their weights as they were opened: what the court can judge (docs/spec/job.md)."""
        beside = (
            self.server.name != "none",
            self.compression is not None,
            self.privacy.__struct_config__.tag != "none",
            self.hierarchy is not None,
            self.buffered is not None,
            weighting_of(self.scoring) != "none",
            self.admission.clips,
        )
        return not isinstance(self.aggregation, ByShares) and not any(beside)


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
    if job.compression is not None:
        check_compression(job.compression, layout, _name(job.privacy))
    check_scoring(job.scoring, job.terms, job.aggregation, limits.max_weight, job.tensors)
    names = [tensor.name for tensor in job.tensors]
    check_private(job.private, names, committed=committed_set(job.scoring) is not None)
    check_server(job.server, _name(job.aggregation), weighting_of(job.scoring), _name(job.privacy))
    _check_noise(job)
    _check_schedule(job)
    _check_edges(job)
    _check_analysis(job)
    check_rule(job.aggregation, limits.min_updates, layout.values, job.server.name)
    if job.preparation is not None:
        check_preparation(job.preparation)
    if job.permitted_use is not None:
        check_permitted_use(job.permitted_use)
    check_text(job.name, "name")
    check_name(job.task.name, "task.name")
    check_name(job.task.version, "task.version")
    for setting in job.task.settings:
        check_name(setting, "the name of a setting")


def _name(said: Rule | Privacy) -> str:
    """Its name in the document."""
    return str(said.__struct_config__.tag)


def _check_masks(job: Job) -> None:
    if job.sealed is not None:
        check_sealed(job.sealed, job.scoring.method)
    if job.masked is not None:
        limits, seconds = job.admission, job.terms.aggregate_seconds
        rule, trim = _name(job.aggregation), job.model_terms.trim
        asked = Demands(rule, trim, job.scoring.method, limits.min_updates, limits.max_weight, seconds)
        check_masked(job.masked, asked)
        if limits.clips:
            raise Malformed(
                "admission.on_norm = clip does not go with masks: nobody sees the norm of a single update",
                advice='leave on_norm out, or leave masks out: privacy.mode = "none"',
                expected="refuse",
                actual=limits.on_norm,
            )
    elif isinstance(job.scoring, GroupShapley):
        raise Malformed(
            "scoring.method = group_shapley scores the groups of a masked job, and updates are not masked",
            advice='give privacy.mode = "masked" with privacy.groups, or say scoring.method = "shapley"',
            expected="masked",
        )


def _check_schedule(job: Job) -> None:
    limits = job.admission
    asked = ScheduleDemands(
        buffer=job.terms.buffer,
        min_updates=limits.min_updates,
        max_weight=limits.max_weight,
        rule=_name(job.aggregation),
        scoring=job.scoring.method,
        optimiser=job.server.name,
        corrects=job.server.corrects,
        privacy=_name(job.privacy),
        noise=job.dp is not None,
        private=bool(job.private.tensors),
        feedback=job.compression is not None and job.compression.error_feedback,
        edges=job.hierarchy is not None,
    )
    check_schedule(job.schedule, asked)


def _check_noise(job: Job) -> None:
    if job.row_noise is not None:
        check_noise(job.row_noise)
    if job.member_noise is not None:
        limits = job.admission
        asked = NoiseDemands(job.layout.values, limits.max_weight, limits.max_value, limits.max_norm, job.privacy)
        check_members(job.member_noise, asked)


def _check_edges(job: Job) -> None:
    if job.hierarchy is not None:
        names, scoring = (_name(job.aggregation), _name(job.privacy)), str(job.scoring.__struct_config__.tag)
        clips, noise, compressed = job.admission.clips, job.dp is not None, job.compression is not None
        check_hierarchy(job.hierarchy, Beside(*names, noise, job.server.name, scoring, clips, compressed))


def _check_analysis(job: Job) -> None:
    if job.analysis is None:
        return
    limits = job.admission
    beside = (
        ("scores", job.scoring.method != "none"),
        ("a server optimiser", job.server.name != "none"),
        ("compression", job.compression is not None),
        ("edges", job.hierarchy is not None),
        ("noise that hides members (dp.level = client)", job.member_noise is not None),
        ("private tensors", bool(job.private.tensors)),
        ("a buffer", job.buffered is not None),
        ("seals", job.sealed is not None),
        ("on_norm = clip", limits.clips),
        ("max_weights", bool(limits.max_weights)),
        ("preparation", job.preparation is not None),
    )
    around = Around(
        task=job.task.name,
        tensors=job.tensors,
        root=job.initial_root,
        rule=_name(job.aggregation),
        limits=(limits.max_weight, limits.max_value, limits.max_norm),
        rounds=job.terms.rounds,
        hold_out=job.hold_out,
        others=others_of(beside),
    )
    check_analysis(job.analysis, around)
    if job.row_noise is not None:
        check_counting(job.row_noise, job.analysis.sums_of_a_row)
