"""A party's connection to its consortium: chain, index, own store, and everyone else's copies, opened together.

Roles and commands take what they need from here; nothing in it decides anything.
"""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ledger.config import Home, Network
from ledger.errors import FedledgerError, Unavailable, UsageError
from ledger.formats.cid import RAW, Cid
from ledger.formats.copies import BadCopy
from ledger.formats.unixfs import MAX_SIZE as LARGEST_FILE
from ledger.history.fold import History
from ledger.history.foundation import foundation_of
from ledger.history.state import JobState
from ledger.jobs.document import MAX_SIZE, Job, parse
from ledger.party.background import Background
from ledger.party.documents import Documents
from ledger.party.named_gateways import NamedGateway, elsewhere, named_gateways, remotes
from ledger.party.nodes.clock import Clock
from ledger.party.nodes.own_log import OwnLog
from ledger.party.nodes.witnesses import HistoryPoint, Witnesses
from ledger.party.proposed import not_had
from ledger.rounds.depth import DeepBlock
from ledger.rounds.facts import Place
from ledger.store import Buffer, Pieces, Store
from ledger.store.borrowed import Borrowed
from ledger.store.holders import Holders
from ledger.store.home import open_store

if TYPE_CHECKING:
    from ledger.chain.client import Client
    from ledger.chain.sender import Sender
    from ledger.index import Follower
    from ledger.index.file import Tip
    from ledger.index.sync import Header
    from ledger.keys import Signer
    from ledger.store.remote import Remote

CLOSING = 5.0
"""Seconds that closing leaves to copies under way. One that is cut off is begun again when it is needed."""


