"""The update of a member that is an edge: no training of its own, but the sum of what its clients sent.

Its service (`participant.edge`) takes updates into the home's folder until the time is over that `closes_at` says. Then
the node closes the round there, which is on disk before anything is summed: what is summed is the same after any crash,
and so is the sum.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ledger.errors import Corrupt, Unavailable, UsageError
from ledger.formats.artifact import Buffer
from ledger.formats.cid import Cid, of_file
from ledger.formats.claims import UpdateOpening
from ledger.formats.edges.children import Children
from ledger.formats.text import clock_text
from ledger.formats.unixfs import cid_of
from ledger.history.state import Member
from ledger.party.connection import Connection
from ledger.party.copying import SMALL
from ledger.party.pins import child_pin, children_pin
from ledger.party.sharing.openings import Openings
from ledger.rounds.edges.making import MadeSum, make_sum
from ledger.rounds.facts import RoundFacts
from ledger.rounds.steps import Wait
from ledger.store import disk
from participant.edge.collected import Collected, EdgeFolder
from participant.edge.collecting import Collecting, collecting, is_due
from participant.edge.lists import MemberLists

TOGETHER = 128
"""Small files that are stored at a time."""


class ChildFile(NamedTuple):
    """A client's update in the edge's folder, its CID, and the pin to keep it under."""

    path: Path
    cid: Cid
    pin: str

    def read(self) -> bytes:
        """Its bytes. Raises Corrupt where they are others than the client signed, Unavailable."""
        data = b"".join(bytes(piece) for piece in disk.pieces(self.path))
        found = cid_of([data])[0]
        if found != self.cid:
            advice = "restore it from a copy"
            raise Corrupt("an update in the edge's folder is damaged", advice=advice, expected=self.cid, actual=found)
        return data


class EdgeUpdates:
    """Makes the sums of the edge whose member has the key `party`."""

    def __init__(self, connection: Connection, party: str) -> None:
        self._connection, self._party = connection, party
        self._folder, self._openings = EdgeFolder(connection.folder), Openings(connection.folder)
        self._lists = MemberLists(connection)

    def prepare(self, facts: RoundFacts, now: int) -> UpdateOpening | Wait:
        """The round's sum, kept in the home: from before a crash, or made now; a Wait while clients send.

        Raises UsageError where this home is not an edge's, Malformed or `NotAdmitted` where no sum can be made,
        Unavailable where bytes cannot be had or kept.
        """
        collected = self._folder.round(facts.round.job, facts.round.number)
        if self._folder.exists and not collected.begin(facts.base.root):
            raise UsageError("the chain was reorganised: what clients sent builds on another model")
        found = self._find(facts)
        if found is not None:
            return found
        if not self._folder.exists:
            raise UsageError(
                "the job names this member as an edge, and this home is not an edge's",
                advice="fedledger edge init, then fedledger edge run beside the node",
                home=str(self._connection.folder),
            )
        at = self._collecting(facts)
        if not collected.is_closed and not is_due(collected.count, at, now):
            until = clock_text(at.closes)
            return Wait(f"round {facts.round.number}: the edge collects its clients' updates until {until}", at.closes)
        made = self._make(facts, at, collected, collected.close())
        opening = self._openings.salted(facts.name, self._party, made.weight, made.root, made.cid.digest)
        self._openings.keep(facts.name, opening, disk.pieces(collected.sum))
        collected.sum.unlink(missing_ok=True)
        return opening

    def show(self, facts: RoundFacts) -> None:
        """Let everyone see what the sum is made of: its list, and each client's update, are in the store. Raises
        Unavailable.
        """
        collected = self._folder.round(facts.round.job, facts.round.number)
        listed, member = collected.children(), self._member()
        if listed is None:
            raise Unavailable("the edge's folder lost what was counted", folder=str(collected.folder))
        place = (facts.round.job, facts.round.number, member.index)
        size = facts.job.layout.size
        files = [
            ChildFile(collected.path_of(child.party), of_file(bytes.fromhex(child.cid), size), child_pin(*place, at))
            for at, child in enumerate(listed.children)
        ]
        self._store([one for one in files if one.path.exists()], together=size <= SMALL)
        self._connection.put([listed.encode()], children_pin(*place), expected=listed.cid)

    def _store(self, files: Sequence[ChildFile], *, together: bool) -> None:
        """Put files into the store: small ones together, since the time in which a round is opened is short, and a
        file by itself costs a wait for the disk.
        """
        if not together:
            for one in files:
                self._connection.put(disk.pieces(one.path), one.pin, expected=one.cid)
            return
        for at in range(0, len(files), TOGETHER):
            self._connection.put_all([(one.pin, one.read()) for one in files[at : at + TOGETHER]])

    def _collecting(self, facts: RoundFacts) -> Collecting:
        index = self._member().index
        members = self._lists.of(facts.job).children_of(index)
        return collecting(facts.place, facts.state, facts.job, facts.round, index, members)

    def _make(self, facts: RoundFacts, at: Collecting, collected: Collected, listed: Children) -> MadeSum:
        def keep(pieces: Iterator[Buffer]) -> Cid:
            disk.write_private(collected.sum, pieces)
            return cid_of(disk.pieces(collected.sum))[0]

        fetch = collected.fetch_from(listed, self._connection.fetch)
        return make_sum(facts.job, at.edge, at.binding(self._party), listed, self._lists.of(facts.job), fetch, keep)

    def _find(self, facts: RoundFacts) -> UpdateOpening | None:
        """The sum that was kept for this round before a crash, or shown, its bytes checked."""
        index = self._member().index
        for opening in reversed(self._openings.find(facts.name)):
            if opening.party != self._party:
                continue
            if self._openings.is_shown(facts.name, opening):
                return opening
            try:
                cid = cid_of(self._openings.update(facts.name, opening))[0]
            except Unavailable:
                continue
            if cid == facts.job.file_of(index, opening.cid):
                return opening
        return None

    def _member(self) -> Member:
        member = self._connection.history.member_of(self._party)
        if member is None:
            raise UsageError("this key does not belong to a member", key=self._party)
        return member
