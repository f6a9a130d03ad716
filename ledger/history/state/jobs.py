"""A job, with its rounds and their scores."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from ledger.events import rounds as r
from ledger.events.budgets import Spending
from ledger.events.court import Convicted
from ledger.history.state.rounds import Aggregate, Round
from ledger.history.state.scorings import Scoring

JobStage = Literal["proposed", "open", "complete", "closed", "convicted"]


@dataclass(slots=True)
class JobSpending:
    """What the job's proposer said that a round costs, in transaction `tx` of `block`; and who spent it: `spent` by
    round, `paid` those who did before they committed to an update.
    """

    terms: Spending
    tx: bytes
    block: int
    spent: dict[int, frozenset[int]] = field(default_factory=dict)
    paid: dict[int, frozenset[int]] = field(default_factory=dict)

    def has_spent(self, number: int, index: int) -> bool:
        """Whether a member spent round `number`'s cost."""
        return index in self.spent.get(number, ())

    def has_paid(self, number: int, index: int) -> bool:
        """Whether it did so before it committed to its update."""
        return index in self.paid.get(number, ())

    def take(self, number: int, index: int, *, paid: bool) -> None:
        """A member spent the cost of a round."""
        for chosen in (self.spent, *((self.paid,) if paid else ())):
            chosen[number] = chosen.get(number, frozenset()) | {index}


class WithdrawnData(NamedTuple):
    """What a member said in transaction `tx` of `block`, under its key: no round after `last_round`, the newest one
    then (0 before the first), gets an update of its own. `statement` is the digest of its statement's CID.
    """

    member: str
    statement: bytes
    last_round: int
    block: int
    tx: bytes


class ShowCall(NamedTuple):
    """Of a call in which updates were shown to the court what is needed to read it again, and no more: strangers may
    make as many as they pay for."""

    tx: bytes
    low: int
    high: int
    first: int
    shown: int


class Conviction(NamedTuple):
    """What the court found of an attempt at a round; and what its sender had shown of that value by then, in order."""

    attempt: int
    said: Convicted
    shows: tuple[ShowCall, ...] = ()


class ShowPlace(NamedTuple):
    """What the calls belong to in which a key shows updates to the court."""

    caller: str
    claim: bytes
    value: int
    low: int
    high: int


