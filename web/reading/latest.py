"""What the background threads found last: the one state that all responses are made from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import Condition
from types import MappingProxyType
from typing import Any

from ledger.audit.report import Report
from ledger.jobs.document import Job
from ledger.masks.groups import Groups
from ledger.releases.report import Evaluation
from ledger.rounds.carried import Carried
from ledger.statistics.findings import JobStatistics
from web.documents.about import About
from web.documents.answers import AuditLine, AuditorLine
from web.documents.desk import GatewayCheck
from web.documents.rounds import ChildrenDocument
from web.reading.events.feed import Feed
from web.reading.judged import judged
from web.reading.report_index import ReportIndex
from web.reading.snapshot import Snapshot

ModelKey = tuple[int, int, bytes]
"""A model that something is decided on: job, round, root."""


REPLACED = "the chain was reorganised: what the last audit judged is not on it any more"


@dataclass(frozen=True)
class Audited:
    """The last audit that was made, `at` in seconds since 1970; `trouble` says why there is none, or why a later one
    could not be made. `ended` says how many rounds of each job had ended in the history that it judged, `judged` what
    its claims were about there, by digest.
    """

    at: int
    seconds: float
    ended: Mapping[int, int]
    report: Report | None
    trouble: str = ""
    judged: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def rounds(self) -> int:
        """How many rounds had ended."""
        return sum(self.ended.values())

    def replaced_in(self, snapshot: Snapshot) -> bool:
        """Whether a claim of the report is about something that this later state of the ledger does not have."""
        return judged(self.judged, snapshot.jobs, snapshot.decisions) != self.judged

    @cached_property
    def index(self) -> ReportIndex | None:
        """What the report says, to be looked up."""
        return ReportIndex(self.report) if self.report else None


@dataclass(frozen=True, slots=True)
class FetchedReport:
    """An evaluation report, and the mean over its parties, which takes a while to compute."""

    report: Evaluation
    mean: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Lineage:
    """What a model was made of: how many models, itself included, and how many updates of each member, by index."""

    models: int
    updates: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class FetchedReceipts:
    """A receipts file of so many `entries`: the updates that each member signed for, as bitmaps, and those certified.

    Updates are by their member's index, as members are.
    """

    entries: int
    held: Mapping[int, int]
    certified: frozenset[int]

    def signers(self, index: int) -> list[int]:
        """The members that signed to hold an update, ascending."""
        return [member for member, updates in sorted(self.held.items()) if updates >> index & 1]


@dataclass(frozen=True, slots=True)
class SignedNorms:
    """What an auditor measured of a round's updates: their sums of squares by member index, under its key.

    It read the ledger up to the block of this number and hash.
    """

    auditor: str
    squares: Mapping[int, str]
    block: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class MissingFile:
    """Why a file could not be read; `final` if no other copy can be better."""

    trouble: str
    final: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """All that responses are made from. `serial` grows with every change that a reader of a page would see.

    `snapshot` is None before the first reading; `trouble` says why the chain cannot be read now, `read_at` when it last
    was read, `time` what the chain's clock said then. By digest, `documents` holds the jobs' documents as far as they
    could be read, `evaluations` the evaluation reports, or why not; `receipts` has the receipts files of the newest
    aggregates, by claim, or why not, `carried` their carried files, by digest; `lineages` has what went into the models
    that were decided on, `cards` what pages say of the newest releases, `reasons` the texts of revocations that are too
    long for a word; `auditing` says whether an audit runs, `audits` which were made here, newest first; `reports` are
    other auditors', signed, `norms` what they measured, by job and round, and `headers` the hashes of this chain's
    blocks that they name, by number; `groups` has who is in which group of the newest segments, by the transaction that
    opened each, `children` whose updates the newest sums are made of, by the transaction that committed to each;
    `statistics` are what analyses came to, by the digest of their job, or why that is not known.
    `gateways` says, of members by index that looked at their desk, whether theirs answered.
    """

    serial: int = 0
    snapshot: Snapshot | None = None
    trouble: str = ""
    read_at: int = 0
    time: int = 0
    documents: Mapping[bytes, Job] = field(default_factory=lambda: MappingProxyType({}))
    evaluations: Mapping[bytes, FetchedReport | MissingFile] = field(default_factory=lambda: MappingProxyType({}))
    receipts: Mapping[bytes, FetchedReceipts | MissingFile] = field(default_factory=lambda: MappingProxyType({}))
    carried: Mapping[bytes, Carried | MissingFile] = field(default_factory=lambda: MappingProxyType({}))
    lineages: Mapping[ModelKey, Lineage] = field(default_factory=lambda: MappingProxyType({}))
    cards: Mapping[bytes, About] = field(default_factory=lambda: MappingProxyType({}))
    reasons: Mapping[bytes, str] = field(default_factory=lambda: MappingProxyType({}))
    audited: Audited | None = None
    audits: tuple[AuditLine, ...] = ()
    reports: tuple[AuditorLine, ...] = ()
    norms: Mapping[tuple[int, int], tuple[SignedNorms, ...]] = field(default_factory=lambda: MappingProxyType({}))
    headers: Mapping[int, bytes] = field(default_factory=lambda: MappingProxyType({}))
    auditing: bool = False
    groups: Mapping[bytes, Groups] = field(default_factory=lambda: MappingProxyType({}))
    children: Mapping[bytes, ChildrenDocument] = field(default_factory=lambda: MappingProxyType({}))
    statistics: Mapping[bytes, JobStatistics | MissingFile] = field(default_factory=lambda: MappingProxyType({}))
    gateways: Mapping[int, GatewayCheck] = field(default_factory=lambda: MappingProxyType({}))


class Latest:
    """Holds the latest State; every post replaces it as a whole, so that a reader never sees half a change.

    An audit of what a reorganisation has replaced since is dropped with the post that brings the other history.
    """

    def __init__(self, state: State | None = None) -> None:
        self._state = state or State()
        self._held: tuple[Audited | None, Feed | None] = (None, None)
        self._changed = Condition()

    @property
    def state(self) -> State:
        return self._state

    def post(self, **changes: Any) -> None:
        """Replace parts of the state, for readers to notice."""
        with self._changed:
            self._state = self._without_replaced(replace(self._state, serial=self._state.serial + 1, **changes))
            self._changed.notify_all()

    def keep(self, **changes: Any) -> None:
        """Replace parts of the state with what says the same, at a later time: no reader looks again for that."""
        with self._changed:
            self._state = replace(self._state, **changes)

    def _without_replaced(self, state: State) -> State:
        """The state, without an audit of other things than it has. One look at each audit in each history: a history
        only grows. An audit that is ahead of the state is looked at when that has come as far.
        """
        audited, snapshot = state.audited, state.snapshot
        if audited is None or audited.report is None or snapshot is None:
            return state
        seen = self._held[0] is audited and self._held[1] is snapshot.feed
        if seen or snapshot.block < audited.report.history.block:
            return state
        self._held = (audited, snapshot.feed)
        if not audited.replaced_in(snapshot):
            return state
        return replace(state, audited=replace(audited, report=None, ended={}, judged={}, trouble=REPLACED))

    def tick(self, block: int, now: int, read_at: int) -> None:
        """The chain was read up to `block`, at `now` by its clock and `read_at` by the own one, and had nothing new:
        readers need not look again.

        What time or the block alone changes that a page says is a change like any other: the state of a proposal or a
        scoring, which block times are ahead of the clock, which reports of blocks that are still to come.
        """
        with self._changed:
            state, snapshot, serial = self._state, self._state.snapshot, self._state.serial
            if snapshot is not None:
                turned = snapshot.turned(state.time, now) or snapshot.caught_up(state.read_at, read_at)
                serial += turned or _reached(state.reports, snapshot.block, block)
                snapshot = replace(snapshot, block=block)
            self._state = replace(state, serial=serial, snapshot=snapshot, read_at=read_at, time=now)
            self._changed.notify_all()

    def wait(self, serial: int, timeout: float) -> State:
        """The state once its serial differs from `serial`, or as it is after `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._state.serial != serial, timeout)
            return self._state


def _reached(reports: Iterable[AuditorLine], before: int, block: int) -> bool:
    """Whether the block of a report lies between two blocks of the chain."""
    named = (one.answers.block for one in reports if one.answers)
    return any((one > before) != (one > block) for one in named)
