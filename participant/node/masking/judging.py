"""What a member comes to itself, by files that it holds: the cast of a segment, the set of a round, what is asked of
it. The rules are in `ledger.rounds.masking`; here files are gathered, and nothing is waited for.
"""

from collections.abc import Collection, Iterator

from ledger.errors import Malformed, Unavailable
from ledger.formats.artifact import Buffer
from ledger.formats.cid import RAW, Cid
from ledger.history.state import JobState
from ledger.history.state.masking import JobMasks, MaskProposal, SegmentState
from ledger.masks.segment import Segment
from ledger.masks.setup import SetupFile, size_of
from ledger.party.connection import Connection
from ledger.party.masking.copies import MaskCopies
from ledger.party.masking.jobs import MaskedJobs
from ledger.rounds.facts import RoundFacts
from ledger.rounds.masking.convictions import MaskedJob
from ledger.rounds.masking.sets import due_set
from ledger.rounds.masking.setups import (
    KnownKeys,
    agreeable_cast,
    cast_files,
    frozen_at,
    judged_setups,
    segment_of,
    used_keys,
)
from ledger.rounds.receipts import MAX_SIZE, SignedHave, certified, parse
from ledger.rounds.steps import LAST_MOMENT, Wait
from ledger.store import files
from participant.node.masking.held import HeldSetups


