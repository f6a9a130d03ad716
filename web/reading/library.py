"""What content may be served: blocks and files of all holders, each checked, as far as they are for the reader."""

from threading import Lock
from typing import TYPE_CHECKING

from ledger.config import Network
from ledger.errors import Malformed, Refuted, Unavailable
from ledger.events.proposals import Release
from ledger.formats.cid import RAW, Cid, of_file
from ledger.party.named_gateways import NamedGateway, named_gateways, remotes
from ledger.releases.file import ModelFile
from ledger.store import Blocks, Buffer, Pieces, Store
from ledger.store.holders import Holders
from web.reading.latest import FetchedReport, Latest

if TYPE_CHECKING:
    from ledger.store.remote import Remote


class Withheld(Unavailable):
    """There may be such content, but it is not served here."""


class Library(Blocks):
    """All holders as one: first the server's own store, if it has one, then the members' gateways.

    With `public` it serves what is decided on in public: the jobs' documents, evaluation reports, reasons of
    revocations, and released models that are not revoked. Everything else that members train is for members.
    """

    name = "the consortium's holders"

    def __init__(self, latest: Latest, network: Network, store: Store | None = None, *, public: bool = False) -> None:
        self._latest, self.network, self._public = latest, network, public
        self._gateways: tuple[NamedGateway, ...] = ()
        self._clients: dict[NamedGateway, Remote] = {}
        self._holders = Holders(store)
        self._digests: dict[tuple[str, Cid], bytes] = {}
        self._digesting: dict[tuple[str, Cid], Lock] = {}

    @property
    def public(self) -> bool:
        """Whether it serves only what is decided on in public."""
        return self._public

    def copy(self, cid: Cid) -> Buffer:
        """A block from any holder with a good copy. Raises Withheld, and what the holders raise if none has one."""
        self.check(cid)
        return self._everyone().get(cid)

    def check(self, cid: Cid) -> None:
        """Raises Withheld for what is not for the public."""
        if self._public and not (cid.codec == RAW and self._is_document(cid.digest)) and not self._is_released(cid):
            raise Withheld(
                "only job documents, evaluation reports and released models are served to the public here",
                advice="members read updates and models from each other's gateways",
                cid=cid,
            )

    def fetch(self, cid: Cid, start: int = 0, stop: int | None = None) -> Pieces:
        """Bytes of a file from any holder, whether or not they are for the public: the caller decides that."""
        return self._everyone().read(cid, start, stop)

    def digest(self, file: ModelFile) -> bytes:
        """The SHA-256 of a released model's file, once it was compared with its root: read whole, once.

        Raises Refuted, Unavailable, Corrupt.
        """
        known = (file.tag, file.model.cid)
        with self._digesting.setdefault(known, Lock()):
            if known not in self._digests:
                try:
                    self._digests[known] = file.digest(self.fetch)
                except Malformed as error:
                    raise Refuted(error.message, advice="fedledger audit finds who made it", **error.facts) from error
            return self._digests[known]

    def close(self) -> None:
        """End every read, in other threads too."""
        self._holders.stop()
        for client in self._clients.values():
            client.close()

    def _is_document(self, digest: bytes) -> bool:
        state = self._latest.state
        known = digest in state.documents or digest in state.reasons
        return known or isinstance(state.evaluations.get(digest), FetchedReport)

    def _is_released(self, cid: Cid) -> bool:
        """Whether a file is a model in a release that is not revoked: its CID follows from the ledger alone."""
        snapshot = self._latest.state.snapshot
        releases = snapshot.decisions.releases.values() if snapshot else ()
        return any(one.usable and self._model_cid(one) == cid for one in releases)

    def _model_cid(self, release: Release) -> Cid | None:
        state = self._latest.state
        made = state.snapshot.jobs[release.job] if state.snapshot else None
        document = state.documents.get(made.digest) if made else None
        final = made.rounds[release.round].final if made else None
        return of_file(final.cid, document.layout.size) if final and document else None

    def _everyone(self) -> Holders:
        """The holders that the ledger and the network file name now."""
        snapshot = self._latest.state.snapshot
        named = named_gateways(self.network, snapshot.members.values() if snapshot else ())
        if named != self._gateways:
            self._gateways, self._clients = named, remotes(named, self._clients)
            self._holders.replace(self._clients.values())
        return self._holders
