"""MASKS, of a job's segments: each set-up file that was published, and each cast that was agreed with."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ledger.audit.claims import model_claim
from ledger.audit.context import Context
from ledger.audit.masking.said import for_cast, set_up
from ledger.audit.report import Check, LieState
from ledger.errors import Unavailable
from ledger.events.evidence import Said
from ledger.formats.cid import RAW, Cid
from ledger.history.state.masking import MaskProposal, SegmentState, SetUp
from ledger.masks.blame import Fault, Guilty
from ledger.masks.setup import SetupFile
from ledger.rounds.masking.convictions import MaskedJob, last_before
from ledger.rounds.masking.setups import JudgedSetup, judged_setups, published

UNSIGNED = "too few members have signed the history up to there"
"""Why nobody is convicted by events that a chain node could have left out."""


class SegmentsAudit:
    """Audits segments of one masked job."""

    def __init__(self, audit: Context, judge: MaskedJob, numbers: Iterable[int]) -> None:
        self.audit, self.judge, self.job = audit, judge, judge.state.number
        self.numbers = sorted(set(numbers) & judge.masks.segments.keys())

    def run(self) -> None:
        """Judge set-ups and casts."""
        for number in self.numbers:
            opened, judge = self.judge.masks.segments[number], self.judge
            judged = judged_setups(judge.place, self.job, judge.masks, opened, judge.fetch)
            for member, found in judged.items():
                self._setup(opened, opened.setups[member], found)
            for proposal in opened.proposals:
                self._cast(opened, proposal, judged)
            self._unreadable(opened)

    def _setup(self, opened: SegmentState, said: SetUp, found: JudgedSetup) -> None:
        """A file that is refused is its dealer's lie; one of the cast that is gone is owed by those who agreed."""
        if isinstance(found, SetupFile):
            self.audit.found.verify(Check.MASKS)
            return
        what, cid = f"the set-up of {self._name(said.index)} for {self._place(opened)}", str(Cid(RAW, said.cid))
        if isinstance(found, Guilty):
            if said.block <= self.audit.signed_to:
                made, basis = set_up(self.job, opened, said), self._earlier(opened, found)
                self.audit.convict(made, what, "caught", Check.MASKS, basis, why=found.what, job=self.job, cid=cid)
            else:
                self._open(what, f"{found.what}; {UNSIGNED}", cid=cid)
        elif opened.cast is not None and said.index in opened.cast:
            agreed = for_cast(self.job, opened, opened.proposals[-1])
            why = f"it could not be had: {found.message}"
            self.audit.blame(agreed, Check.MASKS, what, why, job=self.job, cid=cid)

    def _earlier(self, opened: SegmentState, found: Guilty) -> list[Said]:
        """What else a dealer said that used a round key before: its set-ups of the earlier casts that it was in."""
        if found.fault is not Fault.REUSE:
            return []
        before = (one for number, one in sorted(self.judge.masks.segments.items()) if number < opened.number)
        casts = (one for one in before if one.cast is not None and found.member in one.cast & one.setups.keys())
        return [set_up(self.job, one, one.setups[found.member]) for one in casts]

    def _cast(self, opened: SegmentState, proposal: MaskProposal, judged: Mapping[int, JudgedSetup]) -> None:
        """Who proposed a cast, and who agreed, said that each of its members set up, and is not left out."""
        what = f"the cast of {self._place(opened)}"
        try:
            left_out = self.judge.left_out(opened)
        except Unavailable as error:
            self._open(what, f"whom it is to leave out could not be judged: {error.message}")
            return
        wrong = sorted(self._wrong(opened, proposal, judged, left_out))
        fixed = opened.cast is not None and proposal is opened.proposals[-1]
        if wrong and proposal.block <= self.audit.signed_to:
            why = f"a cast that it agreed with has {'; '.join(f'{self._name(m)}: {why}' for m, why in wrong)}"
            basis = [set_up(self.job, opened, opened.setups[m]) for m, _ in wrong if m in opened.setups]
            self._convict(for_cast(self.job, opened, proposal), what, why, basis, opened, fixed=fixed)
        elif wrong:
            self._open(what, f"it has members that it should not have, and {UNSIGNED}")
        else:
            self.audit.found.verify(Check.MASKS, len(proposal.agreeing))
        counting = {member for member, one in judged.items() if isinstance(one, SetupFile)}
        missed = counting - left_out - proposal.members if fixed else set()
        if missed:
            self._open(what, f"it was fixed without {self.audit.names(missed)}, whose set-up files can be had now")

    def _unreadable(self, opened: SegmentState) -> None:
        """Packets that do not open are no lie that could be shown: their dealer is named, and not convicted."""
        earlier = last_before(self.judge.masks, opened.number)
        if earlier is None:
            return
        try:
            found = self.judge.unreadable(opened)
        except Unavailable as error:
            self._open(f"the packets for {self._place(earlier)}", f"they could not be judged: {error.message}")
            return
        for dealer in sorted(found):
            what = f"the packets of {self._name(dealer)} for {self._place(earlier)}"
            why = "so many members gave no shares of it that one of them at least is honest: they do not open"
            dealt = [set_up(self.job, earlier, earlier.setups[dealer])]
            self.audit.blame(dealt, Check.MASKS, what, why, job=self.job)

    def _convict(
        self, said: Iterable[Said], what: str, why: str, basis: list[Said], opened: SegmentState, *, fixed: bool
    ) -> None:
        rounds = self.judge.state.rounds.items()
        mine = [n for n, round_ in rounds if self.judge.masks.number_of(n) == opened.number and round_.final]
        touches = tuple(model_claim(self.job, number) for number in mine) if fixed else ()
        state: LieState = "standing" if fixed else "caught"
        for one in said:
            self.audit.convict(one, what, state, Check.MASKS, basis, why=why, job=self.job, touches=touches)

    @staticmethod
    def _wrong(
        opened: SegmentState,
        proposal: MaskProposal,
        judged: Mapping[int, JudgedSetup],
        left_out: frozenset[int],
    ) -> Iterator[tuple[int, str]]:
        """The members that a cast should not have, each with why. That one used a round key before, only those see who
        can have its earlier files: nobody is to blame for agreeing with it.
        """
        for member in proposal.members:
            found = judged.get(member)
            if found is None or not published(opened, proposal, member):
                yield member, "it published no set-up before that could count"
            elif isinstance(found, Guilty) and found.fault is not Fault.REUSE:
                yield member, "its set-up file is refused"
            elif member in left_out:
                yield member, "it was convicted before, its packets do not open, or its data are withdrawn"

    def _name(self, member: int) -> str:
        return self.audit.names([member])

    def _place(self, opened: SegmentState) -> str:
        return f"segment {self.job}/{opened.number}"

    def _open(self, what: str, why: str, **detail: Any) -> None:
        self.audit.leave_open(Check.MASKS, what, why, job=self.job, **detail)
