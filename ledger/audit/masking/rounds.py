"""MASKS, of one round: each set that was agreed with, what members showed of their secrets, and what they opened."""

from collections.abc import Iterable, Iterator
from typing import Any

from ledger.audit.certificates import ReceiptsFiles
from ledger.audit.claims import model_claim, round_place
from ledger.audit.context import Context
from ledger.audit.masking.said import answered, for_set, opened, set_up
from ledger.audit.masking.segments import UNSIGNED
from ledger.audit.remade import Remade
from ledger.audit.report import Check, LieState
from ledger.audit.said import committed
from ledger.errors import Unavailable
from ledger.events.evidence import Said
from ledger.history.state.masking import MaskAnswer, MaskProposal, RoundMasks, SegmentState
from ledger.masks.blame import Fault
from ledger.rounds.facts import RoundFacts
from ledger.rounds.masking.answers import Blame
from ledger.rounds.masking.convictions import MaskedJob, VoidRound
from ledger.rounds.masking.noise import noise_floor
from ledger.rounds.masking.openings import Opened, convicts
from ledger.rounds.masking.sets import REFUSED, candidates, set_of

_WHAT = {
    Fault.SEED: "the self seed that {who} showed in {place}",
    Fault.SHARE: "a share that {who} showed in {place}",
    Fault.DEALING: "what {who} dealt for {place}",
}


