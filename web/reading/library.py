"""What is read in the background, job documents and evaluation reports, reasons; and what content may be given out."""

import time
from collections.abc import Iterator, Sequence
from itertools import islice
from types import MappingProxyType

from ledger.config import Network
from ledger.errors import FedledgerError, Malformed, Refuted, Unavailable
from ledger.events.actions import ReleaseModel, RevokeRelease
from ledger.events.proposals import Release
from ledger.formats.cid import RAW, Cid, of_file
from ledger.history.names import LONGEST_REASON, reason_text
from ledger.jobs import document as job
from ledger.party.connection import remotes
from ledger.releases import report as evaluation
from ledger.releases.file import ModelFile
from ledger.store import Blocks, Buffer, Pieces, Store
from ledger.store.holders import Holders
from web.reading.counting import lineage_of
from web.reading.latest import Latest, Measured, Model, Unread
from web.reading.snapshot import Snapshot

RETRY = 30.0
SHOWN_REASON = 1_000
MOST_REPORTS = 64
"""Evaluation reports are kept of so many of the newest releases, and of so many of the newest proposals of one."""
Gateways = tuple[tuple[str, str], ...]


class Library(Blocks):
    """All holders as one: own store first, where there is one, then the members' gateways. Every block is checked.

    With `public` it gives out what is decided on in public: the jobs' documents, evaluation reports, reasons of
    revocations, and released models that are not revoked. Everything else that members train is for members.
    """

    name = "the consortium's holders"

    def __init__(self, board: Latest, network: Network, store: Store | None = None, *, public: bool = False) -> None:
        self._board, self._network, self._store, self._public = board, network, store, public
        self._gateways: Gateways = ()
        self._holders = Holders(store)
        self._tried: dict[bytes, float] = {}
        self._right: set[tuple[str, Cid]] = set()

    def copy(self, cid: Cid) -> Buffer:
        """A block from whoever has a good copy. Raises Withheld, and what the holders say where nobody gives it."""
        self.check(cid)
        return self._everyone().get(cid)

    def check(self, cid: Cid) -> None:
        """Raises Withheld for what is not for the public."""
        if self._public and not (cid.codec == RAW and self._is_document(cid.digest)) and not self._is_released(cid):
            raise Withheld(
                "only job documents, evaluation reports and released models are given to the public here",
                advice="members read updates and models from each other's gateways",
                cid=cid,
            )

    def fetch(self, cid: Cid, start: int = 0, stop: int | None = None) -> Pieces:
        """Bytes of a file from whoever has them: for who decides by itself what may be given out."""
        return self._everyone().read(cid, start, stop)

    def require_right(self, file: ModelFile) -> None:
        """Hold a released model against its root: read whole, once. Raises Refuted, and Unavailable or Corrupt."""
        known = (file.tag, file.model.cid)
        if known in self._right:
            return
        try:
            file.verify(self.fetch)
        except Malformed as error:
            raise Refuted(error.message, advice="fedledger audit finds who made it", **error.facts) from error
        self._right.add(known)

    def _is_document(self, digest: bytes) -> bool:
        state = self._board.state
        known = digest in state.documents or digest in state.reasons
        return known or isinstance(state.evaluations.get(digest), Measured)

    def _is_released(self, cid: Cid) -> bool:
        """Whether a file is a model in a release that is not revoked: its CID follows from the ledger alone."""
        snapshot = self._board.state.snapshot
        releases = snapshot.decisions.releases.values() if snapshot else ()
        return any(not one.revoked and self._model_of(one) == cid for one in releases)

    def _model_of(self, release: Release) -> Cid | None:
        state = self._board.state
        made = state.snapshot.jobs[release.job] if state.snapshot else None
        document = state.documents.get(made.digest) if made else None
        final = made.rounds[release.round].final if made else None
        return of_file(final.cid, document.layout.size) if final and document else None

    def catch_up(self) -> None:
        """Read and count what is still missing; a document that cannot be had is tried again after a while."""
        snapshot = self._board.state.snapshot
        if snapshot is None:
            return
        for state in snapshot.jobs.values():
            if state.digest not in self._board.state.documents and self._due(state.digest):
                self._read_job(state.digest)
        wanted = list(_wanted(snapshot))
        self._count(snapshot, [model for model, _ in wanted])
        for _, digest in wanted:
            known = self._board.state.evaluations.get(digest)
            settled = isinstance(known, Measured) or (known is not None and known.final)
            if any(digest) and not settled and self._due(digest):
                self._read_report(digest)
        for word in _reasons(snapshot):
            if word not in self._board.state.reasons and self._due(word):
                self._read_reason(word)

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
        known = self._board.state.documents
        self._board.post(documents=MappingProxyType({**known, digest: document}))

    def _read_report(self, digest: bytes) -> None:
        found: Measured | Unread
        try:
            report = evaluation.parse(self._bytes(digest, evaluation.MAX_SIZE))
            found = Measured(report, report.mean)
        except Malformed as error:
            found = Unread(error.message, final=True)
        except FedledgerError as error:
            found = Unread(error.message)
        known = self._board.state.evaluations
        if known.get(digest) != found:
            self._board.post(evaluations=MappingProxyType({**known, digest: found}))

    def _read_reason(self, digest: bytes) -> None:
        """Only a text is one: the public may have it by its CID."""
        try:
            text = self._bytes(digest, LONGEST_REASON).decode()
        except (FedledgerError, UnicodeDecodeError):
            return
        if not all(line.isprintable() for line in text.splitlines()):
            return
        self._board.post(reasons=MappingProxyType({**self._board.state.reasons, digest: text[:SHOWN_REASON]}))

    def _bytes(self, digest: bytes, most: int) -> bytes:
        return b"".join(bytes(piece) for piece in self._everyone().read(Cid(RAW, digest), 0, most + 1))

    def _count(self, snapshot: Snapshot, models: Sequence[Model]) -> None:
        known = self._board.state.lineages
        counted = {model: lineage_of(snapshot.jobs[model[0]], model[1]) for model in set(models) - known.keys()}
        if counted:
            self._board.post(lineages=MappingProxyType({**known, **counted}))

    def _everyone(self) -> Holders:
        """The holders that the ledger and the network file name now."""
        named = self._named()
        if named != self._gateways:
            self._gateways, self._holders = named, Holders(self._store, remotes(named))
        return self._holders

    def _named(self) -> Gateways:
        snapshot = self._board.state.snapshot
        members: Sequence[tuple[str, str]] = ()
        if snapshot is not None:
            members = [(self._network.party_name(m.index), m.gateway) for m in snapshot.members.values() if m.gateway]
        return (*members, *((gateway.name, gateway.url) for gateway in self._network.gateways))


def _wanted(snapshot: Snapshot) -> Iterator[tuple[Model, bytes]]:
    """The models that there is something to decide on or that was decided on, newest first, with their reports."""
    decisions = snapshot.decisions
    proposed = (one.action for one in reversed(decisions.proposals.values()) if isinstance(one.action, ReleaseModel))
    released = (release.action for release in reversed(decisions.releases.values()))
    for one in [*islice(released, MOST_REPORTS), *islice(proposed, MOST_REPORTS)]:
        state = snapshot.jobs.get(one.job)
        round_ = state.rounds.get(one.round) if state else None
        if round_ is not None and round_.final is not None and round_.final.root.hex() == one.root:
            yield (one.job, one.round, round_.final.root), bytes.fromhex(one.report)


def _reasons(snapshot: Snapshot) -> list[bytes]:
    """The digests of the newest reasons that are no text themselves."""
    actions = (one.action for one in reversed(snapshot.decisions.proposals.values()))
    words = (bytes.fromhex(action.reason) for action in actions if isinstance(action, RevokeRelease))
    return list(islice((word for word in words if reason_text(word) is None), MOST_REPORTS))


class Withheld(Unavailable):
    """There may be such content, but it is not given out here."""
