"""What the ledger's events add up to: members, jobs, rounds, scores, and what was said. `fold` fills it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from ledger.events import rounds as r
from ledger.events.members import Role
from ledger.formats.claims import Claimed
from ledger.formats.digest import NOTHING


class Impossible(Exception):
    """An event cannot follow; its text says why. `ledger.history.fold` makes a HistoryError of it."""


@dataclass(frozen=True, slots=True)
class ScoreBoard:
    """Where scores are committed to: chain id and ScoreBoard's address."""

    chain: int
    address: str


class Phase(Enum):
    """Where a round is, in the contract's order; the last three are terminal."""

    COLLECTING = "Collecting"
    OPENING = "Opening"
    AGGREGATING = "Aggregating"
    ATTESTING = "Attesting"
    FINALISED = "Finalised"
    REFUTED = "Refuted"
    ABANDONED = "Abandoned"

    @property
    def terminal(self) -> bool:
        return self in (Phase.FINALISED, Phase.REFUTED, Phase.ABANDONED)


@dataclass(slots=True)
class Member:
    """A member: `key` speaks for it from epoch `since` on; `keys` are all it ever had.

    Its roles are those of epoch `roles_since` on; `recoveries` says how often the others replaced its key. One that was
    removed has no key and no roles.
    """

    index: int
    key: str
    roles: Role
    since: int
    keys: list[str]
    roles_since: int
    recoveries: int = 0
    gateway: str = ""

    @property
    def active(self) -> bool:
        return bool(self.key)

    def has(self, role: Role) -> bool:
        return bool(self.roles & role)

    def acts(self, role: Role, epoch: int) -> bool:
        """Whether its present key may act in the role where `epoch` counts: it has both now, and had them then."""
        return self.has(role) and max(self.since, self.roles_since) <= epoch


@dataclass(frozen=True, slots=True)
class UpdateCommitment:
    """What a party bound itself to before anyone saw it: 28 bytes."""

    party: str
    index: int
    digest: bytes
    tx: bytes


@dataclass(frozen=True, slots=True)
class Update:
    """What a party had committed to, once it was opened.

    `tx` is the transaction in which the party committed to it; `opening` the one that showed it, sent by any key, and
    `block` that one's block.
    """

    party: str
    index: int
    weight: int
    root: bytes
    cid: bytes
    salt: bytes
    tx: bytes
    opening: bytes
    block: int


@dataclass(frozen=True, slots=True)
class Attestation:
    """What a member said on an attempt; `ledger.events.rounds.Attested` says what claim and detail are."""

    member: str
    index: int
    form: r.Form
    claim: bytes
    detail: bytes
    tx: bytes

    @property
    def agrees(self) -> bool:
        return self.form is r.Form.AGREE


@dataclass(slots=True)
class Aggregate:
    """One attempt at a round's outcome, with all that it claims (`ledger.formats.claims.Claimed`).

    `outcome` is None while members attest: then FINALISED; REFUTED or ABANDONED where it failed, after a majority
    spoke on it or not; ABANDONED, too, where a majority agrees that there is no model. `block` is that of `tx`.
    """

    attempt: int
    aggregator: str
    index: int
    base: bytes
    root: bytes
    cid: bytes
    as_of: int
    anchor: bytes
    head: bytes
    receipts: bytes
    verdicts: bytes
    claim: bytes
    deadline: int
    tx: bytes
    block: int
    attestations: list[Attestation] = field(default_factory=list)
    outcome: Phase | None = None

    @property
    def said(self) -> Claimed:
        """What it claims, as the contract takes it."""
        history = (self.as_of, self.anchor, self.head)
        return Claimed(self.base, self.root, self.cid, *history, self.receipts, self.verdicts)

    @property
    def empty(self) -> bool:
        """Whether it claims that no model can be made."""
        return self.root == NOTHING

    @property
    def agreeing(self) -> int:
        """How many members stand by it, its aggregator included, and those that agreed after it was final."""
        return 1 + sum(attestation.agrees for attestation in self.attestations)

    @property
    def against(self) -> int:
        """How many members computed another claim, or lack bytes."""
        return len(self.attestations) + 1 - self.agreeing

    def attested_by(self, index: int) -> bool:
        return index == self.index or any(a.index == index for a in self.attestations)