class MasksAudit:
    """Audits what the ledger has of one round's masks."""

    def __init__(
        self, audit: Context, judge: MaskedJob, facts: RoundFacts, files: ReceiptsFiles, remade: Remade
    ) -> None:
        self.audit, self.judge, self.facts, self.files, self.remade = audit, judge, facts, files, remade
        self.job, self.round = facts.round.job, facts.round
        self.segment: SegmentState | None = judge.masks.segment_of(self.round.number)
        self.said: RoundMasks | None = judge.masks.rounds.get(self.round.number)

    def run(self) -> None:
        """Judge all of it; what cannot be judged for want of bytes is open."""
        if self.said is None or self.segment is None:
            return
        for proposal in self.said.proposals:
            self._set(self.said, proposal)
        if self.said.set is None:
            return
        self._noise()
        try:
            self._secrets(self.said, self.segment)
            self._openings(self.said, self.segment)
        except Unavailable as error:
            self._open(f"what was shown in {self._place}", f"it could not be judged: {error.message}")

    def _set(self, said: RoundMasks, proposal: MaskProposal) -> None:
        """Who proposed a set, and who agreed, said that it follows from the receipts that the proposal names."""
        what = f"the set of {self._place}"
        try:
            due = self._due(proposal)
        except Unavailable as error:
            self._open(what, f"it could not be judged: {error.message}")
            return
        fixed = said.set is not None and proposal is said.proposals[-1]
        if proposal.members == due:
            self.audit.found.verify(Check.MASKS, len(proposal.agreeing))
        elif proposal.block <= self.audit.signed_to:
            final = fixed and self.round.final is not None
            touches = (model_claim(self.job, self.round.number),) if final else ()
            why = "a set that a member agreed with is not the one that its receipts lead to"
            told = {"expected": self.audit.names(due), "actual": self.audit.names(proposal.members)}
            basis = [committed(self.round, update) for update in self.round.sorted_updates()]
            state: LieState = "standing" if fixed else "caught"
            detail: dict[str, Any] = {"why": why, "touches": touches, **self._where, **told}
            for one in for_set(self.job, self.round.number, proposal):
                self.audit.convict(one, what, state, Check.MASKS, basis, **detail)
        else:
            self._open(what, f"it is not the one that its receipts lead to, and {UNSIGNED}")

    def _due(self, proposal: MaskProposal) -> frozenset[int]:
        """The set that a proposal's receipts lead to. Raises Unavailable where bytes are not at hand."""
        certified = self.files.read(proposal.receipts).certified
        looked_at = candidates(self.facts, certified, self.judge.convicted(self.round.block))
        missing = sorted(looked_at & self.remade.missing.keys())
        if missing:
            raise Unavailable(f"the update of {self.audit.names(missing)} could not be had")
        refused = (i for i in looked_at if self.remade.judged[i].decision.verdict in REFUSED)
        groups = self.judge.groups(self.segment) if self.segment is not None else ()
        return set_of(self.facts, groups, looked_at, refused)

    def _noise(self) -> None:
        """Whether each sum has as much noise as its members are to add: nobody is named, a sum is of all of them."""
        for part, squares in self.remade.squares:
            floor = noise_floor(self.facts.job, len(part.places))
            if squares < floor:
                self._too_quiet(part.group, squares, floor)
            elif floor:
                self.audit.found.verify(Check.MASKS)

    def _too_quiet(self, group: int, squares: int, floor: int) -> None:
        place = f"{self._place}, group {group}" if group else self._place
        why = (
            f"the sum's squares add up to {squares}, and with honest noise to {floor} at least, but for one of 2^64 "
            "rounds: its members added less noise than the job says, and the costs on record hide less than they claim"
        )
        self._open(f"the noise of {place}", why, expected=str(floor), actual=str(squares))

    def _secrets(self, said: RoundMasks, segment: SegmentState) -> None:
        """Every seed and share against what its dealer listed, every secret that was made of shares."""
        shown = self.judge.secrets(self.round.number)
        if shown is None:
            return
        self.audit.found.verify(Check.MASKS, len(shown.seeds) + len(shown.keys))
        for blame in shown.blame:
            who = self.audit.names([blame.guilty.member])
            what = _WHAT[blame.guilty.fault].format(who=who, place=self._place)
            statement, basis = self._statement(said, segment, blame)
            self._convict(statement, what, blame, basis)

    def _statement(self, said: RoundMasks, segment: SegmentState, blame: Blame) -> tuple[Said, list[Said]]:
        """What convicts a member, and what others said that the conviction rests on."""
        member, number = blame.guilty.member, self.round.number
        if blame.guilty.fault is Fault.DEALING:
            givers = [answer for answer in _all(said) if member in answer.shares]
            return set_up(self.job, segment, segment.setups[member]), [
                answered(self.job, number, one) for one in givers
            ]
        (answer,) = [one for one in _all(said) if one.index == member and one.tx == blame.tx]
        dealer = blame.guilty.facts.get("dealer", member)
        dealt = [set_up(self.job, segment, segment.setups[dealer])] if isinstance(dealer, int) else []
        return answered(self.job, number, answer), dealt

    def _openings(self, said: RoundMasks, segment: SegmentState) -> None:
        """A sum out of its bounds, and whose update was at fault; who opened falsely, or not at all."""
        void = self.judge.void(self.round.number, time=self._now())
        if void is None:
            return
        for bad in void.sums:
            named, who = ("", "its set") if not bad.group.number else (f"{bad.name} in ", "that group")
            why = f"{bad.decision.verdict.name}: {bad.decision.message}"
            self._open(f"the sum of {named}{self._place}", f"{why}; no model was made, and {who} is asked to open")
        for member, one in sorted(void.opened.items()):
            self._opened(said, segment, member, one, void)
        for blame in void.false:
            member = blame.guilty.member
            dealt = [set_up(self.job, segment, segment.setups[member])]
            made = opened(self.job, self.round.number, said.shown[member])
            self._convict(made, f"the opening of {self._update(member)}", blame, dealt)
        for member in sorted(void.silent):
            why = "its set was asked to open, and it did not in time"
            owed = [committed(self.round, self.round.updates[member])]
            self.audit.blame(owed, Check.MASKS, self._update(member), why, **self._where)

    def _opened(self, said: RoundMasks, segment: SegmentState, member: int, one: Opened, void: VoidRound) -> None:
        guilty = convicts(member, one, self.round.number)
        if guilty is None:
            self.audit.found.verify(Check.MASKS)
            return
        mine = next((bad.group.members for bad in void.sums if member in bad.group.members), frozenset[int]())
        keys = [one.key] if one.key else [o.key for m, o in void.opened.items() if m in mine and o.key]
        basis = [opened(self.job, self.round.number, key) for key in keys]
        basis += [set_up(self.job, segment, segment.setups[dealer]) for dealer in sorted(segment.cast or ())]
        others = () if one.key else sorted((void.opened.keys() & mine) - {member})
        basis += [committed(self.round, self.round.updates[other]) for other in others]
        basis += [answered(self.job, self.round.number, answer) for answer in _all(said)]
        made = committed(self.round, self.round.updates[member])
        self._convict(made, self._update(member), Blame(guilty, made.tx, one.block), basis)

    def _convict(self, said: Said, what: str, blame: Blame, basis: Iterable[Said]) -> None:
        """Nobody is convicted by events that a chain node could have left out."""
        if blame.block <= self.audit.signed_to:
            self.audit.convict(said, what, "caught", Check.MASKS, basis, why=blame.guilty.what, **self._where)
        else:
            self._open(what, f"{blame.guilty.what}; {UNSIGNED}")

    def _now(self) -> int | None:
        """The time of the last block with an event, where its hash covers it."""
        shown = self.audit.blocks(self.audit.history.reached)
        return shown.time if shown is not None and shown.proved else None

    def _update(self, member: int) -> str:
        return f"the update of {self.audit.names([member])} in {self._place}"

    @property
    def _place(self) -> str:
        return f"round {round_place(self.round)}"

    @property
    def _where(self) -> dict[str, int]:
        return {"job": self.job, "round": self.round.number}

    def _open(self, what: str, why: str, **detail: Any) -> None:
        self.audit.leave_open(Check.MASKS, what, why, **self._where, **detail)


def _all(said: RoundMasks) -> Iterator[MaskAnswer]:
    """All that members showed of a round's secrets."""
    yield from said.answers.values()
    yield from said.given.values()