class Connection:
    """Opened by `open` (a party, with a home folder) or `visit` (anyone with the network file)."""

    def __init__(
        self,
        network: Network,
        client: "Client",
        follower: "Follower",
        store: Store | None,
        folder: Path,
        witnesses: Collection[str] = (),
    ) -> None:
        self.network, self.client, self.follower, self.store = network, client, follower, store
        self.folder = folder
        self.place = Place(network.chain.id, network.contracts.ledger.address)
        self.history = History(foundation_of(network))
        self._documents: dict[bytes, Job] = {}
        self._named: tuple[History, int] | None = None
        self._gateways: tuple[NamedGateway, ...] = ()
        self._clients: dict[NamedGateway, Remote] = {}
        self.borrowed = Borrowed(folder / "borrowed")
        self._holders = Holders(store, near=self.borrowed if store else None)
        self._clock = Clock(client, latest=follower.latest)
        self._deep: tuple[Tip, Header | None] = follower.tip, None
        own = self._own_log(client, follower) if store else None
        self.witnesses = Witnesses(network, witnesses, folder / "witnesses", own, nudge=follower.nudge)
        self.background = Background()
        self.documents = Documents(self.document, self.background)
        self._name_holders()

    def _own_log(self, client: "Client", follower: "Follower") -> OwnLog:
        from ledger.chain.seals.follow import SealedChain

        pinned = self.network.chain.seals != "none"
        seals = SealedChain(client.rpc, self.network, self.folder / "seals.json") if pinned else None
        return OwnLog(client, follower, self.history.foundation.record, self.folder / "proved.json", seals)

    @classmethod
    def open(cls, home: Home) -> Self:
        """Open a party's home: its network, its store (made where there is none yet), its index.

        Raises UsageError where the home has joined no network; see Client.connect for what the chain may answer.
        """
        network = home.network()
        store = open_store(home)
        try:
            return cls._connected(network, home.index, store, home.folder, home.settings().rpc[1:])
        except FedledgerError:
            store.close()
            raise

    @classmethod
    def visit(cls, network: Network, folder: Path) -> Self:
        """Look at a consortium without being part of it: no store of one's own; the index is kept in `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        return cls._connected(network, folder / "index.sqlite", None, folder)

    @classmethod
    def _connected(
        cls, network: Network, index: Path, store: Store | None, folder: Path, witnesses: Collection[str] = ()
    ) -> Self:
        from ledger.chain.client import Client
        from ledger.index import Follower, Index

        client = Client.connect(network)
        return cls(network, client, Follower(client, Index(index)), store, folder, witnesses)

    def close(self) -> None:
        """Close store and chain; what is being copied ends first, in the middle of an answer too."""
        self.background.cancel()
        self._holders.stop()
        for client in self._clients.values():
            client.close()
        self.background.join(CLOSING)
        self.witnesses.close(CLOSING)
        if self.store is not None:
            self.store.close()
        self.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def refresh(self) -> History:
        """The history as the chain tells it now."""
        self.history = self.follower.refresh()
        self._name_holders()
        return self.history

    def time(self) -> int:
        """The chain's present time in seconds since 1970, as far as one can know it: see `Clock`."""
        return self._clock.time()

    @property
    def still(self) -> int:
        """For how many seconds the chain has made no further block, as far as `time` was asked."""
        return self._clock.still

    @property
    def doubt(self) -> Unavailable | None:
        """Why the chain's time was not believed when `time` was asked last; None where it was."""
        return self._clock.doubt

    def deep(self) -> DeepBlock:
        """The latest block, as of the last refresh, that is as deep as the network file asks for; none (number -1)
        where the chain is shorter, or was reorganised since. Its time counts as far as `Clock.of` says.
        """
        found = self._deep_block()
        return DeepBlock() if found is None else DeepBlock(found.number, found.hash, self._clock.of(found))

    def deep_point(self) -> HistoryPoint:
        """Where the history stands at that block, with the time that the own node shows."""
        found = self._deep_block()
        number, hash_, time = (-1, b"", 0) if found is None else (found.number, found.hash, found.time)
        return self.point(number, hash_)._replace(time=time)

    def _deep_block(self) -> "Header | None":
        tip = self.follower.tip
        if tip != self._deep[0]:
            self._deep = tip, self._find_deep(tip)
        return self._deep[1]

    def _find_deep(self, tip: "Tip") -> "Header | None":
        head = self.follower.head
        if head is not None and not self.network.chain.confirmations:
            return head
        number = tip.number - self.network.chain.confirmations
        found = self.client.block(number) if number >= 0 else None
        same = found is not None and (found.hash if number == tip.number else self.client.block_hash(tip.number))
        return found if same == tip.hash else None

    def point(self, block: int, hash_: bytes) -> HistoryPoint:
        """Where the history stands at a block that it reaches, under that hash."""
        return HistoryPoint(block, hash_, self.history.head_at(block))

    def name(self, index: int) -> str:
        """What member `index` is called on screens."""
        return self.history.name(index)

    @property
    def holders(self) -> Holders:
        """Everyone who may have a copy: own store, the gateways that members announced, those in the network file."""
        return self._holders

    def _name_holders(self) -> None:
        """Ask those that the history names now. Here and not where they are asked, for threads do that.

        Nothing is named by the events of which a round has many.
        """
        named = self.history, self.history.told
        if self._named is not None and self._named[0] is named[0] and self._named[1] == named[1]:
            return
        gateways = named_gateways(self.network, self.history.members.values())
        if gateways != self._gateways:
            self._gateways = gateways
            self._clients = remotes(gateways, self._clients)
            self._holders.replace(self._clients.values())
        self._named = named

    def elsewhere(self, key: str) -> "dict[NamedGateway, Remote]":
        """The holders of other copies than those of the member with `key`: `named_gateways.elsewhere`, those of members
        first.
        """
        return {one: self._clients[one] for one in elsewhere(self._gateways, key) if one in self._clients}

    @property
    def bad_copies(self) -> list[BadCopy]:
        """Damaged copies met so far."""
        return self._holders.bad_copies

    def fetch(
        self,
        cid: Cid,
        start: int = 0,
        stop: int | None = None,
        *,
        deadline: float | None = None,
        first: Collection[str] = (),
    ) -> Pieces:
        """Bytes of a file from any holder of a good copy: the `fetch` that the core asks for.

        `deadline` is in seconds of time.monotonic.
        """
        return self.holders.read(cid, start, stop, deadline=deadline, first=first)

    def put(self, pieces: Iterable[Buffer], pin: str, *, expected: Cid | None = None) -> Cid:
        """Store a file in the own store; with `expected` no other than that.

        Raises UsageError for a visitor, which has none, Malformed for another file.
        """
        if self.store is None:
            raise UsageError("a visitor has no store", advice="fedledger node init, then fedledger node join")
        return self.store.put(pieces, pin, expected=expected)

    def put_all(self, files: Sequence[tuple[str, Buffer]]) -> None:
        """Store small files, each under its pin, in the own store, together. Raises as `put`."""
        if self.store is None:
            raise UsageError("a visitor has no store", advice="fedledger node init, then fedledger node join")
        self.store.put_all(files)

    def holds(self, cid: Cid) -> bool:
        """Whether the own store lists a block."""
        return self.store is not None and self.store.has(cid)

    def keep(
        self,
        cid: Cid,
        pin: str,
        *,
        limit: int = LARGEST_FILE,
        deadline: float | None = None,
        first: Collection[str] = (),
    ) -> None:
        """Hold a copy of a whole file of at most `limit` bytes in the own store, pinned, had by `deadline` (seconds of
        time.monotonic). Raises as `Holders.keep`.
        """
        self.holders.keep(cid, pin, limit=limit, deadline=deadline, first=first)

    def several(self, cids: Sequence[Cid], of: str, seconds: float, silence: float) -> dict[Cid, bytes]:
        """Those of some blocks that the member with the key `of` has, good, by one request to the gateway that it
        announces; none where it announces none. Raises as `Remote.several`.
        """
        found = next((client for one, client in self._clients.items() if one.key == of), None)
        return {} if found is None else found.several(cids, seconds, silence)

    def borrow(
        self, cid: Cid, round_: tuple[int, int], *, limit: int, deadline: float, first: Collection[str] = ()
    ) -> None:
        """Hold a file for a round alone, by job and number, and not in the own store. Raises as `Holders.read`."""
        for block, data in self.holders.blocks(cid, limit=limit, deadline=deadline, first=first):
            self.borrowed.take(*round_, block, data)

    def document(self, state: JobState) -> Job:
        """A job's document, checked against its digest on chain; where it is not here, its holders are waited for: a
        thread that decides asks `documents`. Raises Unavailable or Malformed.
        """
        if state.digest not in self._documents:
            self._documents[state.digest] = self._read_document(state)
        return self._documents[state.digest]

    def _read_document(self, state: JobState) -> Job:
        cid = Cid(RAW, state.digest)
        try:
            return parse(b"".join(bytes(p) for p in self.fetch(cid, 0, MAX_SIZE + 1)))
        except Unavailable as error:
            raise not_had(self.history, state, "the document", cid, error) from error

    def sender(self, signer: "Signer") -> "Sender":
        """Sends this party's transactions, each exactly once, across processes and crashes."""
        from ledger.chain.sender import Sender

        return Sender(self.client, signer, self.folder / "outbox")

    def job(self, number: int | None) -> JobState:
        """Job `number`, or the latest. Raises UsageError where there is none."""
        jobs = self.history.jobs
        if not jobs:
            raise UsageError(
                "this consortium has no job yet: nobody has proposed one",
                advice="any member proposes one: fedledger job create DRAFT, then fedledger job propose JOB",
            )
        chosen = max(jobs) if number is None else number
        if chosen not in jobs:
            numbers = ", ".join(map(str, sorted(jobs)))
            raise UsageError(f"there is no job {chosen}", advice="fedledger job list shows what there is", jobs=numbers)
        return jobs[chosen]