@dataclass(slots=True)
class JobState:
    """A job as the ledger knows it; its document is in the content store under `digest`.

    `approvals` are the members that approved it since the consortium's recovery number `recoveries`: the next one
    discards them. `finalised` counts the rounds with a model, `latest` is the number of the last one that the next
    round builds on. `strikes` are by member index: turns that were left and attempts that failed, less the rounds
    finalised since. `block` is that of its proposal, `opened_in` and `closed_in` are those of its opening and its
    closing, 0 before them. `spending` is absent where its rounds cost nothing; `withdrawn` has, by member index, who
    withdrew its data.

    `convictions` are the court's, in order. Where the model of a finalised round stands convicted, `convicted` is the
    lowest such round and `sound` the one before it, 0 for the initial model: no round opens until the members close the
    job or rewind it to `sound`. `void` are the rounds that rewinds left out, each from a convicted one to the last
    there was then, both included. `shows` has the calls in which updates were shown to the court, the latest ones from
    the first update on.
    """

    number: int
    digest: bytes
    proposer: str
    terms: r.Terms
    model: r.ModelTerms
    tx: bytes
    approvals: frozenset[int] = frozenset()
    recoveries: int = 0
    open: bool = False
    closed: bool = False
    rounds: dict[int, Round] = field(default_factory=dict)
    finalised: int = 0
    latest: int = 0
    strikes: dict[int, int] = field(default_factory=dict)
    scorings: dict[int, Scoring] = field(default_factory=dict)
    block: int = 0
    opened_in: int = 0
    closed_in: int = 0
    spending: JobSpending | None = None
    withdrawn: dict[int, WithdrawnData] = field(default_factory=dict)
    convictions: tuple[Conviction, ...] = ()
    shows: dict[ShowPlace, tuple[ShowCall, ...]] = field(default_factory=dict)
    convicted: int = 0
    sound: int = 0
    void: tuple[tuple[int, int], ...] = ()

    @property
    def current(self) -> Round | None:
        return self.rounds.get(len(self.rounds))

    def approvals_after(self, recoveries: int) -> frozenset[int]:
        """The members' approvals that the consortium's recovery of that number, its latest, has left."""
        return self.approvals if self.recoveries == recoveries else frozenset()

    @property
    def complete(self) -> bool:
        """Whether as many rounds were finalised as the terms allow."""
        return self.finalised == self.terms.rounds

    def is_void(self, number: int) -> bool:
        """Whether a rewind left a round out."""
        return any(first <= number <= last for first, last in self.void)

    def is_convicted(self, number: int) -> bool:
        """Whether the model of a round is a convicted one or stands on one: it is at or after `convicted`, or void."""
        return 0 < self.convicted <= number or self.is_void(number)

    def withdrawn_by(self, block: int) -> frozenset[int]:
        """The members that had withdrawn their data in blocks before `block`."""
        return frozenset(index for index, said in self.withdrawn.items() if said.block < block)

    def broken_by(self, index: int) -> tuple[int, ...]:
        """The rounds to which a member committed an update after it had withdrawn its data, ascending."""
        said = self.withdrawn.get(index)
        later = range(said.last_round + 1, len(self.rounds) + 1) if said else range(0)
        return tuple(number for number in later if index in self.rounds[number].commitments)

    def conviction_of(self, number: int, attempt: int) -> Convicted | None:
        """What the court found of an attempt at round `number`, where it was convicted."""
        found = (one.said for one in self.convictions if (one.said.round, one.attempt) == (number, attempt))
        return next(found, None)

    def built_on(self, number: int) -> int:
        """The round whose model round `number` builds on, or built on, be it open yet or not; 0 for the initial model.

        It is the last one finalised before it, but for those that a rewind before it had left out.
        """
        for earlier in range(min(number - 1, len(self.rounds)), 0, -1):
            if self.rounds[earlier].final is not None and not self.was_left_out(earlier, number):
                return earlier
        return 0

    def was_left_out(self, number: int, at: int) -> bool:
        """Whether a rewind had left round `number` out when round `at` was opened."""
        return any(first <= number <= last < at for first, last in self.void)

    def lineage(self, number: int) -> list[int]:
        """The rounds whose models lead to that of round `number`, itself first, without the initial model."""
        found = []
        while number:
            found.append(number)
            number = self.built_on(number)
        return found

    @property
    def stage(self) -> JobStage:
        """How far it has come, in one word: a job that is complete stays so, closed or not; one that stands on a
        convicted model waits for its members first."""
        if self.convicted and not self.closed:
            return "convicted"
        if self.complete:
            return "complete"
        if self.closed:
            return "closed"
        return "open" if self.open else "proposed"

    @property
    def base(self) -> bytes:
        """The tensor root of the model that the current round builds on, or the next one after its end."""
        final = self.rounds[self.latest].final if self.latest else None
        return final.root if final else self.model.initial

    @property
    def latest_scoring(self) -> Scoring | None:
        """The scoring opened last."""
        return next(reversed(self.scorings.values()), None)

    @property
    def scoring(self) -> Scoring | None:
        """The scoring under way."""
        latest = self.latest_scoring
        return latest if latest is not None and latest.outcome is None else None

    @property
    def next_to_score(self) -> int | None:
        """The round whose scoring is to be opened next; None where the job makes no scores, or none is left."""
        last = self.latest_scoring.round if self.latest_scoring else 0
        later = range(last + 1, len(self.rounds) + 1)
        finals = (n for n in later if self.rounds[n].final is not None and not self.is_void(n))
        return next(finals, None) if self.terms.scored else None

    def scores(self, number: int) -> dict[int, int]:
        """The settled scores of a round, by member index; nothing where it has none."""
        scoring = self.scorings.get(number)
        if scoring is None or scoring.medians is None:
            return {}
        admitted = self.rounds[number].admitted()
        return {update.index: score for update, score in zip(admitted, scoring.medians, strict=True)}

    @property
    def sound_model(self) -> Aggregate | None:
        """The last finalised model that stands on no convicted one; None for the initial model."""
        number = self.sound if self.convicted else self.built_on(len(self.rounds) + 1)
        return self.rounds[number].final if number else None
