"""What an aggregator gathers for a masked job: set-up files, the receipts of a set that is fixed, and answers."""

from collections.abc import Hashable
from contextlib import suppress
from dataclasses import replace

from aggregator.gathering import Gathered, Gatherer
from aggregator.masking.segments import wanted_segment
from aggregator.masking.sets import is_fixed
from aggregator.situation import MaskSituation
from ledger.errors import Malformed, Unavailable
from ledger.formats.cid import RAW, Cid
from ledger.history.phases import present
from ledger.history.state import JobState, Phase
from ledger.history.state.masking import JobMasks, RoundMasks, SegmentState
from ledger.masks.groups import Groups
from ledger.masks.segment import Segment
from ledger.masks.setup import size_of
from ledger.party.connection import Connection
from ledger.party.masking.copies import MaskCopies
from ledger.party.masking.jobs import MaskedJobs
from ledger.rounds.facts import RoundFacts
from ledger.rounds.masking.setups import (
    KnownKeys,
    awaited,
    due_cast,
    frozen_at,
    held_back,
    judged_setups,
    segment_of,
    used_keys,
)
from ledger.rounds.receipts import MAX_SIZE, SignedHave, certified, parse

COPIED_IN = 30.0
"""Seconds that a set-up file or receipts have to come, before they are asked for again."""


