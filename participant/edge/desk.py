"""The desk of an edge: what clients send is checked before it counts, and what counts has a receipt.

Any thread may use it. What it knows of the ledger is put in from outside (`know`); all else is in the home's folder.
"""

import shutil
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

from ledger.errors import Malformed, Unavailable
from ledger.formats.edges.receipts import EdgeReceipt
from ledger.formats.edges.signed import receipt_for, receipt_to_sign
from ledger.formats.unixfs import cid_of
from ledger.http.buckets import Buckets
from ledger.keys import Signer
from ledger.party.journal import Journal
from ledger.rounds.admission import Verdict
from ledger.rounds.edges.children import judge_child
from ledger.store import disk
from participant.edge.collected import Collected, EdgeFolder, file_at
from participant.edge.collecting import Collecting
from participant.edge.documents import EdgeTasks, SignedUpdate
from participant.edge.refusals import NotAClient, RoundClosed, TakenAlready, TooMany

PACE = 1.0
"""Updates a second that one client may offer; what it saves up in four seconds at once."""
ROOM = 1 << 28
"""Bytes of disk that an edge leaves free."""
SHARE = 4
"""One client has at most one in so many of the places for uploads, and one at least."""


class EdgeDesk:
    """Takes updates for the edge whose key `signer` has; `uploads` is how many are read and checked at a time."""

    def __init__(self, folder: EdgeFolder, signer: Signer, journal: Journal, uploads: int = 8) -> None:
        self.folder, self._signer, self._journal = folder, signer, journal
        self._places, self._share = threading.BoundedSemaphore(uploads), max(1, uploads // SHARE)
        self._sending, self._counting = Counter[str](), threading.Lock()
        self._pace = Buckets(PACE)
        self._known: Mapping[tuple[int, int], Collecting] = {}
        self._now = 0
        self._said: EdgeTasks | None = None
        self._rounds: dict[tuple[int, int], Collected] = {}

    def know(self, said: EdgeTasks, known: Mapping[tuple[int, int], Collecting], now: int) -> None:
        """Take in what the ledger says now, by the chain's clock."""
        self._rounds = {key: self._rounds.get(key) or self.folder.round(*key) for key in known}
        self._said, self._known, self._now = said, known, now

    @property
    def tasks(self) -> EdgeTasks:
        """What clients are told. Raises Unavailable before the ledger was read."""
        if self._said is None:
            raise Unavailable("the edge has not read the ledger yet", advice="ask again in a moment")
        return self._said

    def collecting(self) -> tuple[Collecting, ...]:
        """The rounds that collect."""
        return tuple(self._known.values())

    def find(self, said: SignedUpdate) -> EdgeReceipt | None:
        """The receipt for an update that was taken before; None where this one may be sent.

        1. It is for this edge, on this ledger, and the round is one that it collects for, or has a receipt in. 2. The
        client is in the edge's list. 3. It does not offer too often. 4. No other update of it was taken. 5. The round
        is not closed. The signature was checked where it was read. Raises the refusals of `participant.edge.refusals`.
        """
        self._check_edge(said)
        collected = self._round(said.job, said.round)
        found = collected.find(said.party)
        if found is not None and found.child == said.child:
            return found
        at = self._check_round(said)
        if said.party not in at.members:
            raise NotAClient(
                "this key is not in the edge's list for the job",
                advice="ask the edge's operator: a list is fixed with the job that names it",
                key=said.party,
                job=said.job,
                edge=at.edge,
            )
        seconds = self._pace.take(said.party)
        if seconds:
            raise TooMany("this client offers updates too often", seconds, key=said.party)
        if found is not None:
            raise self._other(collected, found, said)
        self._check_open(at, collected, said.weight)
        return None

    @contextmanager
    def place(self, size: int, party: str) -> Iterator[Path]:
        """Room for the bytes of a client's update: a file's path, which is gone in the end. Raises TooMany or
        Unavailable.
        """
        with self._counted(party), self._draft(size) as draft:
            yield draft

    @contextmanager
    def _counted(self, party: str) -> Iterator[None]:
        """A place of a client's share: one whose uploads hang has others left, and cannot take everybody's."""
        with self._counting:
            if self._sending[party] >= self._share:
                raise TooMany("this client sends as many updates as it may at a time", 1.0, key=party)
            self._sending[party] += 1
        try:
            yield
        finally:
            with self._counting:
                self._sending[party] -= 1
                self._sending += Counter()  # forgets those that send nothing

    @contextmanager
    def _draft(self, size: int) -> Iterator[Path]:
        if not self._places.acquire(blocking=False):
            raise TooMany("the edge reads as many updates as it can at a time", 1.0)
        draft = self.folder.drafts / token_hex(16)
        try:
            with disk.translated(draft):
                free = shutil.disk_usage(self.folder.drafts).free
            if free < size + ROOM:
                raise Unavailable("the edge's disk is full", advice="tell its operator", free_bytes=free)
            yield draft
        finally:
            draft.unlink(missing_ok=True)
            self._places.release()

    def size(self, said: SignedUpdate) -> int:
        """Bytes of an update of its job. Raises RoundClosed."""
        return self._check_round(said).job.layout.size

    def take(self, said: SignedUpdate, draft: Path) -> EdgeReceipt:
        """Take an update, whose bytes are in a file: judged as every member will judge it, kept, and only then
        receipted. The same update again has the same receipt.

        Raises Malformed for bytes that are not what was signed, or that the job does not admit; and the refusals.
        """
        at = self._check_round(said)
        found = cid_of(disk.pieces(draft))[0].digest.hex()
        if found != said.cid:
            raise Malformed("the bytes are not those that were signed", expected=said.cid, actual=found)
        edge, fetch = at.binding(self.tasks.key), file_at(draft)
        decision = judge_child(said.child, at.edge, edge, at.job.layout, at.job.admission, fetch)
        if decision.verdict is not Verdict.ADMITTED:
            raise Malformed(
                f"this update would be refused ({decision.verdict.name}): {decision.message or 'see the job'}",
                advice="train again with the job's task, base model and limits; nothing was taken",
                verdict=decision.verdict.name,
            )
        collected = self._round(*at.key)
        if not collected.begin(at.base.root):
            raise RoundClosed("the chain was reorganised: this edge sits the round out", job=said.job, round=said.round)
        return self._kept(at, collected, said, draft)

    def _kept(self, at: Collecting, collected: Collected, said: SignedUpdate, draft: Path) -> EdgeReceipt:
        receipt = self._receipt(said)
        with collected.held():
            found = collected.find(said.party)
            if found is not None and found.child == said.child:
                return found
            if found is not None:
                raise self._other(collected, found, said)
            self._check_open(at, collected, said.weight)
            collected.take(receipt, draft)
            count = collected.count
        text = f"job {said.job}: round {said.round}: took an update of {said.party}, {count} of {len(at.members)}"
        self._journal.note("took", text, job=said.job, round=said.round, party=said.party, cid=said.cid, count=count)
        return receipt

    def _receipt(self, said: SignedUpdate) -> EdgeReceipt:
        promised = receipt_for(said.said, said.party)
        signed = self._signer.sign_typed_data(*receipt_to_sign(said.chain, said.ledger, promised))
        return EdgeReceipt.of(said.chain, said.ledger, said.said, said.party, bytes.fromhex(said.signature), signed)

    def _check_edge(self, said: SignedUpdate) -> None:
        here = self.tasks
        for what, actual, expected in (
            ("chain", said.chain, here.chain),
            ("ledger", said.ledger, here.ledger),
            ("edge", said.edge, here.edge),
        ):
            if actual != expected:
                raise Malformed(f"the update is for another {what}", expected=expected, actual=actual)

    def _check_round(self, said: SignedUpdate) -> Collecting:
        at = self._known.get((said.job, said.round))
        if at is None:
            raise RoundClosed(
                "the edge does not collect for this round",
                advice="ask the edge for its tasks: GET /v1/tasks",
                job=said.job,
                round=said.round,
                collects=", ".join(f"{job}/{round_}" for job, round_ in self._known) or "nothing now",
            )
        return at

    def _check_open(self, at: Collecting, collected: Collected, weight: int) -> None:
        """The round takes an update of this weight. Raises RoundClosed."""
        taken, most, cap = collected.weights(), at.hierarchy.max_children, at.job.admission.cap(at.edge)
        why = ""
        if collected.is_closed or (self._now > at.closes and len(taken) >= at.hierarchy.min_children):
            why = "its sum is being made"
        elif len(taken) >= most:
            why = f"it has {most} updates, as many as the job allows"
        elif sum(taken.values()) + min(weight, cap) > cap and taken:
            why = "its sum would be heavier than the job allows"
        if why:
            raise RoundClosed(
                f"the round takes no further update: {why}",
                advice="take part in the next round",
                job=at.round.job,
                round=at.round.number,
            )

    def _round(self, job: int, number: int) -> Collected:
        """The folder of a round; of one that collects always the same, which knows what was taken: this process alone
        takes updates.
        """
        return self._rounds.get((job, number)) or self.folder.round(job, number)

    def _other(self, collected: Collected, found: EdgeReceipt, said: SignedUpdate) -> TakenAlready:
        """A client signed two updates of one round: both are kept, and both are shown."""
        collected.note_other(said.party, said.encode())
        return TakenAlready(
            "another update of this client was taken in this round",
            advice="its receipt stands: GET /v1/receipts/JOB/ROUND/ADDRESS; train once in a round",
            job=said.job,
            round=said.round,
            taken=f"{found.cid} signed {found.signature}",
            offered=f"{said.cid} signed {said.signature}",
        )
