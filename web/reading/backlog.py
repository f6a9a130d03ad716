"""What pages need besides the ledger, read in the background: documents, reports, receipts, lineages, model cards."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import attrgetter
from types import MappingProxyType
from typing import TypeVar

from ledger.config import Network
from ledger.errors import FedledgerError, Malformed, plain
from ledger.events.actions import ReleaseModel, RevokeRelease
from ledger.events.encoding import reason_text
from ledger.events.proposals import Release
from ledger.formats.cid import RAW, Cid
from ledger.formats.digest import NOTHING
from ledger.history.names import LONGEST_REASON
from ledger.jobs import document as job
from ledger.releases import report as evaluation
from ledger.releases.file import ModelFile
from ledger.rounds.carried import Carried
from ledger.rounds.inputs import Fetch
from ledger.statistics.findings import JobStatistics
from web.reading import receipts, statistics
from web.reading.cards import about, card_key, model_file
from web.reading.counting import lineage_of
from web.reading.latest import FetchedReceipts, FetchedReport, Latest, MissingFile, ModelKey
from web.reading.ledger import Reading
from web.reading.library import Library
from web.reading.snapshot import Snapshot
from web.reading.updates import children, groups

RETRY = 30.0
SHOWN_REASON = 1_000
_work_out = attrgetter("mean", "pooled", "rounds")
"""What pages need of a report, kept with it once it was asked for: of a long one that takes a while."""
MOST_REPORTS = 64
"""Evaluation reports are kept of so many of the newest releases, and of so many of the newest proposals of one."""
LARGEST_MODEL = 1 << 26
"""Bytes of the largest model that is read for its SHA-256 before anyone downloads it."""

Found = TypeVar("Found")
Wanted = TypeVar("Wanted")


class Backlog:
    """Reads from the library what is still missing, and posts it."""

    def __init__(self, latest: Latest, library: Library) -> None:
        self._latest, self._library = latest, library
        self._tried: dict[bytes, float] = {}

    def catch_up(self) -> None:
        """Read and count what is still missing; a document that cannot be read is tried again after a while."""
        snapshot = self._latest.state.snapshot
        if snapshot is None:
            return
        for state in snapshot.jobs.values():
            if state.digest not in self._latest.state.documents and self._due(state.digest):
                self._read_job(state.digest)
        decided = list(_decided_models(snapshot))
        self._count(snapshot, [model for model, _ in decided])
        for _, digest in decided:
            if any(digest) and not _settled(self._latest.state.evaluations.get(digest)) and self._due(digest):
                self._read_report(digest)
        for word in _long_reasons(snapshot):
            if word not in self._latest.state.reasons and self._due(word):
                self._read_reason(word)
        self._read_receipts(snapshot)
        self._read_groups(snapshot)
        self._read_children(snapshot)
        self._read_carried(snapshot)
        self._read_statistics(snapshot)
        for release in _newest_in_use(snapshot):
            known = self._latest.state.cards.get(card_key(release))
            if (known is None or known.card is None or known.sha256 is None) and self._due(card_key(release)):
                self._make_card(release)

    def _due(self, digest: bytes) -> bool:
        """Whether it is time to try, which is noted."""
        due = self._tried.get(digest, 0.0) <= time.monotonic()
        if due:
            self._tried[digest] = time.monotonic() + RETRY
        return due

    def _read_job(self, digest: bytes) -> None:
        try:
            document = job.parse(self._bytes(digest, job.MAX_SIZE))
        except FedledgerError:
            return
        known = self._latest.state.documents
        self._latest.post(documents=MappingProxyType({**known, digest: document}))

    def _read_report(self, digest: bytes) -> None:
        found: FetchedReport | MissingFile
        try:
            report = evaluation.parse(self._bytes(digest, evaluation.MAX_SIZE))
            _work_out(report)
            found = FetchedReport(report, report.mean)
        except Malformed as error:
            found = MissingFile(error.message, final=True)
        except FedledgerError as error:
            found = MissingFile(error.message)
        known = self._latest.state.evaluations
        if known.get(digest) != found:
            self._latest.post(evaluations=MappingProxyType({**known, digest: found}))

    def _read_reason(self, digest: bytes) -> None:
        """Only a text is taken for a reason: the public may read it by its CID."""
        try:
            text = self._bytes(digest, LONGEST_REASON).decode()
        except (FedledgerError, UnicodeDecodeError):
            return
        if all(plain(line) == line for line in text.splitlines()):
            known = self._latest.state.reasons
            self._latest.post(reasons=MappingProxyType({**known, digest: text[:SHOWN_REASON]}))

    def _read_receipts(self, snapshot: Snapshot) -> None:
        """Those of aggregates that are no longer among the newest are dropped."""
        known, library = self._latest.state.receipts, self._library
        found = {aggregate.claim: known.get(aggregate.claim) for _, aggregate in receipts.wanted(snapshot)}
        for round_, aggregate in receipts.wanted(snapshot):
            if not _settled(found[aggregate.claim]) and self._due(aggregate.claim):
                found[aggregate.claim] = receipts.read(library.network, round_, aggregate, library.fetch)
        posted = {claim: file for claim, file in found.items() if file is not None}
        if posted != known:
            self._latest.post(receipts=MappingProxyType(posted))

    def _read_groups(self, snapshot: Snapshot) -> None:
        state = self._latest.state
        wanted = ((one[-1].tx, one) for one in groups.wanted(snapshot, state))
        found = self._newest(state.groups, wanted, groups.read)
        if found != state.groups:
            self._latest.post(groups=MappingProxyType(found))

    def _read_children(self, snapshot: Snapshot) -> None:
        state = self._latest.state
        wanted = ((one[-1].tx, one) for one in children.wanted(snapshot, state))
        found = self._newest(state.children, wanted, children.read)
        if found != state.children:
            self._latest.post(children=MappingProxyType(found))

    def _newest(
        self,
        known: Mapping[bytes, Found],
        wanted: Iterable[tuple[bytes, Wanted]],
        read: Callable[[Network, Wanted, Fetch], Found | None],
    ) -> dict[bytes, Found]:
        """What is wanted, by its transaction, as far as it is known or can be read now; what is known besides, of
        rounds that are no longer among the newest, is dropped.
        """
        found: dict[bytes, Found] = {}
        for tx, one in wanted:
            made = known.get(tx)
            if made is None and self._due(tx):
                made = read(self._library.network, one, self._library.fetch)
            if made is not None:
                found[tx] = made
        return found

    def _read_carried(self, snapshot: Snapshot) -> None:
        """Those of aggregates that are no longer among the newest are dropped."""
        known, fetch = self._latest.state.carried, self._library.fetch
        naming = [one for _, one in receipts.wanted(snapshot) if one.carried != NOTHING]
        found = {aggregate.carried: known.get(aggregate.carried) for aggregate in naming}
        for aggregate in naming:
            if not _settled(found[aggregate.carried]) and self._due(aggregate.carried):
                found[aggregate.carried] = receipts.read_carried(aggregate, fetch)
        posted = {digest: file for digest, file in found.items() if file is not None}
        if posted != known:
            self._latest.post(carried=MappingProxyType(posted))

    def _read_statistics(self, snapshot: Snapshot) -> None:
        """What analyses came to, each once; not for the public, who gets models only where they are released."""
        if self._library.public:
            return
        known, library = self._latest.state.statistics, self._library
        found = dict(known)
        for state, document in statistics.wanted(snapshot, self._latest.state):
            if not _settled(found.get(state.digest)) and self._due(state.digest):
                found[state.digest] = statistics.read(library.network, (state, document), library.fetch)
        if found != known:
            self._latest.post(statistics=MappingProxyType(found))

    def _make_card(self, release: Release) -> None:
        """What the release's page says of it; its SHA-256 only where its holders have it whole."""
        now = Reading(self._library.network, self._latest.state)
        try:
            file = model_file(now, release)
            digest = self._digest(file)
            made = about(now, file, digest)
        except FedledgerError:
            return
        known = self._latest.state.cards
        if known.get(card_key(release)) != made:
            self._latest.post(cards=MappingProxyType({**known, card_key(release): made}))

    def _digest(self, file: ModelFile) -> bytes | None:
        try:
            return self._library.digest(file) if file.size <= LARGEST_MODEL else None
        except FedledgerError:
            return None

    def _bytes(self, digest: bytes, most: int) -> bytes:
        return b"".join(bytes(piece) for piece in self._library.fetch(Cid(RAW, digest), 0, most + 1))

    def _count(self, snapshot: Snapshot, models: Sequence[ModelKey]) -> None:
        known = self._latest.state.lineages
        counted = {model: lineage_of(snapshot.jobs[model[0]], model[1]) for model in set(models) - known.keys()}
        if counted:
            self._latest.post(lineages=MappingProxyType({**known, **counted}))