class MaskGatherer:
    """Gathers without making the thread that decides wait. What it remembers only spares work."""

    def __init__(self, connection: Connection, copies: MaskCopies, gatherer: Gatherer) -> None:
        self._connection, self._copies, self._gatherer = connection, copies, gatherer
        self.jobs = MaskedJobs(connection)
        self._casts: dict[int, tuple[Hashable, tuple[frozenset[int], bool]]] = {}
        self._asked: dict[int, bytes] = {}
        self._used: KnownKeys = {}
        self._receipts: dict[bytes, tuple[tuple[SignedHave, ...], frozenset[int]]] = {}
        self._small: dict[int, tuple[int, frozenset[frozenset[int]]]] = {}

    def segment(self, state: JobState, masks: JobMasks, now: int) -> MaskSituation:
        """Of the segment that is to have a cast: set-up files that are here, and the cast that follows from them."""
        wanted = wanted_segment(state, masks)
        segment = masks.segments.get(wanted) if wanted is not None else None
        if segment is None or not segment.setups or segment.cast is not None:
            return MaskSituation()
        try:
            dealt = segment_of(self._connection.place, state.number, masks, segment)
        except Malformed:  # too few sound keys: no cast can come of it
            return MaskSituation()
        job = self.jobs.of(state).job
        if held_back(job, segment, now, self._connection.deep().number):
            return MaskSituation()
        if now > frozen_at(segment, masks, job) and self._asked.get(state.number) != segment.tx:
            self._asked[state.number] = segment.tx
            self._copies.ask_again(state, segment)  # whatever a member held by then, this one is to have
        files = self._copies.setups(state, segment, size_of(dealt), COPIED_IN)
        known = MaskSituation(files.copying, frozenset(files.missing))
        lacking = files.copying or files.missing or not self._all_set_up(state, segment, dealt)
        if now <= segment.deadline and lacking:
            return known
        cast, whole = self._cast(state, masks, segment, dealt, files.held)
        return replace(known, cast=cast, whole=whole)

    def of_round(
        self, facts: RoundFacts, masks: JobMasks, since: int, now: int, known: MaskSituation
    ) -> tuple[Gathered, MaskSituation]:
        """Of the round under way."""
        round_, phase = facts.round, present(facts.round, facts.state.terms, now).phase
        if phase not in (Phase.AGGREGATING, Phase.ATTESTING) or not round_.updates:
            return self._gatherer.gather(facts, since, now), known
        if not is_fixed(masks, round_.number):
            return self._gatherer.certificates(facts, since, now), self._unfixed(facts, known)
        if phase is Phase.ATTESTING:
            return Gathered(), known
        gathered = self._fixed(facts, masks.rounds[round_.number], now)
        return gathered, self._answered(facts, gathered, known)

    def _unfixed(self, facts: RoundFacts, known: MaskSituation) -> MaskSituation:
        """Where the set is to be proposed: who is in none, which certified updates make too small a one, and until when
        members may open a round before.
        """
        number, small = self._small.get(facts.round.job, (0, frozenset()))
        small = small if number == facts.round.number else frozenset()
        until = self.jobs.of(facts.state).opened_until(facts.round.number)
        return replace(known, convicted=self.convicted(facts), small=small, opened_until=until)

    def _fixed(self, facts: RoundFacts, mine: RoundMasks, now: int) -> Gathered:
        """The receipts that the set was proposed under, and the updates that they certify."""
        found = self._named(facts, mine)
        if found is None:
            return Gathered()
        receipts, counted = found
        return Gathered({}, receipts, counted, self._gatherer.files(facts, now, counted))

    def _answered(self, facts: RoundFacts, gathered: Gathered, known: MaskSituation) -> MaskSituation:
        """Whether the masks can be taken off the sum, or never will be."""
        shown, deep = self.jobs.of(facts.state).secrets(facts.round.number), self._connection.deep()
        unmasked = shown is not None and (bool(shown.lost) or (shown.complete and shown.known_in <= deep.number))
        return replace(known, named=gathered.certified if gathered.receipts else None, unmasked=unmasked)

    def convicted(self, facts: RoundFacts) -> frozenset[int]:
        """Who is in no set of a round. Raises Unavailable where a file that tells is not at hand."""
        return frozenset(self.jobs.of(facts.state).convicted(facts.round.block))

    def groups(self, facts: RoundFacts) -> Groups:
        """The groups of a round's cast. Raises Unavailable where a file that tells is not at hand."""
        job = self.jobs.of(facts.state)
        opened = job.masks.segment_of(facts.round.number)
        return job.groups(opened) if opened is not None else ()

    def note_small(self, facts: RoundFacts, counted: frozenset[int]) -> None:
        """Remember that these certified updates make too small a set."""
        number, small = self._small.get(facts.round.job, (0, frozenset()))
        others = small if number == facts.round.number else frozenset()
        self._small[facts.round.job] = facts.round.number, others | {counted}

    def _named(self, facts: RoundFacts, mine: RoundMasks) -> tuple[tuple[SignedHave, ...], frozenset[int]] | None:
        """The receipts that the fixed set was proposed under, and whose updates they certify; None while they are on
        their way.
        """
        proposal = mine.proposals[-1]
        if proposal.tx not in self._receipts:
            if self._copies.set_receipts(facts, proposal, COPIED_IN).copying:
                return None
            self._copies.check_set_receipts(facts, proposal)
            pieces = self._connection.fetch(Cid(RAW, proposal.receipts), 0, MAX_SIZE + 1)
            receipts = parse(b"".join(bytes(piece) for piece in pieces))
            self._receipts = {proposal.tx: (receipts, frozenset(certified(receipts, facts.roll)))}
        return self._receipts[proposal.tx]

    def _all_set_up(self, state: JobState, segment: SegmentState, dealt: Segment) -> bool:
        """Whether all published a file that can be in a segment's cast, as far as that can be told here."""
        lacking = dealt.keys.keys() - segment.setups.keys()
        if not lacking:
            return True
        with suppress(Unavailable):
            return lacking <= self.jobs.of(state).left_out(segment)
        return False

    def _cast(
        self, state: JobState, masks: JobMasks, segment: SegmentState, dealt: Segment, held: frozenset[int]
    ) -> tuple[frozenset[int], bool]:
        """Of set-ups that are deep: the cast, and whether it is whole. Worked out once for the same files.

        It is whole only where each file that was judged is `held`: bytes that make no file are kept by nobody, and
        members that its dealer does not show them would wait for it.
        """
        connection, deep = self._connection, self._connection.deep().number
        standing = frozenset(member for member, one in segment.setups.items() if one.block <= deep)
        key = segment.tx, standing, held
        if self._casts.get(state.number, (None,))[0] != key:
            place, fetch = connection.place, connection.fetch
            used = used_keys(place, state.number, masks, segment.number, fetch, self._used)
            judged = judged_setups(place, state.number, masks, segment, fetch, used)
            at_hand = {m: one for m, one in judged.items() if m in standing and not isinstance(one, Unavailable)}
            left_out = self.jobs.of(state).left_out(segment)
            cast, shown = due_cast(masks, segment, at_hand, left_out), {m: at_hand[m] for m in at_hand.keys() & held}
            self._casts[state.number] = key, (cast, not awaited(dealt, shown, left_out))
        return self._casts[state.number][1]
