"""A small consortium in memory: a content store and a ledger's events, honest or not, for tests of the core.

The contract is not imitated beyond the order of its events; what a test wants on record it puts there, lies included.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
from support.worlds.logged import logged
from support.worlds.signing import key, sign

from ledger.audit import Audit, Observed, scope_of
from ledger.audit.report import Report
from ledger.chain.build import ContractName
from ledger.chain.evidence.fetch import proof
from ledger.config import FoundingMember
from ledger.errors import Corrupt, FedledgerError, Unavailable
from ledger.events import records
from ledger.events.evidence import BlockName, Said, SignedStatement, Unproven
from ledger.events.members import Role
from ledger.formats.artifact import Layout, Tensor
from ledger.formats.cid import Cid
from ledger.formats.claims import claim as claim_of
from ledger.formats.digest import NOTHING, keccak
from ledger.formats.head import FoundingRecord
from ledger.formats.header import Binding
from ledger.formats.merkle import root_of
from ledger.formats.unixfs import cid_of
from ledger.history.fold import History
from ledger.history.foundation import Foundation
from ledger.history.state import Aggregate, JobState, Round, ScoreBoard
from ledger.jobs.document import Admission, InitialModel, Job, JobTask, NoScoring, Rule, Scoring, WeightedMean
from ledger.jobs.reserved import RESERVED
from ledger.rounds.facts import Place, RoundFacts, initial_binding, update_binding
from ledger.rounds.outcome import Outcome, excused, recompute

CHAIN = 31337
CONTRACT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
BOARD = ScoreBoard(CHAIN, "0x8f86403A4DE0BB5791fa46B8e795C547942fE4Cf")
ADDRESSES: dict[ContractName, str] = {
    "consortium": "0x0000000000000000000000000000000000000001",
    "ledger": CONTRACT,
    "scores": BOARD.address,
    "releases": "0x0000000000000000000000000000000000000002",
    "ballots": "0x0000000000000000000000000000000000000003",
}
FOUNDING_BLOCK = 1
EVERY_ROLE = Role.PARTICIPANT | Role.AGGREGATOR | Role.SCORER
NAMES = ("north", "east", "south", "west", "centre", "coast", "valley")
TENSORS = (Tensor("layer.bias", (10,)), Tensor("layer.weight", (30, 20)))
TERMS = records.Terms(rounds=5, update_seconds=60, aggregate_seconds=60, attest_seconds=60, attempts=3)
LIMITS = Admission(min_updates=2, max_weight=1000, max_value=1 << 20, max_norm=1 << 28)


def block_hash(block: int) -> bytes:
    """The hash of a block of the chain in memory."""
    return block.to_bytes(32, "big")


def foundation(keys: Sequence[str], *roles: Role) -> Foundation:
    """The founding by members with these keys, and these roles or all."""
    record = FoundingRecord(CHAIN, FOUNDING_BLOCK, block_hash(FOUNDING_BLOCK), **ADDRESSES)
    words = [role.words for role in roles] or [EVERY_ROLE.words] * len(keys)
    return Foundation(record, tuple(FoundingMember(key=k, roles=r) for k, r in zip(keys, words, strict=True)))


class Files:
    """A content store in a dictionary, read as every store is read: what does not match its CID is never returned."""

    def __init__(self, piece: int = 1 << 20) -> None:
        self.files: dict[Cid, bytes] = {}
        self.piece = piece
        self.read: list[Cid] = []

    def put(self, data: bytes) -> Cid:
        cid = cid_of([data])[0]
        self.files[cid] = data
        return cid

    def fetch(self, cid: Cid, start: int, stop: int | None) -> Iterator[bytes]:
        if cid not in self.files:
            raise Unavailable("nobody holds the file", cid=cid)
        data = self.files[cid]
        if cid_of([data])[0] != cid:
            raise Corrupt("the copy does not match its CID", cid=cid)
        self.read.append(cid)
        part = memoryview(data)[start:stop]
        for at in range(0, len(part), self.piece):
            yield part[at : at + self.piece]


def artifact(layout: Layout, binding: Binding, values: np.ndarray) -> bytes:
    """The file of an artifact: the one header and the integers."""
    return layout.header(binding) + values.astype("<i4").tobytes()


@dataclass
class Sent:
    """What a test's participant registered."""

    values: np.ndarray
    root: bytes
    cid: Cid