def _settled(known: FetchedReport | FetchedReceipts | Carried | JobStatistics | MissingFile | None) -> bool:
    """Whether another try at a file could not change anything."""
    return known.final if isinstance(known, MissingFile) else known is not None


def _decided_models(snapshot: Snapshot) -> Iterator[tuple[ModelKey, bytes]]:
    """The models of the newest releases and proposals of one, newest first, each with its report's digest."""
    decisions = snapshot.decisions
    proposed = (one.action for one in reversed(decisions.proposals.values()) if isinstance(one.action, ReleaseModel))
    released = (release.action for release in reversed(decisions.releases.values()))
    for one in [*islice(released, MOST_REPORTS), *islice(proposed, MOST_REPORTS)]:
        state = snapshot.jobs.get(one.job)
        round_ = state.rounds.get(one.round) if state else None
        if round_ is not None and round_.final is not None and round_.final.root.hex() == one.root:
            yield (one.job, one.round, round_.final.root), bytes.fromhex(one.report)


def _newest_in_use(snapshot: Snapshot) -> list[Release]:
    """The newest releases that are not revoked."""
    releases = reversed(snapshot.decisions.releases.values())
    return list(islice((one for one in releases if one.usable), MOST_REPORTS))


def _long_reasons(snapshot: Snapshot) -> list[bytes]:
    """The digests of the newest reasons that are too long for a word."""
    actions = (one.action for one in reversed(snapshot.decisions.proposals.values()))
    words = (bytes.fromhex(action.reason) for action in actions if isinstance(action, RevokeRelease))
    return list(islice((word for word in words if reason_text(word) is None), MOST_REPORTS))