class Judging:
    """One member's view of its masked jobs. What it remembers only spares work."""

    def __init__(self, connection: Connection, copies: MaskCopies, held: HeldSetups) -> None:
        self._connection, self._copies, self._held = connection, copies, held
        self._jobs = MaskedJobs(connection)
        self._segments: dict[tuple[int, int], tuple[SegmentState, Segment]] = {}
        self._files: dict[int, tuple[SegmentState, dict[int, SetupFile]]] = {}
        self._used: KnownKeys = {}
        self._asked: dict[int, bytes] = {}
        self._casts: dict[tuple[int, int, bytes], frozenset[int]] = {}
        self._sets: dict[tuple[int, int, bytes], frozenset[int]] = {}

    def job(self, state: JobState) -> MaskedJob:
        """A job with all that was found out of it. Raises as `MaskedJobs.of`."""
        return self._jobs.of(state)

    def segment(self, state: JobState, masks: JobMasks, opened: SegmentState) -> Segment:
        """A segment, as it was opened last. Raises Malformed where its members are too few for any."""
        known = self._segments.get((state.number, opened.number))
        if known is None or known[0] is not opened:
            known = opened, segment_of(self._connection.place, state.number, masks, opened)
            self._segments[state.number, opened.number] = known
        return known[1]

    def copy_setups(self, state: JobState, masks: JobMasks, opened: SegmentState, seconds: float) -> Wait | None:
        """Copy the set-up files that are published so far; what is waited for. Of a segment of too few sound keys there
        is none that could count: its opener stops nothing else.
        """
        try:
            segment = self.segment(state, masks, opened)
        except Malformed:
            return None
        gathering = self._copies.setups(state, opened, size_of(segment), seconds)
        until = frozen_at(opened, masks, self._jobs.of(state).job)
        self._held.note(segment, opened, gathering.held, self._connection.time(), until)
        return Wait(f"copies {', '.join(gathering.copying)} for segment {opened.number}") if gathering.copying else None

    def cast(
        self, job: MaskedJob, opened: SegmentState, proposal: MaskProposal, seconds: float
    ) -> frozenset[int] | Wait:
        """The cast that this member comes to when this one is proposed. Where a file is not here that the proposal
        counts, it is waited for.
        """
        known = job.state.number, opened.number, proposal.tx
        if known not in self._casts:
            found = self._find_cast(job, opened, proposal, max(seconds, LAST_MOMENT))
            if isinstance(found, Wait):
                return found
            self._casts[known] = found
        return self._casts[known]

    def set(self, job: MaskedJob, facts: RoundFacts, proposal: MaskProposal, seconds: float) -> frozenset[int] | Wait:
        """The set that this member comes to, under the receipts that a proposal names.

        Raises Unavailable where a file cannot be had that could before.
        """
        known = (facts.round.job, facts.round.number, proposal.tx)
        if known not in self._sets:
            found = self._find_set(job, facts, proposal, max(seconds, LAST_MOMENT))
            if isinstance(found, Wait):
                return found
            self._sets[known] = found
        return self._sets[known]

    def cast_files(self, facts: RoundFacts, seconds: float) -> dict[int, SetupFile] | Wait:
        """The set-up files of the fixed cast of a round's segment.

        Raises Unavailable where one cannot be had, Refuted where one is refused: no cast to take part in.
        """
        masks, state, number = facts.masks, facts.state, facts.round.number
        opened = masks.segment_of(number) if masks is not None else None
        if masks is None or opened is None or opened.cast is None:
            return Wait(f"round {number} has no cast yet")
        known = self._files.get(state.number)
        if known is not None and known[0] is opened:
            return known[1]
        copying = self.copy_setups(state, masks, opened, max(seconds, LAST_MOMENT))
        if copying is not None:
            return copying
        found = cast_files(self._connection.place, state.number, masks, opened, self._own)
        self._files[state.number] = opened, found
        return found

    def receipts(self, facts: RoundFacts, proposal: MaskProposal, seconds: float) -> tuple[SignedHave, ...] | Wait:
        """The entries of the receipts file that a proposed set names; none where it is not one."""
        what = f"the receipts of the set of round {facts.round.number}"
        if self._copies.set_receipts(facts, proposal, max(seconds, LAST_MOMENT)).copying:
            return Wait(f"copies {what}")
        try:
            self._copies.check_set_receipts(facts, proposal)
            pieces = self._connection.fetch(Cid(RAW, proposal.receipts), 0, MAX_SIZE + 1)
            return parse(b"".join(bytes(piece) for piece in pieces))
        except Unavailable:
            return Wait(f"no holder has {what}")
        except Malformed:
            return ()

    def _find_cast(
        self, job: MaskedJob, opened: SegmentState, proposal: MaskProposal, seconds: float
    ) -> frozenset[int] | Wait:
        state, masks = job.state, job.masks
        if self._asked.get(state.number) != proposal.tx:
            self._asked[state.number] = proposal.tx
            self._copies.ask_again(state, opened)  # who proposes has what it names
        copying = self.copy_setups(state, masks, opened, seconds)
        if copying is not None:
            return copying
        place = self._connection.place
        # A member that came later has no files of earlier segments: it asks others, or it would come to another cast.
        used = used_keys(place, state.number, masks, opened.number, self._connection.fetch, self._used)
        judged = judged_setups(place, state.number, masks, opened, self._own, used)
        away = {member for member, found in judged.items() if isinstance(found, Unavailable)}
        if lacking := sorted(away & proposal.members):
            return Wait(f"no holder has the set-up file of {self._connection.name(lacking[0])}")
        segment = self.segment(state, masks, opened)
        held = self._held.members(segment, opened)
        return agreeable_cast(masks, segment, opened, proposal, judged, job.left_out(opened), held)

    def _find_set(
        self, job: MaskedJob, facts: RoundFacts, proposal: MaskProposal, seconds: float
    ) -> frozenset[int] | Wait:
        receipts = self.receipts(facts, proposal, seconds)
        if isinstance(receipts, Wait):
            return receipts
        counted = certified(receipts, facts.roll) & job.masks.cast_of(facts.round.number)
        if waits := self._lacking(facts, counted, seconds):
            return waits
        opened = job.masks.segment_of(facts.round.number)
        groups = job.groups(opened) if opened is not None else ()
        return due_set(facts, self._connection.fetch, counted, job.convicted(facts.round.block), groups)

    def _lacking(self, facts: RoundFacts, members: Collection[int], seconds: float) -> Wait | None:
        """What is waited for until the updates of these members are here."""
        gathering, number = self._copies.gather(facts, seconds, members), facts.round.number
        if gathering.copying:
            return Wait(f"copies {', '.join(gathering.copying)} for the set of round {number}")
        if gathering.missing:
            return Wait(f"no holder has the update of {self._connection.name(min(gathering.missing))}")
        return None

    def _own(self, cid: Cid, start: int, stop: int | None) -> Iterator[Buffer]:
        """Bytes that this member holds. Raises Unavailable for others."""
        if self._connection.store is None:
            raise Unavailable("this home has no store")
        yield from files.read(self._connection.store, cid, start, stop)
