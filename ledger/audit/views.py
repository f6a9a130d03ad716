"""Where an aggregate was made from, held against the history: which head it should name, and if that is certain."""

from dataclasses import dataclass

from ledger.audit.context import Context
from ledger.audit.said import agreed
from ledger.events.evidence import Unproven
from ledger.history.state import Aggregate, Round
from ledger.rounds.facts import Standpoint
from ledger.rounds.outcome import Outcome
from ledger.rounds.receipts import signers_needed


@dataclass(frozen=True, slots=True)
class AttemptView:
    """The history's head at an aggregate's block; `certain` where members signed it, of whom one at least is honest.

    `foreign`: the served chain has another block in its place, on which the contract would not have taken it.
    """

    point: Standpoint
    head: bytes
    certain: bool
    foreign: bool

    @classmethod
    def of(cls, audit: Context, round_: Round, aggregate: Aggregate) -> "AttemptView":
        """That of an aggregate on record."""
        shown, head = audit.blocks(aggregate.as_of), audit.history.head_at(aggregate.as_of)
        foreign = shown is None or shown.hash != aggregate.anchor
        certain = aggregate.as_of <= audit.signed_to or (
            head == aggregate.head and _is_vouched(audit, round_, aggregate)
        )
        return cls(Standpoint.of(aggregate), head, certain, foreign)

    @property
    def differs(self) -> bool:
        """Whether the aggregate names another head than the history has."""
        return self.head != self.point.head

    def claim(self, outcome: Outcome, receipts: bytes) -> bytes:
        """What an honest party claims of an outcome with that receipts file."""
        return outcome.claim(self.point._replace(head=self.head, receipts=receipts))


def _is_vouched(audit: Context, round_: Round, aggregate: Aggregate) -> bool:
    """Whether so many members signed for the aggregate's head that one of them is honest."""
    if aggregate.agreeing < signers_needed(round_.members):
        return False
    try:
        for said in agreed(round_, aggregate):
            audit.show(said)
    except Unproven:
        return False
    return True
