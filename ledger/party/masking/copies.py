"""The files that only masked jobs have: set-up files, and the receipts that a set is proposed under."""

from functools import cached_property

from ledger.formats.cid import RAW, Cid, of_file
from ledger.history.state import JobState
from ledger.history.state.masking import MaskProposal, SegmentState
from ledger.party.copies import Copies, Gathering
from ledger.party.copying import Copying
from ledger.party.pins import set_receipts_pin, setup_pin
from ledger.rounds.facts import RoundFacts
from ledger.rounds.receipts import MAX_SIZE as MAX_RECEIPTS


class MaskCopies(Copies):
    """Copies of all jobs' files, and of masked ones' these, too. Of an earlier opening of a segment nothing is
    remembered.
    """

    @cached_property
    def _opened(self) -> dict[tuple[int, int], tuple[bytes, dict[Cid, Copying]]]:
        """By job and segment: its opening's transaction, and the files."""
        return {}

    def setups(self, state: JobState, segment: SegmentState, size: int, seconds: float) -> Gathering:
        """The set-up files of a segment, of `size` bytes each, copied in the background, each within `seconds`.

        To be called again and again, as `gather`. What is not such a file counts as had, and is not held: judging it
        says what is wrong with it.
        """
        return self._gather([self._setup(state, segment, member, size) for member in segment.setups], seconds)

    def ask_again(self, state: JobState, segment: SegmentState) -> None:
        """Ask for those of these files at once that could not be had when they were last asked for."""
        opening, files = self._opened.get((state.number, segment.number), (b"", {}))
        for file in files.values() if opening == segment.tx else ():
            file.again = 0.0

    def set_receipts(self, facts: RoundFacts, proposal: MaskProposal, seconds: float) -> Gathering:
        """The receipts file that a proposed set names."""
        return self._gather([self._set_receipts(facts, proposal)], seconds)

    def check_set_receipts(self, facts: RoundFacts, proposal: MaskProposal) -> None:
        """Raises Unavailable where that file could not be had when it was last asked for."""
        file = self._set_receipts(facts, proposal)
        if file.failed is not None:
            raise file.failed

    def _dues(self, job: int) -> list[float]:
        """Of set-up files, too."""
        mine = [file for (number, _), (_, files) in self._opened.items() if number == job for file in files.values()]
        return super()._dues(job) + self._due_of(mine)

    def _known(self) -> list[Copying]:
        return super()._known() + [file for _, files in self._opened.values() for file in files.values()]

    def _setup(self, state: JobState, segment: SegmentState, member: int, size: int) -> Copying:
        place = state.number, segment.number
        opening, files = self._opened.get(place, (b"", {}))
        if opening != segment.tx:
            files = {}
            self._opened[place] = segment.tx, files
        cid = of_file(segment.setups[member].cid, size)
        if cid not in files:
            pin, name = setup_pin(state.number, segment.number, member), f"the set-up file of member {member}"
            files[cid] = Copying(self._connection, cid, pin, name, size, first=self._named(member))
        files[cid].members.add(member)
        return files[cid]

    def _set_receipts(self, facts: RoundFacts, proposal: MaskProposal) -> Copying:
        files, cid = self._files(facts), Cid(RAW, proposal.receipts)
        if cid not in files:
            pin = set_receipts_pin(facts.round.job, facts.round.number, proposal.receipts)
            first, name = self._named(proposal.proposer), "the receipts of the set"
            files[cid] = Copying(self._connection, cid, pin, name, MAX_RECEIPTS, first=first)
        return files[cid]

    def _named(self, member: int) -> frozenset[str]:
        """The name of a member that has a file, since it made it: asked first, however many others stand still."""
        return frozenset({self._connection.history.name(member)})
