"""Sets of rounds: the fold of proposals, agreement, and of what is shown for a set that is fixed.

`ledger.history.masking` hands it those events.
"""

from dataclasses import dataclass
from typing import assert_never

from ledger.events import masks as r
from ledger.formats.digest import NOTHING
from ledger.history.impossible import Impossible
from ledger.history.phases import present
from ledger.history.speakers import Speakers
from ledger.history.state import JobState, Phase, Round
from ledger.history.state.masking import Agreed, JobMasks, KeyShown, MaskAnswer, MaskProposal, RoundMasks, members_in

SHARE = 33
AnySetEvent = r.SetProposed | r.SetAgreed | r.SetFixed | r.Unmasked | r.SharesGiven | r.UpdateUnmasked


@dataclass(slots=True)
class Sets:
    """The rounds of one masked job."""

    speakers: Speakers
    job: JobState
    masks: JobMasks

    def apply(self, event: AnySetEvent) -> bool:
        """Take one more event: whether a majority agrees, by this one, with what is proposed.

        Raises Impossible where it cannot follow, and then changes nothing.
        """
        match event:
            case r.SetProposed():
                self._propose(event)
            case r.SetAgreed():
                return self._agree(event)
            case r.SetFixed():
                self._fix(event)
            case r.Unmasked():
                self._unmask(event)
            case r.SharesGiven():
                self._give(event)
            case r.UpdateUnmasked():
                self._show(event)
            case _:
                assert_never(event)
        return False

    def _propose(self, event: r.SetProposed) -> None:
        round_, found = self.job.current, self.masks.rounds.get(event.round)
        if round_ is None or round_.number != event.round:
            raise Impossible(f"round {event.round} is not the current round of job {event.job}")
        index = self.speakers.aggregator(event.aggregator, round_.epoch)
        made, set_ = event.deadline - self.masks.terms.set_seconds, members_in(event.set)
        turn = self._may_again(found, index, made) if found else self._may_first(round_, index, made)
        turn = turn and (found is not None or self._opening_over(made))
        if not turn or not self._under_way(round_, made) or not self._fits(round_, set_) or event.receipts == NOTHING:
            raise Impossible(f"member {index} cannot propose this set of round {event.round}")
        masks = self.masks.rounds.setdefault(event.round, RoundMasks(event.round, round_.epoch, round_.members))
        signer, where = event.aggregator, (event.tx, event.block)
        agreeing = {index: Agreed(signer, *where)}
        proposal = MaskProposal(index, set_, event.deadline, *where, signer, event.receipts, agreeing)
        masks.proposals.append(proposal)

    def _under_way(self, round_: Round, at: int) -> bool:
        """Whether opening is over at that time, and the round is not. A false aggregate ends no round."""
        phase, deadline = present(round_, self.job.terms, at)
        return phase is Phase.ATTESTING or (
            phase is Phase.AGGREGATING and self._since(round_, deadline) <= at <= deadline
        )

    def _since(self, round_: Round, deadline: int) -> int:
        """When an Aggregating began that ends so: the first has twice the time of those after a failed attempt."""
        return deadline - (1 if round_.attempt else 2) * self.job.terms.aggregate_seconds

    def _may_first(self, round_: Round, index: int, at: int) -> bool:
        """Whether a member may propose the round's first set at that time: its opener alone for so long."""
        phase, deadline = present(round_, self.job.terms, at)
        until = self._since(round_, deadline) + self.masks.terms.set_seconds
        alone = phase is Phase.AGGREGATING and not round_.attempt and at <= until
        return index == round_.opener_index or not alone

    def _opening_over(self, at: int) -> bool:
        """Whether the last round with a set, where it has no model, may have ended so long ago that its members had
        their time to open. When it ended is the contract's word; it was under way when its set was fixed, or, where
        that came after its end, when the set was proposed.
        """
        last = next(reversed(self.masks.rounds.values()), None)
        if last is None or last.set is None or self.job.latest == last.round:
            return True
        return at > last.under_way + self.masks.terms.unmask_seconds

    @staticmethod
    def _may_again(masks: RoundMasks, index: int, at: int) -> bool:
        """Whether a member may propose one after those that lapsed."""
        lapsed = {one.proposer for one in masks.proposals}
        return masks.set is None and at > masks.proposals[-1].deadline and index not in lapsed

    def _fits(self, round_: Round, set_: frozenset[int]) -> bool:
        """Whether the contract takes a set. Where every participant's update is open, it looks no further."""
        opened, least = round_.updates.keys(), self.masks.terms.smallest
        whose = len(opened) == round_.participants or set_ <= opened
        return least <= len(set_) <= len(opened) and whose and set_ <= self.masks.cast_of(round_.number)

    def _agree(self, event: r.SetAgreed) -> bool:
        masks = self._latest(event)
        index = self.speakers.member(event.member, masks.epoch)
        if masks.set is not None or index in masks.proposals[-1].agreeing:
            raise Impossible(f"member {index} cannot agree with a set of round {event.round}")
        self.speakers.remember(event.member, index, masks.epoch)
        masks.proposals[-1].agreeing[index] = Agreed(event.member, event.tx, event.block)
        return len(masks.proposals[-1].agreeing) >= masks.majority

    def _fix(self, event: r.SetFixed) -> None:
        masks, terms = self._latest(event), self.masks.terms
        proposal, fixed = masks.proposals[-1], event.unmask_deadline - terms.unmask_seconds
        in_time = proposal.deadline - terms.set_seconds <= fixed <= proposal.deadline
        whole = event.share_deadline == event.unmask_deadline + terms.share_seconds
        if len(proposal.agreeing) < masks.majority or members_in(event.set) != proposal.members:
            raise Impossible(f"no majority agrees with this set of round {event.round}")
        if masks.set is not None or not in_time or not whole:
            raise Impossible(f"the set of round {event.round} cannot be fixed so")
        masks.set, masks.fixed_in = proposal.members, event.block
        ended = self.job.rounds[event.round].phase.terminal
        masks.under_way = proposal.deadline - terms.set_seconds if ended else fixed
        masks.unmask_deadline, masks.share_deadline = event.unmask_deadline, event.share_deadline

    def _unmask(self, event: r.Unmasked) -> None:
        masks = self._fixed(event)
        index = self.speakers.member(event.member, masks.epoch)
        if index not in masks.silent or masks.given:
            raise Impossible(f"member {index} cannot unmask round {event.round}")
        shares = shares_in(event.shares, self._dropped(masks))
        self.speakers.remember(event.member, index, masks.epoch)
        masks.answers[index] = MaskAnswer(index, event.seed, shares, event.tx, event.block, event.member)

    def _give(self, event: r.SharesGiven) -> None:
        masks = self._fixed(event)
        index = self.speakers.member(event.member, masks.epoch)
        shares = shares_in(event.shares, self.masks.cast_of(masks.round))
        if not shares or index in masks.given:
            raise Impossible(f"member {index} cannot give shares of round {event.round}")
        self.speakers.remember(event.member, index, masks.epoch)
        masks.given[index] = MaskAnswer(index, None, shares, event.tx, event.block, event.member)

    def _show(self, event: r.UpdateUnmasked) -> None:
        masks, round_ = self._fixed(event), self.job.rounds[event.round]
        index = self.speakers.member(event.member, masks.epoch)
        over = round_.phase.terminal and round_.final is None
        if not over or event.key == NOTHING or index not in (masks.set or ()):
            raise Impossible(f"member {index} cannot open its update of round {event.round}")
        self.speakers.remember(event.member, index, masks.epoch)
        shown = KeyShown(index, event.key, event.tx, event.block, event.member)
        masks.shown.setdefault(index, shown)

    def _latest(self, event: AnySetEvent) -> RoundMasks:
        """The round for which a set was proposed last, which the event must be about."""
        latest = next(reversed(self.masks.rounds.values()), None)
        if latest is None or latest.round != event.round:
            raise Impossible(f"no set of round {event.round} is proposed")
        return latest

    def _fixed(self, event: AnySetEvent) -> RoundMasks:
        masks = self._latest(event)
        if masks.set is None:
            raise Impossible(f"round {event.round} has no set")
        return masks

    def _dropped(self, masks: RoundMasks) -> frozenset[int]:
        """The members of the cast outside of the set."""
        return self.masks.cast_of(masks.round) - (masks.set or frozenset())


def shares_in(data: bytes, allowed: frozenset[int]) -> dict[int, bytes]:
    """Shares by the index of their dealers, which are of those allowed. Raises Impossible for other bytes than 33 each,
    by ascending index.
    """
    rows = [data[start : start + SHARE] for start in range(0, len(data), SHARE)]
    dealers = [row[0] for row in rows]
    if len(data) % SHARE or not allowed.issuperset(dealers) or sorted(set(dealers)) != dealers:
        raise Impossible("shares of others than are asked for, or not in their one order")
    return {row[0]: row[1:] for row in rows}
