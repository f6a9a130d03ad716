"""A ledger in memory: members, one job, and what they say, in the order of the contract's events, honest or not.

It knows no bytes of models: `world` adds them. Deadlines follow one another as if nothing came before its last second.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from support.worlds.logged import logged
from support.worlds.signing import key, sign

from ledger.chain.build import ContractName
from ledger.config import FoundingMember
from ledger.events import records
from ledger.events.members import Role
from ledger.formats.claims import SALT, Claimed, RoundName, UpdateOpening, claim_of, commitment, pack_openings
from ledger.formats.digest import NOTHING, keccak
from ledger.formats.head import FoundingRecord
from ledger.formats.member_name import NameWords, name_words, plain_name
from ledger.history.fold import History
from ledger.history.foundation import Foundation
from ledger.history.state import Aggregate, JobState, Phase, Round, ScoreBoard
from ledger.history.state.masking import bitmap_of

CHAIN = 31337
CONTRACT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
BOARD = ScoreBoard(CHAIN, "0x8f86403A4DE0BB5791fa46B8e795C547942fE4Cf")
ADDRESSES: dict[ContractName, str] = {
    "consortium": "0x0000000000000000000000000000000000000001",
    "ledger": CONTRACT,
    "scores": BOARD.address,
    "releases": "0x0000000000000000000000000000000000000002",
    "ballots": "0x0000000000000000000000000000000000000003",
    "masks": "0x0000000000000000000000000000000000000004",
    "budgets": "0x0000000000000000000000000000000000000005",
    "court": "0x0000000000000000000000000000000000000006",
}
FOUNDING_BLOCK = 1
EVERY_ROLE = Role.PARTICIPANT | Role.AGGREGATOR | Role.SCORER


def block_hash(block: int) -> bytes:
    """The hash of a block of the chain in memory."""
    return block.to_bytes(32, "big")


def foundation(keys: Sequence[str], *roles: Role) -> Foundation:
    """The founding by members with these keys, and these roles or all."""
    record = FoundingRecord(CHAIN, FOUNDING_BLOCK, block_hash(FOUNDING_BLOCK), **ADDRESSES)
    words = [role.words for role in roles] or [EVERY_ROLE.words] * len(keys)
    named = zip(keys, words, strict=True)
    members = (FoundingMember(name=plain_name(i), key=k, roles=r) for i, (k, r) in enumerate(named))
    return Foundation(record, tuple(members))


def named(index: int) -> NameWords:
    """The name of a member in the worlds of tests, as the ledger has it: member 3."""
    return name_words(plain_name(index))


def contract_of(kind: type[records.Event]) -> ContractName:
    """The contract that writes such an event."""
    of: dict[type[records.Event], ContractName] = {
        records.MemberEvent: "consortium",
        records.ScoreEvent: "scores",
        records.BallotEvent: "ballots",
        records.ReleaseEvent: "releases",
        records.MaskEvent: "masks",
        records.BudgetEvent: "budgets",
        records.CourtEvent: "court",
    }
    return next((name for family, name in of.items() if issubclass(kind, family)), "ledger")


BLOCK_SECONDS = 12
"""From a block to the next; block 0 is made at 0."""


class Chain:
    """Members and their statements, on record in `events` and folded in `history`."""

    def __init__(self, members: int) -> None:
        self.keys = [key(i) for i in range(members)]
        self.events: list[records.Event] = []
        self.transactions: dict[bytes, tuple[bytes, int]] = {}
        self.foundation = foundation(self.keys)
        self.history = History(self.foundation)
        for index in range(members):
            self.emit(records.MemberAdmitted, index=index, key=self.keys[index], roles=7, epoch=1, name=named(index))

    def emit(self, kind: type[records.Event], /, **fields: Any) -> records.Event:
        """Put an event on record, with the transaction that its member signed for it."""
        block = len(self.events) + 1
        said = fields | {"signer": self._signer(kind, fields)} | self.implied(kind, fields)
        raw = sign(kind, said, ADDRESSES[contract_of(kind)], CHAIN, block)
        tx = keccak(raw) if raw else block_hash(block)
        if raw:
            self.transactions[tx] = raw, block
        event = logged(kind(block=block, log=0, tx=tx, leaf=NOTHING, **fields), ADDRESSES)
        self.history.apply(event)
        self.events.append(event)
        return event

    def _signer(self, kind: type[records.Event], fields: dict[str, Any]) -> str:
        """The key behind an event that does not name it."""
        if kind in (records.MaskingConfigured, records.SpendingConfigured) and fields["job"] in self.history.jobs:
            return self.history.jobs[fields["job"]].proposer
        who = self.history.members.get(fields["member"]) if kind is records.RotationApproved else None
        return who.key if who else ""

    def implied(self, kind: type[records.Event], fields: dict[str, Any]) -> dict[str, Any]:
        """What a call says and its event does not: the claim; a job's digest; which cast or set is agreed with."""
        if kind is records.AggregatePublished:
            return {"claim": self._claim(fields["job"], fields["round"], fields["aggregate"])}
        masks, state = self.history.masks.get(fields.get("job", 0)), self.history.jobs.get(fields.get("job", 0))
        if kind is records.DataWithdrawn:
            return {"digest": state.digest if state else NOTHING}
        if kind is records.CastAgreed:
            found = masks.segments.get(fields["segment"]) if masks else None
            return {"cast": bitmap_of(found.proposals[-1].members) if found and found.proposals else 0}
        if kind is records.SetAgreed:
            said = masks.rounds.get(fields["round"]) if masks else None
            return {"set": bitmap_of(said.proposals[-1].members) if said and said.proposals else 0}
        return {}

    def _claim(self, job: int, number: int, said: Claimed) -> bytes:
        """What the aggregate claims of the round's openings, none where there is no such round."""
        state = self.history.jobs.get(job)
        round_ = state.rounds.get(number) if state else None
        return claim_of(RoundName(CHAIN, CONTRACT, job, number), round_.opened if round_ else NOTHING, said)

    @property
    def block(self) -> int:
        """The latest block."""
        return len(self.events)

    @property
    def state(self) -> JobState:
        return self.history.jobs[1]

    @property
    def round(self) -> Round:
        current = self.state.current
        assert current is not None
        return current

    @property
    def aggregate(self) -> Aggregate:
        return self.round.aggregates[-1]

    @property
    def name(self) -> RoundName:
        """The current round's."""
        return RoundName(CHAIN, CONTRACT, 1, self.round.number)

    @property
    def where(self) -> dict[str, int]:
        """The current round, as an event names it."""
        return {"job": 1, "round": self.round.number}

    def approve(
        self,
        digest: bytes,
        terms: records.Terms,
        model: records.ModelTerms,
        masking: records.Masking | None = None,
        costs: records.Spending | None = None,
    ) -> None:
        """Propose a job, masked or with noise or neither, and have a majority approve it: it is open."""
        proposed = {"digest": digest, "proposer": self.keys[0], "terms": terms, "model": model}
        self.emit(records.JobProposed, job=1, **proposed)
        if masking is not None:
            self.emit(records.MaskingConfigured, job=1, terms=masking)
        if costs is not None:
            self.emit(records.SpendingConfigured, job=1, terms=costs)
        for index in range(len(self.keys) // 2 + 1):
            self.emit(records.JobApproved, job=1, member=self.keys[index], approvals=index + 1)
        self.emit(records.JobOpened, job=1, epoch=1)

    def start_round(self, opener: int = 0) -> None:
        """Open the next round."""
        number = len(self.state.rounds) + 1
        opened = {"opener": self.keys[opener], "epoch": self.history.epoch, "deadline": number * 1000}
        self.emit(records.RoundOpened, job=1, round=number, **opened)

    def spend(self, *members: int, job: int = 1) -> None:
        """Members spend the current round's cost."""
        state = self.history.jobs[job]
        assert state.spending is not None
        for member in members:
            index, terms = self.history.member_of(self.keys[member]), state.spending.terms
            total = self.history.scopes.totals.get((terms.scope, index.index if index else -1), 0) + terms.cost
            said = {"job": job, "round": len(state.rounds), "member": self.keys[member], "total": total}
            self.emit(records.Spent, **said)

    def opening(self, member: int, weight: int, root: bytes, cid: bytes) -> UpdateOpening:
        """What opens an update of a member in the current round."""
        salt = keccak(b"salt %d %d" % (member, self.round.number) + root + cid)[:SALT]
        return UpdateOpening(self.keys[member], weight, root, cid, salt)

    def commit_update(self, opening: UpdateOpening) -> None:
        """A party commits to an update."""
        round_ = self.round
        full = len(round_.commitments) + 1 == round_.target
        deadline = round_.deadline + (self.state.terms.open_seconds if full else 0)
        said = {"commitment": commitment(self.name, opening), "deadline": deadline}
        self.emit(records.UpdateCommitted, **self.where, party=opening.party, **said)

    def open_updates(self, openings: Iterable[UpdateOpening]) -> None:
        """Show updates that parties committed to, at least one."""
        round_, terms, packed = self.round, self.state.terms, list(openings)
        full = len(round_.updates) + len(packed) == len(round_.commitments)
        opening = terms.open_seconds if round_.phase is Phase.COLLECTING else 0
        deadline = round_.deadline + opening + (2 * terms.aggregate_seconds if full else 0)
        self.emit(records.UpdatesOpened, **self.where, deadline=deadline, openings=pack_openings(packed))

    def publish_claim(self, member: int, said: Claimed) -> Aggregate:
        """An aggregator publishes."""
        deadline = BLOCK_SECONDS * (self.block + 1) + self.state.terms.attest_seconds
        made = {"attempt": self.round.attempt + 1, "aggregate": said, "deadline": deadline}
        self.emit(records.AggregatePublished, **self.where, aggregator=self.keys[member], **made)
        return self.aggregate

    def say(self, member: int, form: records.Form, claim: bytes, detail: bytes = NOTHING) -> None:
        """A member speaks on the latest attempt; and what the contract makes of it."""
        round_, aggregate = self.round, self.aggregate
        said = {"attempt": aggregate.attempt, "form": form, "claim": claim, "detail": detail}
        self.emit(records.Attested, **self.where, member=self.keys[member], **said)
        if round_.phase is Phase.FINALISED:
            return
        if aggregate.agreeing >= round_.majority:
            self._conclude(aggregate)
        elif aggregate.against > round_.members - round_.majority:
            self.fail()

    def _conclude(self, aggregate: Aggregate) -> None:
        if aggregate.empty:
            self.emit(records.RoundAbandoned, **self.where, reason=records.Reason.TOO_FEW_UPDATES)
        else:
            self.emit(records.RoundFinalised, **self.where, attempt=aggregate.attempt, root=aggregate.root)

    def fail(self) -> None:
        """The latest attempt fails: by the votes, or for want of them after its deadline."""
        round_, aggregate, terms = self.round, self.aggregate, self.state.terms
        last = aggregate.attempt in (terms.attempts, round_.aggregators)
        deadline = 0 if last else round_.deadline + terms.aggregate_seconds
        self.emit(records.AttemptFailed, **self.where, attempt=aggregate.attempt, deadline=deadline)
        if last and aggregate.outcome is Phase.REFUTED:
            self.emit(records.RoundRefuted, **self.where)
        elif last:
            self.emit(records.RoundAbandoned, **self.where, reason=records.Reason.NO_QUORUM)

    def advance(self) -> None:
        """The deadline passes, and a member moves the round on."""
        if self.round.phase is Phase.ATTESTING:
            self.fail()
            return
        reason = records.Reason.NO_AGGREGATE if self.round.updates else records.Reason.TOO_FEW_UPDATES
        self.emit(records.RoundAbandoned, **self.where, reason=reason)
