"""A job, with its rounds and their scores."""

from dataclasses import dataclass, field
from typing import Literal

from ledger.events import rounds as r
from ledger.events.budgets import Spending
from ledger.history.state.rounds import Aggregate, Round
from ledger.history.state.scorings import Scoring

JobStage = Literal["proposed", "open", "complete", "closed"]


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


@dataclass(slots=True)
class JobState:
    """A job as the ledger knows it; its document is in the content store under `digest`.

    `approvals` are the members that approved it since the consortium's recovery number `recoveries`: the next one
    discards them. `finalised` counts the rounds with a model, `latest` is the number of the last one. `strikes` are by
    member index: turns that were left and attempts that failed, less the rounds finalised since. `block` is that of its
    proposal, `opened_in` and `closed_in` are those of its opening and its closing, 0 before them. `spending` is
    absent where its rounds cost nothing.
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

    @property
    def stage(self) -> JobStage:
        """How far it has come, in one word: a job that is complete stays so, closed or not."""
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
        finals = (n for n in range(last + 1, len(self.rounds) + 1) if self.rounds[n].final is not None)
        return next(finals, None) if self.terms.scored else None

    def scores(self, number: int) -> dict[int, int]:
        """The settled scores of a round, by member index; nothing where it has none."""
        scoring = self.scorings.get(number)
        if scoring is None or scoring.medians is None:
            return {}
        admitted = self.rounds[number].admitted()
        return {update.index: score for update, score in zip(admitted, scoring.medians, strict=True)}

    def latest_model(self, before: int | None = None) -> Aggregate | None:
        """The last finalised global model, of a round below `before` where given."""
        top = len(self.rounds) if before is None else before - 1
        for number in range(top, 0, -1):
            final = self.rounds[number].final
            if final is not None:
                return final
        return None
