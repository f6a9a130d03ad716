"""The history: the ledger's events folded into members, jobs and rounds, scores, and decisions.

The contracts enforce the rules; the folds (`members`, `jobs`, `scorings`, `masking`, `court` and `ballots`) check that
the events they are given could have come from them, in order and without a gap, and so notice a log that was cut,
reordered or forged on the way (docs/spec/audit.md).
"""

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple, assert_never

from ledger.errors import FedledgerError
from ledger.events import records as r
from ledger.events.rounds import Form
from ledger.formats.head import HeadTree
from ledger.history.ballots import Ballots
from ledger.history.budgets import Budgets, Scopes
from ledger.history.court import Court
from ledger.history.decisions import Decisions
from ledger.history.foundation import Foundation, require_founder
from ledger.history.impossible import Impossible
from ledger.history.jobs import Jobs
from ledger.history.mandate import require_mandate
from ledger.history.masking import Maskings
from ledger.history.members import Members
from ledger.history.scorings import Scorings
from ledger.history.state import JobState, Member, Round
from ledger.history.state.masking import JobMasks, KeyRegistration


class HistoryError(FedledgerError):
    """The events contradict each other: what delivered them cannot be trusted. Nothing was checked."""

    exit_code = 3


class KeyAct(NamedTuple):
    """What a key did for or about keys, roles and rules, as it stands in the log: a rotation, an approval, a vote."""

    key: str
    event: r.KeyRotated | r.RotationApproved | r.Voted


class History:
    """The state after a sequence of events, applied one by one. Readers must not change what it hands out.

    It keeps the tree of which heads are made: 32 bytes an event. `acts` are those that say who speaks for a member.
    """

    def __init__(self, foundation: Foundation, events: Iterable[r.AnyEvent] = ()) -> None:
        self.foundation = foundation
        self._members = Members()
        self._jobs = Jobs(self._members, foundation.record)
        self._scorings = Scorings(self._members, self._jobs, foundation.board)
        self._masks = Maskings(self._members, self._jobs)
        self._budgets = Budgets(self._members, self._jobs)
        self._court = Court(self._jobs)
        self.decisions = Decisions()
        self._ballots = Ballots(self._members, self._jobs, self.decisions)
        self.acts: list[KeyAct] = []
        self.applied = 0
        self.told = 0
        """How many events there are but for those of which each member makes one in a round: commitments, and
        attestations that agree. What these lead to, all together, is a round's next phase."""
        self._position = (-1, -1)
        self._tree = HeadTree(foundation.record.leaf)
        self._blocks: list[int] = []
        self.dated = 0
        """How many blocks hold its events."""
        for event in events:
            self.apply(event)

    @property
    def members(self) -> dict[int, Member]:
        """Members by index, those that left included."""
        return self._members.by_index

    def name(self, index: int) -> str:
        """What member `index` is called."""
        found = self._members.by_index.get(index)
        return found.name if found else self.foundation.name(index)

    def recovering(self, index: int, new: str) -> int:
        """How many members' approvals count that member `index` go on with the key `new`, an address."""
        return self._members.recovering(index, new)

    @property
    def jobs(self) -> dict[int, JobState]:
        """Jobs by number."""
        return self._jobs.by_number

    @property
    def masks(self) -> dict[int, JobMasks]:
        """The masks of jobs by number; an open job has none."""
        return self._masks.by_job

    @property
    def mask_keys(self) -> list[KeyRegistration]:
        """All registrations of mask keys, in order."""
        return self._masks.keys

    @property
    def scopes(self) -> Scopes:
        """What members spent of the budgets of scopes."""
        return self._budgets.scopes

    @property
    def epoch(self) -> int:
        """Number of the membership's state."""
        return self._members.epoch

    @property
    def successor(self) -> r.SuccessorNamed | None:
        """The ledger that the members go on with, as named last."""
        return self._members.successor

    @property
    def count(self) -> int:
        """How many members are active."""
        return self._members.count

    def member_of(self, key: str) -> Member | None:
        """The member that holds or ever held `key`."""
        return self._members.owner(key)

    def round(self, job: int, number: int) -> Round | None:
        state = self.jobs.get(job)
        return state.rounds.get(number) if state else None

    def electorate(self, round_: Round) -> list[Member]:
        """The members that may attest the round: those whose key was valid when it opened."""
        return [m for m in self.members.values() if m.active and m.since <= round_.epoch]

    @property
    def reached(self) -> int:
        """The block of its last event; -1 before any."""
        return self._position[0]

    def events_at(self, block: int) -> int:
        """How many events there are up to a block, it included."""
        return bisect_right(self._blocks, block)

    def head_at(self, block: int) -> bytes:
        """The head (32 bytes) over all events up to a block that the history reaches, it included."""
        return self._tree.head(self.events_at(block))

    def head_with(self, block: int, leaves: Iterable[bytes]) -> bytes:
        """The head over the events up to a block and, after them, events of these leaves instead of its own."""
        return self._tree.head_with(self.events_at(block), leaves)

    def apply(self, event: r.AnyEvent) -> None:
        """Take one more event. Raises HistoryError where it cannot follow, and then changes nothing."""
        mandate = self.decisions.mandate
        try:
            if (event.block, event.log) <= self._position:
                raise Impossible("events are out of order")
            require_founder(event, self.applied, self.foundation.members)
            require_mandate(event, self.decisions)
            self._court.require(event)
            act = self._act(event)
            self._fold(event)
        except Impossible as error:
            raise HistoryError(
                f"the ledger's log is damaged: {error}",
                event=type(event).__name__,
                block=event.block,
                log=event.log,
                advice="read the log again from another RPC endpoint",
            ) from error
        self._court.follow(event)
        self.acts.extend(act)
        if self.decisions.mandate is mandate:
            self.decisions.mandate = None  # its effect used it up
        self.dated += event.block != self._position[0]
        self._position = (event.block, event.log)
        self._tree.add(event.leaf)
        self._blocks.append(event.block)
        self.applied += 1
        self.told += not _is_one_of_many(event)

    def _act(self, event: r.AnyEvent) -> list[KeyAct]:
        """The event with the key that acts in it, before it takes effect; nothing for one of another sort."""
        match event:
            case r.RoundEvent():  # most are
                return []
            case r.KeyRotated() if self._members.due is None:
                return [KeyAct(event.old_key, event)]
            case r.RotationApproved() if event.member in self.members:
                return [KeyAct(self.members[event.member].key, event)]
            case r.Voted():
                return [KeyAct(event.member, event)]
        return []

    def _fold(self, event: r.AnyEvent) -> None:
        match event:
            case r.RoundEvent():
                self._jobs.apply_round(event)
            case r.BallotEvent():
                self._ballots.apply(event)
            case r.ScoreEvent():
                self._scorings.apply(event)
            case r.MaskEvent():
                self._masks.apply(event)
            case r.BudgetEvent():
                self._budgets.apply(event)
            case r.CourtEvent():
                self._court.apply(event)
            case r.MemberEvent():
                self._members.apply(event)
            case r.JobEvent():
                self._jobs.apply(event)
                if isinstance(event, r.ModelConvicted):
                    self._ballots.convict(event)
            case r.ReleaseEvent():
                self._ballots.apply_release(event)
            case _:
                assert_never(event)


def _is_one_of_many(event: r.AnyEvent) -> bool:
    agrees = isinstance(event, r.Attested) and event.form is Form.AGREE
    return agrees or isinstance(event, r.UpdateCommitted)