class World:
    """Members, one job, and rounds, on record in `events` and folded in `history`."""

    def __init__(
        self,
        members: int = 4,
        *,
        rule: Rule | None = None,
        tensors: tuple[Tensor, ...] = TENSORS,
        limits: Admission = LIMITS,
        terms: records.Terms = TERMS,
        files: Files | None = None,
        seed: int = 1,
        initial: Sequence[int] = (),
        scoring: Scoring | None = None,
    ) -> None:
        self.files = files or Files()
        self.random = np.random.default_rng(seed)
        self.place = Place(CHAIN, CONTRACT)
        self.keys = [key(i) for i in range(members)]
        self.events: list[records.Event] = []
        self.transactions: dict[bytes, tuple[bytes, int]] = {}
        self.foundation = foundation(self.keys)
        self.history = History(self.foundation)
        layout = Layout(tensors)
        drawn = self.random.integers(-(1 << 24), 1 << 24, layout.values)
        self.initial = np.asarray(initial or drawn).astype("<i4")
        model = artifact(layout, initial_binding(), self.initial)
        self.job = Job(
            fedledger="job/2",
            name="test",
            task=JobTask(name="tabular", version="1", code="00" * 32, settings={"epochs": 1}),
            tensors=tensors,
            initial_model=InitialModel(cid=str(self.files.put(model)), root=root_of(self.initial).hex(), seed=1),
            aggregation=rule or WeightedMean(),
            admission=limits,
            terms=terms,
            scoring=scoring or NoScoring(),
            **RESERVED,
        )
        self.layout = self.job.layout
        self.files.put(self.job.encode())
        for index in range(members):
            self.emit(records.MemberAdmitted, index=index, key=self.keys[index], roles=7, epoch=1)

    def emit(self, kind: type[records.Event], /, **fields: Any) -> records.Event:
        """Put an event on record, with the transaction that its member signed for it."""
        block = len(self.events) + 1
        contract = ADDRESSES["scores" if issubclass(kind, records.ScoreEvent) else "ledger"]
        raw = sign(kind, fields, contract, CHAIN, block)
        tx = keccak(raw) if raw else block_hash(block)
        if raw:
            self.transactions[tx] = raw, block
        event = logged(kind(block=block, log=0, tx=tx, leaf=NOTHING, **fields), ADDRESSES)
        self.history.apply(event)
        self.events.append(event)
        return event

    def open_job(self, digest: bytes | None = None, terms: records.Terms | None = None) -> "World":
        terms = terms or self.job.terms
        self.emit(records.JobProposed, job=1, digest=digest or self.job.digest, proposer=self.keys[0], terms=terms)
        majority = len(self.keys) // 2 + 1
        for index in range(majority):
            self.emit(records.JobApproved, job=1, member=self.keys[index], approvals=index + 1)
        self.emit(records.JobOpened, job=1, epoch=1)
        return self

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
    def facts(self) -> RoundFacts:
        """Those of the current round."""
        return RoundFacts.of(self.place, self.state, self.job, self.round)

    def open_round(self, opener: int = 0) -> "World":
        number = len(self.state.rounds) + 1
        self.emit(records.RoundOpened, job=1, round=number, opener=self.keys[opener], epoch=1, deadline=number * 1000)
        return self

    def binding(self, member: int) -> Binding:
        """What an honest update of a member says in the current round."""
        return update_binding(self.place, self.round, self.keys[member], self.facts.base)

    def submit(
        self,
        member: int,
        values: np.ndarray | None = None,
        *,
        weight: int = 10,
        binding: Binding | None = None,
        data: bytes | None = None,
        root: bytes | None = None,
        stored: bool = True,
    ) -> Sent:
        """Register an update. Any part of it can be given; the rest is honest and random."""
        if values is None:
            values = self.random.integers(-(1 << 16), 1 << 16, self.layout.values).astype("<i4")
        if data is None:
            data = artifact(self.layout, binding or self.binding(member), values)
        cid = self.files.put(data)
        if not stored:
            del self.files.files[cid]
        sent = Sent(values, root or root_of(values), cid)
        fields = {"party": self.keys[member], "weight": weight, "root": sent.root, "cid": cid.digest}
        self.emit(records.UpdateSubmitted, job=1, round=self.round.number, **fields)
        return sent

    def outcome(self, without: Sequence[int] = (), **options: Any) -> Outcome:
        """What an honest party computes for the current round."""
        return recompute(self.facts, self.files.fetch, without=without, **options)

    def publish(self, member: int, outcome: Outcome | None = None, **lies: Any) -> Aggregate:
        """Publish an aggregate, by default the honest one, stored; `lies` replace its root, cid or verdicts."""
        if outcome is None:
            made: list[bytes] = []
            outcome = self.outcome(keep=lambda pieces: made.extend(bytes(piece) for piece in pieces))
            self.files.put(b"".join(made))
        said = {"root": outcome.root, "cid": outcome.cid, "verdicts": outcome.verdicts} | lies
        number, attempt = self.round.number, self.round.attempt + 1
        fields = {"aggregator": self.keys[member], "attempt": attempt, "deadline": number * 1000 + attempt}
        self.emit(records.AggregatePublished, job=1, round=number, **fields, **said)
        return self.aggregate

    def attest(self, member: int, claim: bytes | None = None) -> None:
        """Attest a claim, by default the one that recomputes under the aggregate's excuses; settle the round."""
        aggregate, round_ = self.aggregate, self.round
        if claim is None:
            claim = self.outcome(sorted(excused(round_, aggregate.attempt))).claim
        agrees = claim == aggregate.claim
        where = {"job": 1, "round": round_.number}
        self.emit(
            records.Attested, **where, member=self.keys[member], attempt=aggregate.attempt, claim=claim, agrees=agrees
        )
        agreeing = 1 + sum(a.agrees for a in aggregate.attestations)
        against = len(aggregate.attestations) + 1 - agreeing
        majority = len(self.keys) // 2 + 1
        if agreeing == majority:
            self._conclude(aggregate)
        elif against > len(self.keys) - majority:
            refuted = {"aggregator": aggregate.aggregator, "attempt": aggregate.attempt}
            self.emit(records.AggregateRefuted, **where, **refuted)
            if aggregate.attempt == self.job.terms.attempts:
                self.emit(records.RoundRefuted, **where)

    def _conclude(self, aggregate: Aggregate) -> None:
        where = {"job": 1, "round": self.round.number}
        if aggregate.empty:
            self.emit(records.RoundAbandoned, **where, reason=records.Reason.TOO_FEW_UPDATES)
            return
        what = {"attempt": aggregate.attempt, "root": aggregate.root, "cid": aggregate.cid}
        self.emit(records.RoundFinalised, **where, **what)

    def honest_round(self, updates: Sequence[int] | None = None) -> "World":
        """Open a round, submit, publish and attest until it is final."""
        self.open_round()
        for member in range(len(self.keys)) if updates is None else updates:
            self.submit(member)
        self.publish(0)
        for member in range(1, len(self.keys) // 2 + 1):
            self.attest(member)
        return self

    def observed(self) -> Observed:
        """What an honest chain says."""
        heads = {(1, party): head for party, head in self.state.heads.items()}
        rounds = self.state.rounds.items()
        models = {(1, number): round_.final.root if round_.final else bytes(32) for number, round_ in rounds}
        claims = {(1, number): round_.final.claim if round_.final else NOTHING for number, round_ in rounds}
        code = {"Consortium": ("0x11", "0x11"), "RoundLedger": ("0x22", "0x22")}
        return Observed(code, None, heads, models, claims)

    def witness(self, said: Said) -> SignedStatement:
        """What an honest node shows of a transaction."""
        if said.tx not in self.transactions:
            raise Unproven("the node has no such transaction", tx=said.tx.hex())
        raw, block = self.transactions[said.tx]
        try:
            found = proof(raw, said, CHAIN, ADDRESSES)
        except FedledgerError as error:
            raise Unproven(error.message, tx=said.tx.hex()) from error
        return msgspec.structs.replace(found, block=BlockName(number=block, hash="0x" + block_hash(block).hex()))

    def audit(
        self,
        observed: Observed | None = None,
        number: int | None = None,
        history: History | None = None,
        **options: Any,
    ) -> Report:
        """Audit all rounds, or one."""
        report = blank_report()
        history = history or self.history
        options = {"witness": self.witness} | options
        audit = Audit(history, self.place, report, self.files.fetch, lambda i: NAMES[i], **options)
        return audit.run(observed or self.observed(), scope_of(history, None, number))


def blank_report() -> Report:
    return Report(network="test", chain=CHAIN, consortium="0x00", ledger=CONTRACT, block=1, scope="all rounds")


def altered(values: np.ndarray, at: int, by: int = 1) -> np.ndarray:
    """A copy that differs in one value."""
    copy = values.copy()
    copy[at] += by
    return copy


def seen(observed: Observed, **changes: Any) -> Observed:
    """An observation with some parts replaced."""
    return replace(observed, **changes)


def lying_claim(world: World, root: bytes, cid: bytes) -> bytes:
    """The claim of another model for the current round, with the published verdicts."""
    return claim_of(1, world.round.number, root, cid, world.aggregate.verdicts)