@dataclass(slots=True)
class Round:
    """A round, as the ledger stored it last; `ledger.history.phases.present` says where it is at a time.

    `deadline` is the end of `phase`, in seconds since 1970. `members`, `participants` and `aggregators` are how many
    there were when it opened, and `keys` the members' keys of that moment, by index. `commitments` and `updates` are by
    member index, both in the order of the commitments; `opened_in` is the block of the latest opening. `scored_to` is
    the last round of the job whose scores were settled when this one opened: what came later cannot weigh its updates.
    `tx` is the transaction that opened it.
    """

    job: int
    number: int
    opener: str
    opener_index: int
    epoch: int
    members: int
    participants: int
    aggregators: int
    keys: Mapping[int, str]
    update_deadline: int
    deadline: int
    phase: Phase = Phase.COLLECTING
    commitments: dict[int, UpdateCommitment] = field(default_factory=dict)
    updates: dict[int, Update] = field(default_factory=dict)
    opened_in: int = 0
    aggregates: list[Aggregate] = field(default_factory=list)
    reason: r.Reason = r.Reason.NONE
    scored_to: int = 0
    tx: bytes = b""

    @property
    def attempt(self) -> int:
        return len(self.aggregates)

    @property
    def majority(self) -> int:
        return self.members // 2 + 1

    @property
    def final(self) -> Aggregate | None:
        """The aggregate that was finalised with a model, where there is one."""
        last = self.aggregates[-1] if self.aggregates else None
        return last if self.phase is Phase.FINALISED else None

    @property
    def unopened(self) -> list[UpdateCommitment]:
        """What was committed to and not opened, by ascending member index."""
        return [self.commitments[index] for index in sorted(self.commitments.keys() - self.updates.keys())]

    def admitted(self) -> list[Update]:
        """The updates that the final model is made of, by ascending member index; none without a final model."""
        if self.final is None:
            return []
        return [u for u, verdict in zip(self.sorted_updates(), self.final.verdicts, strict=True) if verdict == 0]

    def sorted_updates(self) -> list[Update]:
        """By ascending member index: the order of verdicts, and of everything that is computed."""
        return [self.updates[index] for index in sorted(self.updates)]


class ScoringPhase(Enum):
    """Where a scoring is, as the contract says it; the index is the contract's number."""

    NONE = "None"
    COMMITTING = "Committing"
    REVEALING = "Revealing"
    OVER = "Over"
    SETTLED = "Settled"
    VOID = "Void"


@dataclass(frozen=True, slots=True)
class Commitment:
    """What a scorer bound itself to."""

    scorer: str
    index: int
    digest: bytes
    tx: bytes


@dataclass(frozen=True, slots=True)
class Reveal:
    """The scores that a scorer had committed to: one for each admitted update, by ascending member index."""

    scorer: str
    index: int
    scores: tuple[int, ...]
    salt: bytes
    tx: bytes


@dataclass(slots=True)
class Scoring:
    """The scores of one round: what was committed and revealed, by member index, and the median for each update.

    `scorers` could commit, `quorum` of them must reveal. Deadlines in seconds since 1970, their second included; past
    `settle_deadline` a scoring that nobody settled may be made void. `reveals` stand in the order in which they were
    made. `settled` are the medians so far, of the first updates. `withheld` are the members that committed and never
    revealed. `outcome` is SETTLED or VOID once it is; `root` is zero and `medians` None until it is settled. `block` is
    that of its opening.
    """

    job: int
    round: int
    opener: str
    seed: bytes
    updates: int
    epoch: int
    scorers: int
    quorum: int
    commit_deadline: int
    reveal_deadline: int
    tx: bytes
    commitments: dict[int, Commitment] = field(default_factory=dict)
    reveals: dict[int, Reveal] = field(default_factory=dict)
    settled: tuple[int, ...] = ()
    medians: tuple[int, ...] | None = None
    root: bytes = NOTHING
    withheld: frozenset[int] = frozenset()
    outcome: ScoringPhase | None = None
    block: int = 0

    @property
    def pending(self) -> frozenset[int]:
        """The members that committed and have not revealed."""
        return frozenset(self.commitments.keys() - self.reveals.keys())

    @property
    def full(self) -> bool:
        """Whether every scorer has committed: the deadline is not waited for then."""
        return len(self.commitments) >= self.scorers

    @property
    def settle_deadline(self) -> int:
        """The last second that is left to settling: as long after the reveals' deadline as these had."""
        return 2 * self.reveal_deadline - self.commit_deadline

    def phase(self, now: int) -> ScoringPhase:
        """Where it is at `now`, in seconds since 1970 by the chain's clock.

        What is OVER can be settled or, below the quorum and past `settle_deadline`, be made void.
        """
        if self.outcome is not None:
            return self.outcome
        if now <= self.commit_deadline and not self.full:
            return ScoringPhase.COMMITTING
        return ScoringPhase.REVEALING if self.pending and now <= self.reveal_deadline else ScoringPhase.OVER


@dataclass(slots=True)
class JobState:
    """A job as the ledger knows it; its document is in the content store under `digest`.

    `approvals` are the members that approved it since the consortium's recovery number `recoveries`: the next one
    discards them. `finalised` counts the rounds with a model, `latest` is the number of the last one. `strikes` are by
    member index: turns that were left and attempts that failed, less the rounds finalised since.
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
